"""Number systems that expressions can be evaluated in, and the exact one."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from x3dspec.language import numbers as exact
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError

T = TypeVar("T")


class Algebra(Protocol[T]):
    """A number system that expressions can be evaluated in."""

    def constant(self, value: Exact) -> T: ...
    def add(self, a: T, b: T) -> T: ...
    def multiply(self, a: T, b: T) -> T: ...
    def divide(self, a: T, b: T) -> T: ...
    def power(self, a: T, b: T) -> T: ...
    def floor(self, a: T) -> T: ...
    def ceil(self, a: T) -> T: ...
    def minimum(self, a: T, b: T) -> T: ...
    def maximum(self, a: T, b: T) -> T: ...
    def equal(self, a: T, b: T) -> T: ...
    def round_to(self, a: T, step: T) -> T:
        """The multiple of `step` nearest to `a`, ties up."""

    def round_width(self, a: T, divisor: T) -> T:
        """The multiple of `divisor` nearest to `a`, ties up, at least one `divisor`, and one more
        where that lost more than 10 % of `a`: the channel rounding of X3D, MobileNet, EfficientNet.
        """

    def residues(self, count: T, residue: T, period: T) -> T:
        """How many of the integers 0 .. count - 1 leave `residue` when divided by `period`."""


class ExactAlgebra:
    """Rationals and roots of rationals; whole numbers stay Python integers, which are faster."""

    def constant(self, value: Exact) -> Any:
        whole = isinstance(value, Fraction) and value.denominator == 1
        return value.numerator if whole else value  # type: ignore[union-attr]

    def add(self, a: Any, b: Any) -> Any:
        return _bounded(a + b)

    def multiply(self, a: Any, b: Any) -> Any:
        return _bounded(a * b)

    def divide(self, a: Any, b: Any) -> Any:
        if b == 0:
            raise ExpressionError("division by zero")
        return _bounded(Fraction(a) / b if isinstance(a, int) else a / b)

    def power(self, a: Any, b: Any) -> Any:
        return exact.power(a, b)

    floor = staticmethod(math.floor)
    ceil = staticmethod(math.ceil)

    def minimum(self, a: Any, b: Any) -> Any:
        return a if a <= b else b

    def maximum(self, a: Any, b: Any) -> Any:
        return a if a >= b else b

    def equal(self, a: Any, b: Any) -> Any:
        return int(a == b)

    def round_to(self, a: Any, step: Any) -> Any:
        return exact.nearest_integer(self.divide(a, step)) * step

    def round_width(self, a: Any, divisor: Any) -> Any:
        width = self.maximum(divisor, self.round_to(a, divisor))
        return width + divisor if width * 10 < a * 9 else width

    def residues(self, count: Any, residue: Any, period: Any) -> Any:
        return math.ceil(Fraction(count - residue) / period)


def _bounded(value: Any) -> Any:
    """The same value; sharing lets a short spec write a product that doubles its digits per line."""
    if type(value) is not int:
        return exact.bounded(value)
    if value.bit_length() > exact.MAX_BITS:
        raise ExactError(f"a number of more than {exact.MAX_BITS} bits")
    return value


EXACT = ExactAlgebra()
