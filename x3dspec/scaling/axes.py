"""The axes of a spec, as moves: where one step takes every factor that the axis changes.

The first factor that an axis names drives it. Its expression is linear in `m`, so that for any
value that the driving factor should take there is one `m`, and the other factors follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import Expr, Tape, build, constant, relax, variable
from x3dspec.language.grammar import ExpressionError, Syntax
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.source import Source, sized
from x3dspec.network.evaluator import FLOAT, Floats, Meter
from x3dspec.network.layers import Setting

#: A step that has not doubled the cost after so many doublings of its size never will.
MAX_DOUBLINGS = 40
#: Of the solved cost, relatively: far below the digits that are printed.
PRECISION = 1e-13
_PROBES = (Fraction(1, 2), Fraction(2))


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a spec: what a step by `m` makes of each factor, the driving one first."""

    name: str
    source: Source

    @property
    def changes(self) -> Mapping[str, Syntax]:
        return self.source.network.axes[self.name]

    @cached_property
    def factor(self) -> str:
        """The driving factor."""
        return next(iter(self.changes))

    def line(self, values: Setting) -> tuple[Exact, Exact]:
        """The driving factor as a linear function of m: its value at 0, and its slope.

        Raises:
            SpecError: it is not linear, or does not grow with m.
        """
        try:
            at_zero, at_one = (self._exact(self.factor, values, Fraction(m)) for m in (0, 1))
            slope = at_one - at_zero
            straight = all(self._exact(self.factor, values, m) == at_zero + slope * m for m in _PROBES)
            if straight and slope > 0 and sized(slope):
                return at_zero, slope
        except (ExpressionError, ExactError):
            pass
        raise self._error(self.factor, "a step is solved for this factor: it must grow linearly with m")

    def multiplier(self, values: Setting, value: Exact) -> Exact:
        """The `m` that takes the driving factor from where it is in `values` to `value`.

        Raises:
            SpecError: see :meth:`line`.
        """
        start, slope = self.line(values)
        try:
            return (value - start) / slope
        except ExactError as error:
            raise self._error(self.factor, str(error)) from None

    def moved(self, values: Setting, value: Exact) -> dict[str, Exact]:
        """What the factors of this axis become when the driving one becomes `value`.

        Raises:
            SpecError: see :meth:`line`; or a factor that has no exact value there.
        """
        moved = {self.factor: value}
        followers = [name for name in self.changes if name != self.factor]
        m = self.multiplier(values, value) if followers else value
        for name in followers:
            try:
                moved[name] = self._exact(name, values, m)
            except (ExpressionError, ExactError) as error:
                raise self._error(name, str(error)) from None
        return moved

    def drift(self, values: Floats) -> Drift:
        """The same moves from a setting, in floats and smoothly."""
        at_zero, at_one = (self._driving.run(FLOAT, {**values, "m": m})[0] for m in (0.0, 1.0))
        return Drift(tuple(self.changes), self._smooth, values, at_zero, at_one - at_zero)

    def _exact(self, factor: str, values: Setting, m: Fraction | Exact) -> Exact:
        scope: dict[str, Expr | str] = {name: constant(value) for name, value in values.items()}
        value = build(self.changes[factor], {**scope, "m": constant(m)}).value
        if value is None:
            raise ExpressionError("has no exact value")
        return value

    @cached_property
    def _smooth(self) -> Tape[Any]:
        scope = {name: variable(name) for name in (*self.source.network.factors, "m")}
        return Tape(relax([build(tree, scope) for tree in self.changes.values()]))

    @cached_property
    def _driving(self) -> Tape[Any]:
        return Tape(self._smooth.roots[:1])

    def _error(self, factor: str, message: str) -> SpecError:
        return SpecError([self.source.document.problem(("axes", self.name, factor), message)])


@dataclass(frozen=True, eq=False)
class Drift:
    """The moves along one axis from one setting, in floats: what a solver follows."""

    names: tuple[str, ...]
    tape: Tape[Any]
    values: Floats
    start: float
    slope: float

    def multiplier(self, value: float) -> float:
        """The `m` that takes the driving factor to `value`."""
        return (value - self.start) / self.slope

    def at(self, multiplier: float) -> dict[str, float]:
        """What the factors of the axis become."""
        moved = self.tape.run(FLOAT, {**self.values, "m": multiplier})
        return dict(zip(self.names, moved, strict=True))


def axes(source: Source) -> dict[str, Axis]:
    """The axes that a spec declares, in its order.

    Raises:
        SpecError: it declares none.
    """
    if not source.network.axes:
        raise SpecError([source.document.problem((), "this spec has no axes to expand along")])
    return {name: Axis(name, source) for name in source.network.axes}


@dataclass(frozen=True)
class Doubling:
    """A step that doubles the relaxed cost: its `m`, what the factors become, and the MACs then."""

    multiplier: float
    factors: Floats
    macs: float


def doubling(meter: Meter, axis: Axis, raw: Setting) -> Doubling | None:
    """The step from `raw` that doubles the relaxed MACs, or None where no step along the axis does."""
    form = meter.form({*raw, *axis.changes})
    values = meter.floats(raw)
    drift = axis.drift(values)

    def macs(multiplier: float) -> float:
        return form.relaxed({**values, **drift.at(multiplier)})

    def excess(value: float) -> float:
        return math.log(macs(drift.multiplier(value)) / twice)

    try:
        twice = 2 * form.relaxed(values)
        value = _solve(excess, values[axis.factor], float(meter.factors[axis.factor].grid))
    except (ValueError, ZeroDivisionError):
        return None
    if value is None:
        return None
    multiplier = drift.multiplier(value)
    factors = drift.at(multiplier)
    finite = all(map(math.isfinite, factors.values()))
    return Doubling(multiplier, factors, macs(multiplier)) if finite else None


def _solve(excess: Callable[[float], float], low: float, step: float) -> float | None:
    """Where a rising function that is negative at `low` crosses 0."""
    reach = max(low, step)
    for _ in range(MAX_DOUBLINGS):
        if excess(low + reach) >= 0:
            return _crossing(excess, low, low + reach)
        reach *= 2
    return None


def _crossing(f: Callable[[float], float], low: float, high: float) -> float:
    """Where `f` crosses 0 between two values of different sign: regula falsi after Illinois."""
    f_low, f_high = f(low), f(high)
    guess, f_guess = high, f_high
    for _ in range(100):
        share = f_high / (f_high - f_low) if math.isfinite(f_high) else 0.5
        guess, last = high - share * (high - low), f_guess
        f_guess = f(guess)
        if abs(f_guess) < PRECISION or not low < guess < high:
            break
        # An end that stays twice in a row counts half, or it would stay for ever.
        if f_guess < 0:
            low, f_low = guess, f_guess
            f_high *= 0.5 if last < 0 else 1
        else:
            high, f_high = guess, f_guess
            f_low *= 0.5 if last > 0 else 1
    return guess
