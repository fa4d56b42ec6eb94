"""The cost rules layer by layer, each against what is written out by hand beside it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import constant, variable
from x3dspec.language.source import Identity
from x3dspec.language.tape import Tape
from x3dspec.network import cost
from x3dspec.network import layers as net
from x3dspec.network.cost import Cost

BEFORE = net.Shape(6, (4, 10, 12))
AFTER = net.Shape(8, (4, 5, 6))
#: Elements of one sample before and after.
IN, OUT = 2880, 960


def layer(kind: Any, *own: Any, inputs: Any = BEFORE, outputs: Any = AFTER, when: Any = 1) -> Any:
    return kind("layer", ("layers", 0), when, inputs, outputs, *own)


def conv(groups: Any = 1, bias: bool = False, when: Any = 1) -> net.Conv[Any]:
    made = layer(net.Conv, (1, 3, 5), (1, 2, 2), (0, 1, 2), (1, 1, 1), groups, bias, when=when)
    assert isinstance(made, net.Conv)
    return made


def norm() -> net.Norm[Any]:
    made = layer(net.Norm, 1e-5, 0.1, False, outputs=BEFORE)
    assert isinstance(made, net.Norm)
    return made


def linear(bias: bool) -> Any:
    return layer(net.Linear, bias, inputs=net.Shape(6, ()), outputs=net.Shape(8, ()))


#: Weights of the convolution above: 3 * 5 taps, 6 channels in, 8 out.
WEIGHTS = 15 * 6 * 8
#: A layer, and what it costs: MACs, parameters, weights, activations, norm elements, numbers moved.
COSTS: dict[str, tuple[net.Layer[int], tuple[int, ...]]] = {
    "convolution": (conv(), (120 * WEIGHTS, WEIGHTS, WEIGHTS, OUT, 0, IN + WEIGHTS + OUT)),
    "groups": (conv(groups=2), (120 * 360, 360, 360, OUT, 0, IN + 360 + OUT)),
    "bias": (conv(bias=True), (120 * WEIGHTS, WEIGHTS + 8, WEIGHTS, OUT, 0, IN + WEIGHTS + 8 + OUT)),
    # It is read, normalised and written; scale, shift, mean and variance are read.
    "norm": (norm(), (0, 12, 0, 0, IN, 2 * IN + 24)),
    "activation": (layer(net.Activation, "relu", outputs=BEFORE), (0, 0, 0, 0, 0, 2 * IN)),
    "pool": (layer(net.Pool, "max", (1, 3, 3), (1, 2, 2), (0, 1, 1), False, True), (0, 0, 0, 0, 0, IN + OUT)),
    "mean": (layer(net.Mean, outputs=net.Shape(6, ())), (0, 0, 0, 0, 0, IN + 6)),
    "linear": (linear(bias=False), (48, 48, 48, 8, 0, 6 + 48 + 8)),
    "linear with bias": (linear(bias=True), (48, 56, 48, 8, 0, 6 + 56 + 8)),
    "dropout": (layer(net.Dropout, 0.5, outputs=BEFORE), (0, 0, 0, 0, 0, 0)),
    # Two convolutions with bias, 6 to 3 to 6 channels. Moved: the mean reads the map and writes 6, the
    # first convolution reads 6 and writes 3, the activation reads and writes 3, the second convolution
    # reads 3 and writes 6, the gate reads and writes 6, the product reads map and 6 and writes the map.
    "squeeze and excitation": (
        layer(net.SqueezeExcite, 3, "relu", "sigmoid", outputs=BEFORE),
        (36, 45, 36, 9, 0, (IN + 6) + (6 + 3) + (3 + 3) + (3 + 6) + (6 + 6) + (IN + 6 + IN) + 45),
    ),
}


@pytest.mark.parametrize("kind", COSTS)
def test_what_each_layer_costs(kind: str) -> None:
    each, expected = COSTS[kind]
    found = each.cost()
    assert found == Cost(*expected)
    assert type(found.macs) is type(found.params) is int


def test_a_layer_that_is_not_there_costs_nothing() -> None:
    assert conv(when=0).cost() == Cost(0, 0, 0, 0, 0, 0)


def test_a_residual_is_its_paths_and_an_addition() -> None:
    """Which reads two maps and writes one; a residual that is not there is its branch alone."""
    paths = conv().cost() + norm().cost()
    there = layer(net.Residual, (conv(),), (norm(),))
    assert there.cost() == paths + Cost(0, 0, 0, 0, 0, 3 * OUT)
    assert layer(net.Residual, (conv(),), (norm(),), when=0).cost() == paths


@pytest.mark.parametrize("period", [1, 2, 3])
@pytest.mark.parametrize("repeat", range(1, 9))
def test_occurrences_are_a_count_of_blocks(repeat: int, period: int) -> None:
    """The formula's and the integers' way, at every residue."""
    d = variable("d")
    for residue in range(period):
        expected = sum(block % period == residue for block in range(1, repeat))
        assert cost.occurrences(repeat, residue, period) == expected
        symbolic: Tape[Any] = Tape([cost.occurrences(d, residue, period)])
        assert symbolic.run(EXACT, {"d": Fraction(repeat)}) == [expected]


def stage(repeat: Any, *rest: tuple[net.Layer[Any], ...]) -> net.Stage[Any]:
    arguments = ((),) * len(rest)
    return net.Stage("s", None, ("stages", 0), (), repeat, True, (conv(),), rest, arguments, BEFORE, AFTER)


def test_a_stage_is_its_first_block_and_the_rest_in_turn() -> None:
    even, odd = conv(bias=True), norm()
    first, second, third = (each.cost() for each in (conv(), even, odd))
    # Blocks 0 to 5: the first, then odd, even, odd, even, odd.
    assert stage(6, (even,), (odd,)).cost() == first + second.times(2) + third.times(3)
    assert stage(1).cost() == first


def test_a_network_is_its_stages() -> None:
    one, other = stage(2, (norm(),)), stage(1)
    identity = Identity("n", "N", "", "N", "MIT")
    network = net.Network(identity, BEFORE, 1, 10, (one, other))
    assert network.cost() == one.cost() + other.cost()


def test_costs_add_and_multiply_field_by_field() -> None:
    a, b = Cost(1, 2, 3, 4, 5, 6), Cost(10, 20, 30, 40, 50, 60)
    assert a + b == Cost(11, 22, 33, 44, 55, 66)
    assert a.times(3) == Cost(3, 6, 9, 12, 15, 18)
    assert a.bytes == 24


def test_conventions_are_sums_of_quantities() -> None:
    tally = Cost(1_000, 0, 0, 0, 7, 0)
    found = {name: each.of(tally) for name, each in cost.CONVENTIONS.items()}
    assert found == {"paper": 1_000, "torch": 2_000, "fvcore": 1_014, "ptv-zoo": 1_035}
    assert [each.unit for each in cost.CONVENTIONS.values()] == ["MACs", "FLOPs", "flops", "flops"]


def test_closed_forms_divide_by_groups_without_rounding() -> None:
    """A depthwise convolution's share of channels is 1 at any width: the width cancels."""
    w = variable("w")
    inputs, outputs = net.Shape(w, (constant(5),)), net.Shape(w, (constant(5),))
    each = layer(net.Conv, (3,), (1,), (1,), (1,), w, False, inputs=inputs, outputs=outputs)
    assert each.cost().params is 3 * w


def test_elements_of_a_vector_are_its_channels() -> None:
    assert net.Shape(6, ()).elements == 6
    assert BEFORE.elements == IN
