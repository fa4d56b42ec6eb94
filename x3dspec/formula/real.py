"""Real numbers that were solved for: exact by definition, known to as many digits as a question needs.

A :class:`Real` is what a formula says at numbers that are themselves exact, or the root that a function
has in a bracket. It is never rounded: what it is compared with decides how closely it is enclosed. So a
long chain of steps stays exact without nested radicals, each number knowing the ones it comes from.
Where the radicals are short they are also written down, as :attr:`Real.exact`. How numbers are enclosed
is :mod:`x3dspec.formula.enclosures`' business, which knows sympy; this module does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

from x3dspec.language import numbers
from x3dspec.language.numbers import Exact

T = TypeVar("T")
Ends = tuple[Fraction, Fraction]

#: Decimal digits that enclosures are computed with: at first, and until a question is decided.
DIGITS = (80, 160, 320, 640, 1280)


@dataclass(frozen=True)
class Real:
    """An irrational real number, or a rational one that is too long to write.

    Attributes:
        low, high: it lies between these, which are certified, and closer together than 10**-60 of it.
        exact: a closed form, where it is short: ``sqrt(224883457845)/329910``.
        expression: the same for sympy, where there is one.
        enclosed: closer ends, computed with so many digits.
    """

    low: Fraction
    high: Fraction
    exact: str
    expression: Any = field(compare=False, repr=False)
    enclosed: Callable[[int], Ends] = field(compare=False, repr=False)

    def __float__(self) -> float:
        return float((self.low + self.high) / 2)

    def decide(self, read: Callable[[Fraction], T]) -> T:
        """What a monotonic step function, such as rounding to a grid, says of this number.

        It is enclosed until both ends agree. After 1280 digits it is taken to stand where the function
        jumps, and to belong above.
        """
        for digits in DIGITS:
            low, high = self.enclosed(digits)
            if (value := read(high)) == read(low):
                break
        return value

    def digits(self, count: int) -> str:
        """Its decimal digits, rounded to so many significant ones."""
        return self.decide(lambda x: _decimal(x, count))


Number = Exact | Real


def decided(value: Number, read: Callable[[Exact], T]) -> T:
    """As :meth:`Real.decide`, of any number."""
    return value.decide(read) if isinstance(value, Real) else read(value)


def place(value: Number) -> Fraction:
    """Where a number is, by which numbers are sorted: a root to the precision of a float."""
    if isinstance(value, Real):
        return value.low
    return value if isinstance(value, Fraction) else Fraction(float(value))


def text(value: Number) -> str | None:
    """The exact form of a number, or None where it is too long to write."""
    return value.exact or None if isinstance(value, Real) else numbers.text(value)


def _decimal(value: Fraction, count: int) -> str:
    from decimal import Context, Decimal

    context = Context(prec=count)
    return str(context.divide(Decimal(value.numerator), Decimal(value.denominator)))
