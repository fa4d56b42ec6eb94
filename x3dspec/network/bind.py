"""Factors get their values: a network of expressions becomes a network of integers, or is refused.

Everything is evaluated exactly. What no number of channels, frames or blocks can be (a fraction,
zero, a group count that does not divide) is a problem at the line that says it, with its value.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import Problem, Refusal, SpecError, sure
from x3dspec.language.expressions import Expr, lift
from x3dspec.language.numbers import ExactError
from x3dspec.language.paths import Path
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape, variables
from x3dspec.language.values import brief
from x3dspec.network import layers as net
from x3dspec.network.conditions import Constraint
from x3dspec.network.constraints import broken, constraints, expressions
from x3dspec.network.cost import Cost
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import QUANTITIES


class Binder:
    """A lowered network made ready to be evaluated again and again.

    `numbers` is the one tape of every number that makes the network: settings that give the same
    ones are the same network.
    """

    def __init__(self, source: Source, network: net.Network[Expr]) -> None:
        self.source = source
        self.network = network
        self.numbers: Tape[Any] = Tape(dict.fromkeys(net.expressions(network)))
        self._formulas: dict[str, Expr] = {}

    def formula(self, quantity: str) -> Expr:
        """The closed form of one quantity."""
        if quantity not in self._formulas:
            counted = QUANTITIES[quantity]
            of_clip = counted.view is None and counted.tally
            total = of_clip(self.cost) if of_clip else counted.of(self.network)
            self._formulas[quantity] = lift(total)
        return self._formulas[quantity]

    @cached_property
    def cost(self) -> Cost[Expr]:
        """What the network costs, as expressions."""
        return self.network.cost()

    def bind(self, values: Setting) -> net.Network[int]:
        """The network at these factor values (all of them, see :func:`x3dspec.network.factors.complete`).

        Raises:
            SpecError: every width, repeat or shape that cannot be built.
        """
        numbers = sure(self._numbers(values))
        if problems := self._problems(numbers):
            raise SpecError(problems)
        bound: net.Network[Any] = net.substitute(self.network, numbers)
        return replace(bound, stages=tuple(_pruned_stage(stage) for stage in bound.stages))

    def problems(self, values: Setting) -> list[Problem]:
        """Why no network can be built at these values; nothing where one can."""
        numbers = self._numbers(values)
        return list(numbers.problems) if isinstance(numbers, Refusal) else self._problems(numbers)

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """What must hold of the numbers."""
        return constraints(self.network)

    @cached_property
    def _checks(self) -> Tape[Any]:
        return Tape(dict.fromkeys(expressions(self.constraints)), set(self.numbers.roots))

    def _numbers(self, values: Setting) -> dict[Expr, Any] | Refusal:
        """The value of every number of the network, as an integer where it is one."""
        try:
            results = self.numbers.run(EXACT, values)
        except (ExpressionError, ExactError):
            return Refusal((self._culprit(values),))
        return dict(zip(self.numbers.roots, map(_plain, results), strict=True))

    def _problems(self, numbers: dict[Expr, Any]) -> list[Problem]:
        try:
            results = self._checks.run(EXACT, {}, numbers)
        except ExactError:  # a number is a root, which has a check of its own; a sum with it has no value
            results = [self._checked(root, numbers) for root in self._checks.roots]
        known = {**numbers, **dict(zip(self._checks.roots, results, strict=True))}
        return list(dict.fromkeys(self._problem(each, known) for each in broken(self.constraints, known)))

    def _checked(self, root: Expr, numbers: Mapping[Expr, Any]) -> Any:
        """One value of the checks; 0, which does not hold, where there is none."""
        try:
            return Tape[Any]([root], set(self.numbers.roots)).run(EXACT, {}, numbers)[0]
        except ExactError:
            return 0

    def _problem(self, constraint: Constraint, numbers: Mapping[Expr, Any]) -> Problem:
        shown = (_shown(numbers[value]) for value in constraint.values)
        message = constraint.message.format(*shown)
        return self._said(constraint.path, constraint.stage, message)

    def _said(self, path: Path, stage: str, message: str) -> Problem:
        """A problem that names its stage where the line is that of a block, which many stages may use."""
        where = f"stage {stage}: " if stage and path[:1] != ("stages",) else ""
        return self.source.document.problem(path, where + message)

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
        return self._said(path, stage, f"{failure(first)}{where}")


def _plain(value: Any) -> Any:
    """A whole number as the integer it is, also where a quotient made it a fraction."""
    number = net.whole(value)
    return value if number is None else number


def _parts(network: net.Network[Any]) -> Iterator[tuple[Path, str, Any]]:
    """What has a place of its own: its path, the name of its stage, and itself."""
    yield ("input", "channels"), "", network.inputs.channels
    yield ("input", "size"), "", network.size
    if network.frames is not None:
        yield ("input", "frames"), "", network.frames
    if network.stride is not None:
        yield ("input", "stride"), "", network.stride
    for stage in network.stages:
        for name, value in (*stage.arguments, ("repeat", stage.repeat)):
            yield (*stage.origin, name), stage.name, value
        for layer in net.walk(stage):
            yield layer.origin, stage.name, layer
        yield stage.origin, stage.name, stage


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
