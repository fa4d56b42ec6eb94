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
from x3dspec.language.expressions import ONE, ZERO, Expr, equal, floor, lift, maximum, minimum, multiply
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
        for constraint in _of_layer(layer):
            given = (*widths.values(), *numbers(layer.inputs), *constraint.given)
            when = multiply(layer.when, constraint.when)
            yield replace(constraint, when=when, given=given, stage=stage.name, group=group)


def _is_condition(layer: net.Layer[Expr]) -> Constraints:
    """0 and 1 are their own squares, and no other numbers are."""
    if layer.when is not ONE:
        holds = equal(multiply(layer.when, layer.when), layer.when)
        yield from must((*layer.origin, "when"), holds, "{0} is neither true nor false", (layer.when,))


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
        yield from sums(layer)


def must(
    path: Path,
    holds: Expr,
    message: str,
    values: tuple[Expr, ...] = (),
    *,
    when: Expr = ONE,
    given: tuple[Expr, ...] = (),
) -> Constraints:
    """A constraint, but for one that holds whatever the factors are."""
    if holds is not ONE:
        yield Constraint(path, when, holds, message, values, given)


def count(path: Path, what: str, value: Expr, most: int = MAX_CHANNELS) -> Constraints:
    """A whole number from 1 to `most`."""
    whole = is_whole(value)
    yield from must(path, whole, f"{what} {{0}} is not a whole number", (value,))
    yield from must(path, at_least(value, 1), f"{what} {{0}} is not positive", (value,), when=whole)
    yield from must(path, at_most(value, most), f"{what} {{0}} is more than {most}", (value,), when=whole)


def windows(layer: net.Conv[Expr] | net.Pool[Expr]) -> Constraints:
    """Every window fits into its padded input, and padding cannot make a layer ever larger."""
    inputs, outputs = layer.inputs.sizes, layer.outputs.sizes
    for kernel, padding, size, after in zip(layer.kernel, layer.padding, inputs, outputs, strict=True):
        if kernel > 2 * padding + 1:
            padded = f" padded by {padding}" if padding else ""
            message = f"kernel {kernel} is larger than its input, {{0}}{padded}"
            yield from must((*layer.origin, "kernel"), at_least(size, kernel - 2 * padding), message, (size,))
        elif kernel < 2 * padding + 1:
            message = f"its padding makes {{0}} of {{1}}, more than {MAX_SIZE}"
            yield from must((*layer.origin, "padding"), at_most(after, MAX_SIZE), message, (after, size))


def averages(layer: net.Pool[Expr]) -> Constraints:
    """torch refuses a 3-D mean over a window larger than its input, padded or not."""
    if layer.function != "avg" or len(layer.inputs.sizes) != 3:
        return
    for kernel, padding, size in zip(layer.kernel, layer.padding, layer.inputs.sizes, strict=True):
        if padding:
            message = (
                f"kernel {kernel} is larger than its input, {{0}}, which torch refuses of a 3-D avg_pool"
            )
            fits = at_least(size, kernel - 2 * padding)
            holds = at_least(size, kernel)
            yield from must((*layer.origin, "kernel"), holds, f"{message}, padded or not", (size,), when=fits)


def groups(layer: net.Conv[Expr]) -> Constraints:
    """A number of groups that divides the channels on both sides."""
    path, outputs = (*layer.origin, "groups"), numbers(layer.outputs)
    if layer.groups is ONE:
        return
    for constraint in count(path, "groups", layer.groups):
        yield replace(constraint, given=outputs)
    for side, channels in (("input", layer.inputs.channels), ("output", layer.outputs.channels)):
        if channels is not layer.groups:
            share = floor(channels) / maximum(floor(layer.groups), ONE)
            message = f"{{0}} groups do not divide {{1}} {side} channels"
            shown = (layer.groups, channels)
            yield from must(path, is_whole(share), message, shown, given=(*outputs, layer.groups))


def sums(layer: net.Residual[Expr]) -> Constraints:
    """Both paths of a residual give the same shape."""
    shortcut = layer.shortcut[-1].outputs if layer.shortcut else layer.inputs
    if shortcut == layer.outputs:
        return
    branch, other = numbers(layer.outputs), numbers(shortcut)
    same = math.prod(map(equal, branch, other), start=ONE) if len(branch) == len(other) else ZERO
    places = [f"{{{index}}}" for index in range(len(branch) + len(other))]
    gives, goes = " x ".join(places[: len(branch)]), " x ".join(places[len(branch) :])
    message = f"its branch gives {gives}, its shortcut {goes}: they cannot be added"
    yield from must(layer.origin, same, message, (*branch, *other), given=(*branch, *other))


def numbers(shape: Shape) -> tuple[Expr, ...]:
    """Channels and sizes of a shape."""
    return (shape.channels, *shape.sizes)


def is_whole(value: Expr) -> Expr:
    return equal(floor(value), value)


def at_least(value: Expr, least: int) -> Expr:
    return equal(maximum(value, lift(least)), value)


def at_most(value: Expr, most: int) -> Expr:
    return equal(minimum(value, lift(most)), value)


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
