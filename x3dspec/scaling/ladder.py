"""The values that a solver may choose: a factor's grid, and what stands on it.

A :class:`Ladder` is one axis seen from one setting. Rung k is the setting where the driving factor
is k grid steps. The relaxed cost says which rung a limit buys; the exact counts of that rung and the
next prove it. Several rungs may build the very same network; what is chosen among those is the simplest
value.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from typing import Any

from x3dspec.formula.real import decided
from x3dspec.language.errors import Refusal
from x3dspec.language.numbers import Exact
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.factors import completed
from x3dspec.network.grid import highest
from x3dspec.network.layers import Setting
from x3dspec.scaling.axes import Axis
from x3dspec.scaling.solving import reached

#: Grid values in a row that are looked at, where they have no network or the same.
MAX_RUNGS = 256
#: Networks in a row that are tried where none of them can be built.
MAX_TRIES = 32
#: Distances at which another network is looked for: a factor that changes nothing so far never does.
REACHES = [2**k for k in range(17)]


class Ladder:
    """The grid of an axis's driving factor, climbed from a setting."""

    def __init__(self, evaluator: Evaluator, axis: Axis, base: Setting) -> None:
        self.evaluator = evaluator
        self.axis = axis
        self.base = base
        self.grid = evaluator.factors[axis.factor].grid
        self.values = evaluator.values(base)
        self.value = self.values[axis.factor]
        self.form = evaluator.form({*base, *axis.changes})

    @cached_property
    def first(self) -> int:
        """The lowest rung above the base."""
        return math.floor(self.value / self.grid) + 1

    def setting(self, rung: int) -> dict[str, Exact] | Refusal:
        """The factors that are set by hand at a rung, where all of them have an exact value."""
        moved = self.axis.moved(self.values, rung * self.grid)
        return moved if isinstance(moved, Refusal) else {**self.base, **moved}

    def all_values(self, rung: int) -> dict[str, Exact] | Refusal:
        """Every factor's value at a rung, where each is inside its domain."""
        setting = self.setting(rung)
        return setting if isinstance(setting, Refusal) else completed(self.evaluator.source, setting)

    def count(self, rung: int, quantity: str) -> Fraction | Refusal:
        """An exact figure at a rung; see :meth:`Form.count`."""
        values = self.all_values(rung)
        return values if isinstance(values, Refusal) else self.form.count(quantity, values)

    def fits(self, rung: int, quantity: str, limit: int) -> bool:
        """Whether a rung can be counted and its count is within the limit."""
        count = self.count(rung, quantity)
        return not isinstance(count, Refusal) and count <= limit

    def highest(self, below: int, quantity: str, limit: int) -> int | None:
        """The highest rung under `below` that fits, or None where not even the first does.

        The relaxed cost, solved for the limit, says where it is; exact counts prove it.
        """
        value = reached(self.evaluator, self.axis, self.base, quantity, Fraction(limit))
        guess = None if value is None else decided(value, lambda x: math.floor(x / self.grid))
        rung = highest(lambda rung: self.fits(rung, quantity, limit), self.first - 1, below, guess)
        return rung if rung >= self.first else None

    def within(self, rung: int) -> bool:
        """Whether every factor has a value there, inside its domain."""
        return not isinstance(self.all_values(rung), Refusal)

    def refusal(self, rung: int) -> str | None:
        """Why no network can be built at a rung, or None where one can."""
        setting = self.setting(rung)
        return setting.message if isinstance(setting, Refusal) else self.evaluator.refusal(setting)

    def buildable(self, rung: int) -> int | None:
        """The highest rung up to `rung` that a network can be built from."""
        rungs = range(rung, max(self.first, rung - MAX_RUNGS) - 1, -1)
        return next((lower for lower in rungs if self.refusal(lower) is None), None)

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
        return min(rungs, key=lambda rung: (_length(rung * self.grid), rung))

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
        values = self.all_values(rung)
        return None if isinstance(values, Refusal) else self.form.integers(values)


def _length(value: Exact) -> int:
    return value.denominator if isinstance(value, Fraction) else 1
