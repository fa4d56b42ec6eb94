"""What can be built: for every number of a network, what must hold of it.

A :class:`Constraint` is an expression, as a cost is: 1 where it holds. ``bind`` evaluates it exactly,
the page compiles it to JavaScript, the search evaluates it on arrays; none of them knows a rule of its
own. What holds whatever the factors are is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from x3dspec.language.document import Path
from x3dspec.language.expressions import ONE, ZERO, Expr, equal, floor, lift, maximum, minimum
from x3dspec.network import layers as net

#: No network of this kind is larger; without bounds a short spec could ask for a file without end.
MAX_REPEAT = 512
MAX_BLOCKS = 2048
MAX_SIZE = 65_536
MAX_CHANNELS = 1_048_576

Shape = net.Shape[Expr]


@dataclass(frozen=True)
class Constraint:
    """What must hold of some numbers of a network, where a layer is there, for it to be built.

    Attributes:
        path: the line of the spec that says it.
        when: 1 where it is asked at all.
        holds: 1 where it holds, 0 where it does not.
        message: what is said where it does not; ``{0}`` stands for the first of `values`.
        values: the numbers that the message shows.
        given: numbers that must be counts, or else the message is about what follows from another.
        stage: the stage's name, empty for the input.
        group: constraints are asked only where all those of lower groups hold.
    """

    path: Path
    when: Expr
    holds: Expr
    message: str
    values: tuple[Expr, ...] = ()
    given: tuple[Expr, ...] = ()
    stage: str = ""
    group: int = 0


Constraints = Iterator[Constraint]


def constraints(network: net.Network[Expr]) -> tuple[Constraint, ...]:
    """All constraints of a network, in the order in which they are to be said; each once."""
    every = dict.fromkeys(_of_network(network))
    return tuple(constraint for constraint in every if constraint.holds is not ONE)


def _of_network(network: net.Network[Expr]) -> Constraints:
    yield from _of_input(network)
    blocks = ZERO
    for index, stage in enumerate(network.stages):
        for constraint in _of_stage(stage):
            yield replace(constraint, stage=stage.name, group=2 * index + 1)
        blocks = blocks + stage.repeat
        message = f"more than {MAX_BLOCKS} blocks in all"
        yield Constraint(
            stage.origin, ONE, at_most(blocks, MAX_BLOCKS), message, stage=stage.name, group=2 * index + 2
        )


def _of_input(network: net.Network[Expr]) -> Constraints:
    yield from count(("input", "channels"), "channels", network.inputs.channels)
    yield from count(("input", "size"), "size", network.size, MAX_SIZE)
    for name, value in (("frames", network.frames), ("stride", network.stride)):
        if value is not None:
            yield from count(("input", name), name, value, MAX_SIZE)


def _of_stage(stage: net.Stage[Expr]) -> Constraints:
    yield from count((*stage.origin, "repeat"), "repeat", stage.repeat, MAX_REPEAT)
    widths = [(name, value) for name, value in stage.arguments if name in ("width", "inner")]
    for name, value in sorted(widths, reverse=True):
        yield from count((*stage.origin, name), name, value)
    given = tuple(value for _, value in widths)
    for layer in net.walk(stage):
        path = (*layer.origin, "when")
        yield Constraint(path, ONE, _is_condition(layer.when), "{0} is neither true nor false",
                         (layer.when,), given)  # fmt: skip
        for constraint in _of_layer(layer):
            asked = layer.when * constraint.when
            yield replace(constraint, when=asked, given=(*given, *numbers(layer.inputs), *constraint.given))


def _of_layer(layer: net.Layer[Expr]) -> Constraints:
    if isinstance(layer, net.Conv | net.Linear):
        yield from count((*layer.origin, "out"), "channels", layer.outputs.channels)
    if isinstance(layer, net.Conv | net.Pool):
        yield from windows(layer)
    if isinstance(layer, net.Pool):
        yield from averages(layer)
    if isinstance(layer, net.Conv):
        yield from groups(layer)
    if isinstance(layer, net.SqueezeExcite):
        yield from count((*layer.origin, "hidden"), "hidden", layer.hidden)
    if isinstance(layer, net.Residual):
        yield sums(layer)


def count(path: Path, what: str, value: Expr, most: int = MAX_CHANNELS) -> Constraints:
    """A whole number from 1 to `most`."""
    yield Constraint(path, ONE, is_whole(value), f"{what} {{0}} is not a whole number", (value,))
    positive = f"{what} {{0}} is not positive"
    yield Constraint(path, is_whole(value), at_least(value, 1), positive, (value,))
    yield Constraint(path, is_whole(value), at_most(value, most), f"{what} {{0}} is more than {most}", (value,))


def windows(layer: net.Conv[Expr] | net.Pool[Expr]) -> Constraints:
    """Every window fits into its padded input, and padding without end does not blow a layer up."""
    inputs, outputs = layer.inputs.sizes, layer.outputs.sizes
    for kernel, padding, size, after in zip(layer.kernel, layer.padding, inputs, outputs, strict=True):
        padded = f" padded by {padding}" if padding else ""
        message = f"kernel {kernel} is larger than its input, {{0}}{padded}"
        if kernel > 2 * padding + 1:
            holds = at_least(size, kernel - 2 * padding)
            yield Constraint((*layer.origin, "kernel"), ONE, holds, message, (size,))
        elif kernel < 2 * padding + 1:
            grown = f"its padding makes {{0}} of {{1}}, more than {MAX_SIZE}"
            holds = at_most(after, MAX_SIZE)
            yield Constraint((*layer.origin, "padding"), ONE, holds, grown, (after, size))


def averages(layer: net.Pool[Expr]) -> Constraints:
    """torch refuses a 3-D mean over a window larger than its input, padded or not."""
    if layer.function != "avg" or len(layer.inputs.sizes) != 3:
        return
    for kernel, padding, size in zip(layer.kernel, layer.padding, layer.inputs.sizes, strict=True):
        message = (
            f"kernel {kernel} is larger than its input, {{0}}, which torch refuses"
            " of a 3-D avg_pool, padded or not"
        )
        fits = at_least(size, kernel - 2 * padding)
        yield Constraint((*layer.origin, "kernel"), fits, at_least(size, kernel), message, (size,))


def groups(layer: net.Conv[Expr]) -> Constraints:
    """A number of groups that divides the channels on both sides."""
    path, outputs = (*layer.origin, "groups"), numbers(layer.outputs)
    for constraint in count(path, "groups", layer.groups):
        yield replace(constraint, given=outputs)
    given = (*outputs, layer.groups)
    for side, channels in (("input", layer.inputs.channels), ("output", layer.outputs.channels)):
        share = floor(channels) / maximum(floor(layer.groups), ONE)
        message = f"{{0}} groups do not divide {{1}} {side} channels"
        yield Constraint(path, ONE, is_whole(share), message, (layer.groups, channels), given)


def sums(layer: net.Residual[Expr]) -> Constraint:
    """Both paths of a residual give the same shape."""
    shortcut = layer.shortcut[-1].outputs if layer.shortcut else layer.inputs
    branch, other = numbers(layer.outputs), numbers(shortcut)
    same = ZERO
    if len(branch) == len(other):
        same = math.prod(map(equal, branch, other), start=ONE)
    spelled = [f"{{{index}}}" for index in range(len(branch) + len(other))]
    gives, goes = " x ".join(spelled[: len(branch)]), " x ".join(spelled[len(branch) :])
    message = f"its branch gives {gives}, its shortcut {goes}: they cannot be added"
    return Constraint(layer.origin, ONE, same, message, (*branch, *other), (*branch, *other))


def numbers(shape: Shape) -> tuple[Expr, ...]:
    """Channels and sizes of a shape."""
    return (shape.channels, *shape.sizes)


def is_whole(value: Expr) -> Expr:
    return equal(floor(value), value)


def at_least(value: Expr, least: int) -> Expr:
    return equal(maximum(value, lift(least)), value)


def at_most(value: Expr, most: int) -> Expr:
    return equal(minimum(value, lift(most)), value)


def _is_condition(value: Expr) -> Expr:
    """0 and 1 are their own squares, and no other numbers are."""
    return equal(value * value, value)


def broken(constraints: Iterable[Constraint], values: Mapping[Expr, Any]) -> Iterator[Constraint]:
    """The constraints that do not hold, where `values` has the value of every expression of theirs.

    What only follows from others is left out, and so is what comes after the first group of any.
    """
    group: int | None = None
    for constraint in constraints:
        if group is not None and constraint.group > group:
            return
        if values[constraint.when] == 1 and values[constraint.holds] != 1:
            if all(_is_count(values[number]) for number in constraint.given):
                group = constraint.group
                yield constraint


def _is_count(value: Any) -> bool:
    number = net.whole(value)
    return number is not None and 1 <= number <= MAX_CHANNELS
