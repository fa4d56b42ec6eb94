"""The values that a solver may choose: a factor's grid, and what stands on it.

A :class:`Ladder` is one axis seen from one setting. Rung k is the setting where the driving factor
is k grid steps, and costs rise from rung to rung, so that a limit is found by bisection. Several
rungs may build the very same network; what is chosen among those is the simplest value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any

from x3dspec.language.errors import SpecError
from x3dspec.language.numbers import Exact, nearest_integer
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Form, Meter, meter
from x3dspec.network.layers import Factor, Setting
from x3dspec.scaling.axes import Axis

#: Grid values in a row that are looked at, where they have no network or the same.
MAX_RUNGS = 256
#: Networks in a row that are tried where none of them can be built.
MAX_TRIES = 32
#: Distances at which another network is looked for: a factor that changes nothing so far never does.
REACHES = [2**k for k in range(17)]


def nearest(value: Exact, grid: Exact) -> int:
    """The number of grid steps nearest to a value, ties up."""
    return nearest_integer(value / grid)


def highest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The highest number from `low` to under `high` that fits, where `low` does and larger fit less."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


class Ladder:
    """The grid of an axis's driving factor, climbed from a setting."""

    def __init__(self, meter: Meter, axis: Axis, base: Setting) -> None:
        self.meter = meter
        self.axis = axis
        self.base = base
        self.grid = meter.factors[axis.factor].grid
        self.values = meter.values(base)
        self.value = self.values[axis.factor]
        self.form = meter.form({*base, *axis.changes})

    @cached_property
    def first(self) -> int:
        """The lowest rung above the base."""
        return math.floor(self.value / self.grid) + 1

    def setting(self, rung: int) -> dict[str, Exact]:
        """The factors that are set by hand at a rung.

        Raises:
            SpecError: a factor of the axis has no exact value there.
        """
        return {**self.base, **self.axis.moved(self.values, rung * self.grid)}

    def count(self, rung: int, quantity: str) -> Fraction:
        """An exact figure; see :meth:`Form.count`.

        Raises:
            SpecError: there is none.
        """
        return self.form.count(quantity, self.meter.values(self.setting(rung)))

    def fits(self, rung: int, quantity: str, limit: int) -> bool:
        """Whether a rung can be counted and its count is within the limit."""
        try:
            return self.count(rung, quantity) <= limit
        except SpecError:
            return False

    def highest(self, below: int, quantity: str, limit: int) -> int | None:
        """The highest rung under `below` that fits, or None where not even the first does."""
        rung = highest(lambda each: self.fits(each, quantity, limit), self.first - 1, below)
        return rung if rung >= self.first else None

    def within(self, rung: int) -> bool:
        """Whether every factor has a value there, inside its domain."""
        try:
            self.meter.values(self.setting(rung))
        except SpecError:
            return False
        return True

    def refusal(self, rung: int) -> str | None:
        """Why no network can be built at a rung, or None where one can."""
        try:
            return self.meter.refusal(self.setting(rung))
        except SpecError as error:
            return error.problems[0].message

    def buildable(self, rung: int) -> int | None:
        """The highest rung up to `rung` that a network can be built from."""
        rungs = range(rung, max(self.first, rung - MAX_RUNGS) - 1, -1)
        return next((each for each in rungs if self.refusal(each) is None), None)

    def simplest(self, rung: int) -> int | None:
        """The rung with the simplest value of those that build the same network as `rung`.

        None where the base builds it too: then the factor need not have moved.
        """
        same = self._integers(rung)
        if same == self.form.integers(self.values):
            return None
        rungs = [rung]
        low = max(self.first, rung - MAX_RUNGS)
        while rungs[-1] > low and self._integers(rungs[-1] - 1) == same:
            rungs.append(rungs[-1] - 1)
        return min(rungs, key=lambda each: (_length(each * self.grid), each))

    def other(self, above: int | None = None) -> int | None:
        """The lowest rung above that builds another network than `above`, or than the base.

        None where none is near. It may still be one that cannot be built.
        """
        here = self.form.integers(self.values) if above is None else self._integers(above)
        last = self.first - 1 if above is None else above
        reach = next((r for r in REACHES if self._integers(last + r) != here), None)
        if reach is None:
            return None
        same = highest(lambda rung: self._integers(rung) == here, last + reach // 2, last + reach)
        rungs = range(same + 1, same + MAX_RUNGS)
        return next((rung for rung in rungs if self._integers(rung) not in (None, here)), None)

    def next(self) -> int | None:
        """The lowest rung that builds another network than the base, and can be built."""
        rung = self.other()
        for _ in range(MAX_TRIES):
            if rung is None or self.refusal(rung) is None:
                return rung
            rung = self.other(rung)
        return None

    def _integers(self, rung: int) -> tuple[Any, ...] | None:
        try:
            return self.form.integers(self.meter.values(self.setting(rung)))
        except SpecError:
            return None


def _length(value: Exact) -> int:
    return value.denominator if isinstance(value, Fraction) else 1


def snapped(architecture: Architecture, setting: Setting) -> dict[str, Exact | None]:
    """For every factor the grid value nearest to its own that builds the very same network, or None.

    One factor after the other, so that all of them together build it too. A factor that follows from
    others is where they take it: it is only looked up on its grid.

    Raises:
        SpecError: the setting has a value outside its domain.
    """
    gauge = meter(architecture)
    form, values = gauge.form(setting), gauge.values(setting)
    found: dict[str, Exact | None] = {}
    for factor in architecture.factors(setting):
        raw = values[factor.name]
        near = (value for value in _beside(raw, factor) if _same(form, values, factor.name, value))
        found[factor.name] = next(near, None)
        values[factor.name] = found[factor.name] or raw
    return found


def _beside(value: Exact, factor: Factor) -> Iterator[Exact]:
    """The grid values on both sides of a value, the nearer one first; the value itself if it is one."""
    rung = nearest(value, factor.grid)
    if rung * factor.grid == value:
        yield value
    elif not factor.derived:
        for each in (rung, rung + 1 if rung * factor.grid < value else rung - 1):
            on_grid = each * factor.grid
            above = on_grid > 0 if factor.low is None else on_grid >= factor.low
            if above and (factor.high is None or on_grid <= factor.high):
                yield on_grid


def _same(form: Form, values: Setting, name: str, value: Exact) -> bool:
    if value == values[name]:
        return True
    try:
        return form.integers({**values, name: value}) == form.integers(values)
    except SpecError:
        return False
