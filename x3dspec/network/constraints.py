"""What can be built: for every number of a network, what must hold of it.

A :class:`~x3dspec.network.conditions.Constraint` is an expression, as a cost is: 1 where it holds. ``bind``
evaluates it exactly, the page compiles it to JavaScript, the search evaluates it on arrays; none of
them knows a rule of its own. What holds whatever the factors are is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from x3dspec.language.expressions import ONE, ZERO, Expr, either, equal, multiply
from x3dspec.network import layers as net
from x3dspec.network.conditions import (
    MAX_BLOCKS,
    MAX_CHANNELS,
    MAX_REPEAT,
    MAX_SIZE,
    Constraint,
    Constraints,
    at_most,
    count,
    must,
)


def constraints(network: net.Network[Expr]) -> tuple[Constraint, ...]:
    """All constraints of a network, in the order in which they are to be said; each once."""
    return tuple(dict.fromkeys(_of_network(network)))


def _of_network(network: net.Network[Expr]) -> Constraints:
    yield from _of_input(network)
    blocks = ZERO
    for index, stage in enumerate(network.stages):
        yield from _of_stage(stage, 2 * index + 1)
        blocks = blocks + stage.repeat
        for constraint in must(
            stage.origin, at_most(blocks, MAX_BLOCKS), f"more than {MAX_BLOCKS} blocks in all"
        ):
            yield replace(constraint, stage=stage.name, group=2 * index + 2)


def _of_input(network: net.Network[Expr]) -> Constraints:
    yield from count(("input", "channels"), "channels", network.inputs.channels)
    yield from count(("input", "size"), "size", network.size, MAX_SIZE)
    for name, value in (("frames", network.frames), ("stride", network.stride)):
        if value is not None:
            yield from count(("input", name), name, value, MAX_SIZE)


def _of_stage(stage: net.Stage[Expr], group: int) -> Constraints:
    arguments = dict(stage.arguments)
    widths = {name: arguments[name] for name in ("width", "inner") if name in arguments}
    counts = [*count((*stage.origin, "repeat"), "repeat", stage.repeat, MAX_REPEAT)]
    for name, value in widths.items():
        counts += count((*stage.origin, name), name, value)
    for constraint in counts:
        yield replace(constraint, stage=stage.name, group=group)
    for layer in net.walk(stage):
        for constraint in _is_condition(layer):
            yield replace(constraint, given=tuple(widths.values()), stage=stage.name, group=group)
        for constraint in layer.constraints():
            given = (*widths.values(), *layer.inputs.numbers, *constraint.given)
            when = multiply(layer.when, constraint.when)
            yield replace(constraint, when=when, given=given, stage=stage.name, group=group)


def _is_condition(layer: net.Layer[Expr]) -> Constraints:
    if layer.when is not ONE:
        holds = either(equal(layer.when, ZERO), equal(layer.when, ONE))
        yield from must((*layer.origin, "when"), holds, "{0} is neither true nor false", (layer.when,))


def expressions(constraints: Iterable[Constraint]) -> Iterator[Expr]:
    """What a tape has to evaluate: whether each is asked, and whether it holds."""
    for constraint in constraints:
        yield from (constraint.when, constraint.holds, *constraint.values)


def broken(constraints: Iterable[Constraint], values: Mapping[Expr, Any]) -> Iterator[Constraint]:
    """The constraints that do not hold, where `values` has the value of every expression of theirs.

    What only follows from others is left out, and so is what comes after the first group of any.
    """
    group: int | None = None
    for constraint in constraints:
        if group is not None and constraint.group > group:
            return
        fails = values[constraint.when] == 1 and values[constraint.holds] != 1
        if fails and all(_is_count(values[number]) for number in constraint.given):
            group = constraint.group
            yield constraint


def _is_count(value: Any) -> bool:
    number = net.whole(value)
    return number is not None and 1 <= number <= MAX_CHANNELS
