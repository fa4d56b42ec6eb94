"""The network as data: how it is walked, and how expressions in it become integers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from x3dspec.language import numbers
from x3dspec.language.expressions import ONE, constant, variable
from x3dspec.language.source import Identity
from x3dspec.network import layers as net

W, D = variable("w"), variable("d")
ONE_SHAPE = net.Shape(W, (D, constant(8)))


def named(name: str, when: Any = ONE) -> net.Dropout[Any]:
    return net.Dropout(name, ("layers", 0), when, ONE_SHAPE, ONE_SHAPE, 0.5)


def residual(name: str, branch: tuple[Any, ...], shortcut: tuple[Any, ...]) -> net.Residual[Any]:
    return net.Residual(name, (), ONE, ONE_SHAPE, ONE_SHAPE, branch, shortcut)


def stage(repeat: Any, *rest: str) -> net.Stage[Any]:
    bodies = tuple((named(name),) for name in rest)
    arguments = tuple((("width", name),) for name in rest)
    first = (named("first"),)
    given = (("width", 24), ("inner", 54))
    return net.Stage("s", "unit", (), given, repeat, True, first, bodies, arguments, ONE_SHAPE, ONE_SHAPE)


def network(*sizes: int) -> net.Network[int]:
    return net.Network(Identity("n", "N", "", "N", "MIT"), net.Shape(3, sizes), 2, 10, ())


def test_the_clip_of_a_network() -> None:
    video, image = network(16, 224, 224), network(224, 224)
    assert (video.frames, video.size) == (16, 224)
    assert (image.frames, image.size) == (None, 224)
    assert (network(7, 5, 3).frames, network(7, 5, 3).size) == (7, 3)


def test_arguments_of_a_stage_by_name() -> None:
    assert stage(1).argument("inner") == 54
    assert stage(1).argument("stride") is None


@pytest.mark.parametrize(
    ("repeat", "rest", "expected"),
    [
        (1, ["a"], ["first"]),
        (4, ["a"], ["first", "a", "a", "a"]),
        (5, ["even", "odd"], ["first", "odd", "even", "odd", "even"]),
        (6, ["a", "b", "c"], ["first", "b", "c", "a", "b", "c"]),
    ],
)
def test_blocks_take_the_rest_in_turn(repeat: int, rest: list[str], expected: list[str]) -> None:
    found = list(net.blocks(stage(repeat, *rest)))
    assert [body[0].name for body, _ in found] == expected
    assert [arguments for _, arguments in found] == [
        stage(1).arguments,
        *((("width", name),) for name in expected[1:]),
    ]


def test_layers_come_in_order_of_execution() -> None:
    inner = residual("inner", (named("c"),), ())
    body = (named("a"), residual("outer", (named("b"), inner), (named("short"),)), named("z"))
    found = [layer.name for layer in net.layers(body)]
    assert found == ["a", "short", "b", "c", "inner", "outer", "z"]


def test_a_walk_sees_each_distinct_block_once() -> None:
    assert [layer.name for layer in net.walk(stage(9, "even", "odd"))] == ["first", "even", "odd"]


def test_every_expression_is_found() -> None:
    layer = net.Conv("c", (), D, ONE_SHAPE, ONE_SHAPE, (1, 3), (1, 1), (0, 1), (1, 1), W, False)
    found = list(net.expressions((layer, "text", 3)))
    assert found == [D, W, D, constant(8), W, D, constant(8), W]
    assert list(net.expressions([W])) == []


def test_substitution_replaces_expressions_and_nothing_else() -> None:
    layer = net.Conv("c", ("x", 1), D, ONE_SHAPE, ONE_SHAPE, (1, 3), (1, 1), (0, 1), (1, 1), W, False)
    shape = net.Shape(32, (4, 8))
    found = net.substitute((layer, "text"), {D: 4, W: 32, constant(8): 8})
    assert found == (
        net.Conv("c", ("x", 1), 4, shape, shape, (1, 3), (1, 1), (0, 1), (1, 1), 32, False),
        "text",
    )
    assert type(found[0]) is net.Conv


def test_a_shape_that_is_shared_stays_shared() -> None:
    one, other = net.substitute((named("a"), named("b")), {ONE: 1, D: 4, W: 32, constant(8): 8})
    assert one.inputs is one.outputs is other.inputs
    assert (one.name, other.name) == ("a", "b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (Fraction(7), 7),
        (Fraction(-7), -7),
        (Fraction(7, 2), None),
        (numbers.sqrt(2), None),
    ],
)
def test_which_values_are_integers(value: Any, expected: int | None) -> None:
    assert net.whole(value) == expected
    assert type(net.whole(value)) in (int, type(None))
