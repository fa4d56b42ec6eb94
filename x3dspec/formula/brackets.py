"""Where a function of one unknown passes zero: a bracket whose ends have certified signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import mpmath

from x3dspec.formula.enclosures import enclose, real, walk
from x3dspec.formula.real import DIGITS, Ends, Number, Real
from x3dspec.formula.sympy_bridge import to_number
from x3dspec.language.numbers import Exact

#: A bracket is looked for in so many doublings, and halved to this part of its place before mpmath sees it.
MAX_DOUBLINGS, NEAR = 40, Fraction(1, 2**20)


def crossing(
    function: Any, unknown: Any, values: Mapping[Any, Number], above: Exact, reach: Exact
) -> Number | None:
    """The first place above `above` where a function passes zero upwards, or None.

    Looking from `above` in steps of `reach` and then twice as far each time.
    """
    found = _Crossing(function, unknown, values)
    steps = [Fraction(float(above) + float(reach) * 2.0**k) for k in range(MAX_DOUBLINGS)]
    low = Fraction(float(above) + float(reach) * 2.0**-MAX_DOUBLINGS)
    try:
        if found.sign(low, DIGITS[0]) >= 0:
            return None
        high = next((step for step in steps if found.sign(step, DIGITS[0]) > 0), None)
        return None if high is None else real(lambda digits: found.enclosed(low, high, digits))
    except (ValueError, ArithmeticError):
        return None


@dataclass(frozen=True)
class _Crossing:
    """Where a function of one unknown changes its sign from minus to plus."""

    function: Any
    unknown: Any
    values: Mapping[Any, Number]

    def sign(self, x: Fraction, digits: int) -> int:
        """Certified, or 0 where these digits do not tell."""
        low, high = enclose(self.function, {**self._others, self.unknown: x}, digits)
        return (low > 0) - (high < 0)

    @cached_property
    def _others(self) -> dict[Any, Number]:
        symbols = self.function.free_symbols - {self.unknown}
        return {symbol: self.values[symbol] for symbol in symbols}

    def enclosed(self, low: Fraction, high: Fraction, digits: int) -> Ends:
        """A bracket around what mpmath finds, as narrow as the signs at its ends can be told."""
        low, high = self._halved(low, high, digits, NEAR)
        root = self._root(low, high, digits)
        size = abs(root) / 10 ** (digits - 5)
        while low < root - size or root + size < high:
            if self.sign(root - size, digits) < 0 < self.sign(root + size, digits):
                return root - size, root + size
            size *= 1000
        return self._halved(low, high, digits, Fraction(1, 10 ** (digits - 5)))

    def _halved(self, low: Fraction, high: Fraction, digits: int, width: Fraction) -> Ends:
        """The part of a bracket with the change of sign, so narrow for its size if these digits tell."""
        while high - low > width * abs(high):
            middle = (low + high) / 2
            sign = self.sign(middle, digits)
            if sign == 0:
                break
            low, high = (middle, high) if sign < 0 else (low, middle)
        return low, high

    def _root(self, low: Fraction, high: Fraction, digits: int) -> Fraction:
        context = mpmath.MPContext()
        context.dps = digits + 10
        numbers = {symbol: _middle(value, digits, context) for symbol, value in self._others.items()}
        bracket = [_middle(end, digits, context) for end in (low, high)]
        root = context.findroot(
            lambda x: walk(self.function, {**numbers, self.unknown: x}, context),
            bracket, solver="illinois", maxsteps=20 * digits, verify=False,
        )  # fmt: skip
        return Fraction(int(root.man) * 2 ** max(root.exp, 0), 2 ** max(-root.exp, 0))


def _middle(value: Number, digits: int, context: Any) -> Any:
    low, high = value.enclosed(digits) if isinstance(value, Real) else enclose(to_number(value), {}, digits)
    middle = (low + high) / 2
    return context.mpf(middle.numerator) / context.mpf(middle.denominator)
