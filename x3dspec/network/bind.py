"""Factors get their values: a network of expressions becomes a network of integers, or is refused.

Everything is evaluated exactly. What no number of channels, frames or blocks can be (a fraction,
zero, a group count that does not divide) is a problem at the line that says it, with its value.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from x3dspec.language import schema
from x3dspec.language.document import Path
from x3dspec.language.errors import Problem, SpecError
from x3dspec.language.expressions import EXACT, Tape, build, constant, variables
from x3dspec.language.grammar import ExpressionError
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.source import Source, brief
from x3dspec.language.source import outside as outside
from x3dspec.network import layers as net
from x3dspec.network.layers import Setting

#: No network of this kind is larger; without bounds a short spec could ask for a file without end.
MAX_REPEAT = 512
MAX_BLOCKS = 2048
MAX_SIZE = 65_536
MAX_CHANNELS = 1_048_576


class Binder:
    """A lowered network made ready to be bound again and again."""

    def __init__(self, source: Source, network: net.Network[Any]) -> None:
        self.source = source
        self.network = network
        self.tape: Tape[Any] = Tape(dict.fromkeys(net.expressions(network)))

    def bind(self, setting: Setting) -> net.Network[int]:
        """The network at these factor values (all of them, see :func:`complete`).

        Raises:
            SpecError: every width, repeat or shape that cannot be built.
        """
        values = dict(zip(self.tape.roots, map(_plain, self._run(setting)), strict=True))
        bound: net.Network[Any] = net.substitute(self.network, values)
        problems = list(_Check(self.source).network(bound))
        if problems:
            raise SpecError(problems)
        return replace(bound, stages=tuple(_pruned_stage(stage) for stage in bound.stages))

    def _run(self, setting: Setting) -> list[Any]:
        try:
            return self.tape.run(EXACT, setting)
        except (ExpressionError, ExactError):
            raise SpecError([self._culprit(setting)]) from None

    def _culprit(self, setting: Setting) -> Problem:
        """The first part of the network, in its order, that has no value; found by bisection."""
        parts = list(_parts(self.network))

        def failure(last: int) -> str:
            tape: Tape[Any] = Tape(net.expressions(tuple(part for _, _, part in parts[: last + 1])))
            try:
                tape.run(EXACT, setting)
            except (ExpressionError, ExactError) as error:
                return str(error)
            return ""

        first = bisect_left(range(len(parts)), True, key=lambda last: bool(failure(last)))
        path, stage, part = parts[first]
        values = [f"{name} = {brief(setting[name])}" for name in variables(net.expressions(part))]
        where = f" where {', '.join(values)}" if values else ""
        return self.source.document.problem(path, f"{stage}{failure(first)}{where}")


def _plain(value: Any) -> Any:
    """A whole number as the integer it is, also where a quotient made it a fraction."""
    number = net.whole(value)
    return value if number is None else number


def _parts(network: net.Network[Any]) -> Iterator[tuple[Path, str, Any]]:
    """What has a place of its own: its path, its stage where that does not say so, and itself."""
    yield ("input", "channels"), "", network.inputs.channels
    yield ("input", "size"), "", network.size
    if network.frames is not None:
        yield ("input", "frames"), "", network.frames
    if network.stride is not None:
        yield ("input", "stride"), "", network.stride
    for stage in network.stages:
        for name, value in (*stage.arguments, ("repeat", stage.repeat)):
            yield (*stage.origin, name), "", value
        for layer in net.walk(stage):
            yield layer.origin, f"stage {stage.name}: " if stage.block else "", layer
        yield stage.origin, "", stage


def complete(source: Source, overrides: Setting) -> dict[str, Exact]:
    """Every factor's value: what is set by hand, by a preset, or else its start.

    Raises:
        SpecError: a value outside the factor's domain, or a start without a value.
    """
    values: dict[str, Exact] = {}
    problems: list[Problem] = []
    for name, factor in source.network.factors.items():
        given = overrides.get(name, source.factors.get(name))
        try:
            values[name] = _start(factor, values) if given is None else given
            message = outside(source, name, values[name])
        except ExpressionError as error:
            message = str(error)
        if message:
            values[name] = Fraction(1)  # so that what derives from it is not refused for it
        if message and given is None:
            problems.append(source.document.problem(("factors", name, "start"), message))
        elif message:
            problems.append(Problem(source.document.source, 0, 0, "", message))
    if problems:
        raise SpecError(problems)
    return values


def _start(factor: schema.Factor, before: Mapping[str, Exact]) -> Exact:
    value = build(factor.start, {name: constant(value) for name, value in before.items()}).value
    assert value is not None, "loading has checked that it reads factors before it alone"
    return value


class _Check:
    """What must hold of the numbers, stage by stage; later stages wait for earlier ones."""

    def __init__(self, source: Source) -> None:
        self.document = source.document
        self.stage = ""

    def network(self, network: net.Network[Any]) -> Iterator[Problem]:
        problems = [*self._inputs(network)]
        total = 0
        for stage in network.stages:
            if problems:
                break
            self.stage = stage.name
            problems = [*self._stage(stage)]
            total += stage.repeat if not problems else 0
            if total > MAX_BLOCKS:
                problems.append(self._say(stage.origin, f"more than {MAX_BLOCKS} blocks in all"))
        yield from problems

    def _say(self, path: Path, message: str) -> Problem:
        where = f"stage {self.stage}: " if self.stage and path[:1] != ("stages",) else ""
        return self.document.problem(path, where + message)

    def _count(self, path: Path, what: str, value: Any, most: int) -> Iterator[Problem]:
        number = net.whole(value)
        if number is None:
            yield self._say(path, f"{what} {_shown(value)} is not a whole number")
        elif number < 1:
            yield self._say(path, f"{what} {_shown(value)} is not positive")
        elif number > most:
            yield self._say(path, f"{what} {_shown(value)} is more than {most}")

    def _inputs(self, network: net.Network[Any]) -> Iterator[Problem]:
        yield from self._count(("input", "channels"), "channels", network.inputs.channels, MAX_CHANNELS)
        yield from self._count(("input", "size"), "size", network.size, MAX_SIZE)
        if network.frames is not None:
            yield from self._count(("input", "frames"), "frames", network.frames, MAX_SIZE)
        if network.stride is not None:
            yield from self._count(("input", "stride"), "stride", network.stride, MAX_SIZE)

    def _stage(self, stage: net.Stage[Any]) -> Iterator[Problem]:
        yield from self._count((*stage.origin, "repeat"), "repeat", stage.repeat, MAX_REPEAT)
        sized = dict(stage.arguments)
        found = False
        for name in ("width", "inner"):
            if name in sized:
                for problem in self._count((*stage.origin, name), name, sized[name], MAX_CHANNELS):
                    found = True
                    yield problem
        if found:
            return
        seen: set[Problem] = set()
        for layer in net.walk(stage):
            for problem in self._layer(layer):
                if problem not in seen:
                    yield problem
                seen.add(problem)

    def _layer(self, layer: net.Layer[Any]) -> Iterator[Problem]:
        if layer.when not in (0, 1):
            shown = _shown(layer.when)
            yield self._say((*layer.origin, "when"), f"{shown} is neither true nor false")
        elif layer.when == 1:
            yield from self._present(layer)

    def _present(self, layer: net.Layer[Any]) -> Iterator[Problem]:
        if not _sound(layer.inputs):
            return  # said of the layer that it comes from
        problems: list[Problem] = []
        if isinstance(layer, (net.Conv, net.Linear)):
            out = (*layer.origin, "out")
            problems += self._count(out, "channels", layer.outputs.channels, MAX_CHANNELS)
        if isinstance(layer, (net.Conv, net.Pool)):
            problems += self._window(layer)
        if isinstance(layer, net.Conv) and not problems:
            problems += self._groups(layer)
        if isinstance(layer, net.SqueezeExcite):
            problems += self._count((*layer.origin, "hidden"), "hidden", layer.hidden, MAX_CHANNELS)
        if isinstance(layer, net.Residual):
            problems += self._sum(layer)
        yield from problems

    def _window(self, layer: net.Conv[Any] | net.Pool[Any]) -> Iterator[Problem]:
        sizes = layer.inputs.sizes
        for kernel, padding, size in zip(layer.kernel, layer.padding, sizes, strict=True):
            if kernel > size + 2 * padding:
                padded = f" padded by {padding}" if padding else ""
                yield self._say(
                    (*layer.origin, "kernel"),
                    f"kernel {kernel} is larger than its input, {_shown(size)}{padded}",
                )
            elif kernel > size and len(sizes) == 3 and _averages(layer):
                message = f"kernel {kernel} is larger than its input, {_shown(size)}, which torch refuses"
                yield self._say((*layer.origin, "kernel"), f"{message} of a 3-D avg_pool, padded or not")

    def _groups(self, layer: net.Conv[Any]) -> Iterator[Problem]:
        path = (*layer.origin, "groups")
        problems = [*self._count(path, "groups", layer.groups, MAX_CHANNELS)]
        yield from problems
        for side, channels in (
            ("input", layer.inputs.channels),
            ("output", layer.outputs.channels),
        ):
            if not problems and channels % layer.groups:
                yield self._say(path, f"{layer.groups} groups do not divide {channels} {side} channels")

    def _sum(self, layer: net.Residual[Any]) -> Iterator[Problem]:
        shortcut = layer.inputs
        for step in layer.shortcut:
            shortcut = step.outputs if step.when == 1 else shortcut
        if shortcut != layer.outputs and _sound(shortcut) and _sound(layer.outputs):
            yield self._say(
                layer.origin,
                f"its branch gives {_spelled(layer.outputs)}, its shortcut {_spelled(shortcut)}: "
                "they cannot be added",
            )


def _averages(layer: net.Layer[Any]) -> bool:
    return isinstance(layer, net.Pool) and layer.function == "avg"


def _sound(shape: net.Shape[Any]) -> bool:
    numbers = [net.whole(value) for value in (shape.channels, *shape.sizes)]
    return all(number is not None and 1 <= number <= MAX_CHANNELS for number in numbers)


def _spelled(shape: net.Shape[Any]) -> str:
    return " x ".join(_shown(value) for value in (shape.channels, *shape.sizes))


def _shown(value: Any) -> str:
    return brief(Fraction(value) if isinstance(value, int) else value)


def _pruned_stage(stage: net.Stage[Any]) -> net.Stage[int]:
    """Without the layers that are not there, every number a plain integer."""
    if stage.repeat == 1:
        return replace(stage, first=_pruned(stage.first), rest=(), rest_arguments=())
    return replace(stage, first=_pruned(stage.first), rest=tuple(_pruned(body) for body in stage.rest))


def _pruned(body: tuple[net.Layer[Any], ...]) -> tuple[net.Layer[int], ...]:
    kept: list[net.Layer[int]] = []
    for layer in body:
        if isinstance(layer, net.Residual):
            branch, shortcut = _pruned(layer.branch), _pruned(layer.shortcut)
            if layer.when:
                kept.append(replace(layer, branch=branch, shortcut=shortcut))
            else:
                kept += branch
        elif layer.when:
            kept.append(layer)
    return tuple(kept)


def factors(source: Source, overrides: Mapping[str, Any]) -> tuple[net.Factor, ...]:
    """What the solvers need to know of every factor."""

    def value(tree: Any) -> Exact | None:
        return None if tree is None else build(tree, {}).value

    return tuple(
        net.Factor(
            name,
            value(given.grid) or Fraction(1),
            value(given.min),
            value(given.max),
            source.derived(name) and name not in overrides and name not in source.factors,
            given.doc,
        )
        for name, given in source.network.factors.items()
    )
