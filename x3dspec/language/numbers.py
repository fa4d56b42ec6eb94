"""Exact real numbers: what an expression such as ``16 * sqrt(2) * 1.2**(1/3)`` evaluates to.

A value is a ``Fraction`` or a :class:`Root`, the irrational number ``radicand**(1/degree)``. A rational
multiple of a root is a root as well, ``q * r**(1/k) = (q**k * r)**(1/k)``, so that products, quotients and
powers stay within these two. Nothing is approximated on the way:

- one number has one form (the degree is the least that does), so that equality looks only at the form;
- its floor is an integer root, and the order of two numbers that of their powers.

A sum of a root and another number is neither, and is refused with :class:`ExactError`, as is whatever
could take long. To round to the nearest integer needs no sum: ``floor(x + 1/2) = (floor(2 x) + 1) // 2``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import total_ordering

# Expressions come from files that anybody may write, so each of these only has to be far beyond
# what an architecture needs and still cheap on a slow machine.
MAX_BITS = 4096  # of a numerator or denominator, under a root too: 40 bits to the highest degree
MAX_EXPONENT = 4096  # 2**4096 is already over the bits
MAX_DEGREE = 100  # (6/5)**phi where phi has two decimals

_PRIMES = [p for p in range(2, 1000) if all(p % d for d in range(2, math.isqrt(p) + 1))]
_READABLE_BITS = 128  # of what stands under a root in text: as many digits as a spec may write
_SUM = "a root in a sum: round it first, as in floor(8 * sqrt(2)) + 1"
_NEGATIVE = "a root with a minus: it can be multiplied and rounded, but not subtracted"


class ExactError(ValueError):
    """The result is no exact number of this kind, or is too large to be worth computing."""


@total_ordering
@dataclass(frozen=True, repr=False)
class Root:
    """The positive irrational number ``radicand**(1/degree)``. Made by :func:`power` and arithmetic alone."""

    radicand: Fraction
    degree: int

    def __add__(self, other: Number) -> Exact:
        _expect_number(other)
        if other == 0:
            return self
        raise ExactError(_SUM)

    __radd__ = __sub__ = __add__

    def __rsub__(self, other: Number) -> Exact:
        _expect_number(other)
        raise ExactError(_SUM if other else _NEGATIVE)

    def __neg__(self) -> Exact:
        raise ExactError(_NEGATIVE)

    def __abs__(self) -> Root:
        return self

    def __mul__(self, other: Number) -> Exact:
        _expect_number(other)
        if other == 0:
            return Fraction(0)
        if other < 0:
            return -self
        degree = math.lcm(self.degree, other.degree if isinstance(other, Root) else 1)
        return _root(_raised(self, degree) * _raised(other, degree), degree)

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Exact:
        return self * power(other, -1)

    def __rtruediv__(self, other: Number) -> Exact:
        return power(self, -1) * other

    def __pow__(self, exponent: Number) -> Exact:
        return power(self, exponent)

    def __rpow__(self, base: object) -> Exact:
        raise ExactError("irrational exponent")

    def __lt__(self, other: Number) -> bool:
        _expect_number(other)
        if other <= 0:
            return False
        degree = math.lcm(self.degree, other.degree if isinstance(other, Root) else 1)
        return _raised(self, degree) < _raised(other, degree)

    def __floor__(self) -> int:
        return _integer_root(math.floor(self.radicand), self.degree)

    def __ceil__(self) -> int:
        return math.floor(self) + 1

    def __float__(self) -> float:
        above, below = self.radicand.numerator, self.radicand.denominator
        places = max(0, 66 - (above.bit_length() - below.bit_length()) // self.degree)
        root = _integer_root((above << places * self.degree) // below, self.degree)
        # Strictly between root and root + 1, where no float is halfway: their middle is rounded as it is.
        return (2 * root + 1) / (2 << places)

    def __repr__(self) -> str:
        return f"Root({text(self)})"


Exact = Fraction | Root
Number = int | Exact


def bounded(x: Number) -> Exact:
    """`x` itself, where it is small enough to compute with; use it on arithmetic of Fractions."""
    value = Fraction(x) if isinstance(x, int) else x
    if isinstance(value, Fraction) and _bits(value) > MAX_BITS:
        raise ExactError(f"a number of more than {MAX_BITS} bits")
    return value


def power(base: Number, exponent: Number) -> Exact:
    """`base` to the `exponent`: a whole one for any base, a fraction for a positive one."""
    if isinstance(exponent, Root):
        raise ExactError("irrational exponent")
    exponent = Fraction(exponent)
    if abs(exponent) > MAX_EXPONENT:
        raise ExactError(f"an exponent beyond {MAX_EXPONENT}")
    if exponent.denominator > MAX_DEGREE:
        raise ExactError(f"a root of degree more than {MAX_DEGREE}")
    radicand, degree = (base.radicand, base.degree) if isinstance(base, Root) else (Fraction(base), 1)
    if not radicand and exponent < 0:
        raise ExactError("division by zero")
    if radicand < 0 and exponent.denominator > 1:
        raise ExactError("a root of a negative number")
    return _root(_whole_power(radicand, exponent.numerator), degree * exponent.denominator)


def sqrt(x: Number) -> Exact:
    """The square root of a number that is not negative."""
    return power(x, Fraction(1, 2))


def floor(x: Number) -> int:
    """The greatest integer that is not above `x`."""
    return math.floor(x)


def ceil(x: Number) -> int:
    """The least integer that is not below `x`."""
    return math.ceil(x)


def nearest_integer(x: Number) -> int:
    """The integer nearest to `x`, ties up."""
    return (math.floor(x * 2) + 1) // 2


def approximate(x: Number | float) -> float:
    """The nearest float; infinite where none is as large."""
    try:
        return float(x)
    except OverflowError:
        return math.inf * sign(x)


def sign(x: Number | float) -> int:
    """-1, 0 or 1."""
    return (x > 0) - (x < 0)


def text(x: Number) -> str:
    """The one spelling of `x`, which reads back as the same value: ``2.25``, ``3/2*sqrt(2)``."""
    return _root_text(x) if isinstance(x, Root) else _rational_text(Fraction(x))


def _rational_text(x: Fraction) -> str:
    for decimals in range(1, 5):
        if x.denominator > 1 and 10**decimals % x.denominator == 0:
            digits = str(abs(x.numerator) * 10**decimals // x.denominator).zfill(decimals + 1)
            return f"{'-' if x < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"
    return str(x)


def _root_text(x: Root) -> str:
    above, below = x.radicand.numerator, x.radicand.denominator
    if above.bit_length() + below.bit_length() * (x.degree - 1) > _READABLE_BITS:
        return _power_text(x.radicand, x.degree)
    factor, under = Fraction(1, below), above * below ** (x.degree - 1)
    for prime in _PRIMES:
        while under % (whole := prime**x.degree) == 0:
            factor, under = factor * prime, under // whole
    root = f"sqrt({under})" if x.degree == 2 else f"{under}**(1/{x.degree})"
    return root if factor == 1 else f"{factor}*{root}"


def _power_text(base: Fraction, degree: int) -> str:
    """A root of long numbers, as the power of the least base: ``(6/5)**(13/10)``."""
    exponent = 1
    for prime in _PRIMES:
        while (root := _whole_root(base, prime)) is not None:
            base, exponent = root, exponent * prime
    power = f"**({Fraction(exponent, degree)})"
    return f"{base}{power}" if base.denominator == 1 else f"({base}){power}"


def _expect_number(x: object) -> None:
    if not isinstance(x, (int, Fraction, Root)):
        raise TypeError(f"exact arithmetic takes int, Fraction and Root, not {type(x).__name__}")


def _bits(x: Fraction) -> int:
    return max(x.numerator.bit_length(), x.denominator.bit_length())


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    if (_bits(base) - 1) * abs(exponent) >= MAX_BITS:
        raise ExactError(f"a number of more than {MAX_BITS} bits")
    return base**exponent


def _raised(x: Number, degree: int) -> Fraction:
    """`x` to a multiple of its own degree, which is rational."""
    if isinstance(x, Root):
        return _whole_power(x.radicand, degree // x.degree)
    return _whole_power(Fraction(x), degree)


def _root(radicand: Fraction, degree: int) -> Exact:
    for prime in _PRIMES:
        if prime > degree:
            break
        while degree % prime == 0 and (base := _whole_root(radicand, prime)) is not None:
            radicand, degree = base, degree // prime
    bounded(radicand)
    if degree > MAX_DEGREE:
        raise ExactError(f"a root of degree more than {MAX_DEGREE}")
    return Root(radicand, degree) if degree > 1 else radicand


def _whole_root(x: Fraction, degree: int) -> Fraction | None:
    """The root of `x` where it is rational."""
    above, below = (_integer_root(n, degree) for n in (x.numerator, x.denominator))
    return Fraction(above, below) if (above**degree, below**degree) == (x.numerator, x.denominator) else None


def _integer_root(n: int, degree: int) -> int:
    """The floor of the root of an integer that is not negative."""
    if n < 2:
        return n
    # Newton from above, which only ever falls; half of the digits are known from the shorter root.
    half = n.bit_length() // degree // 2
    guess = (_integer_root(n >> degree * half, degree) + 1) << half if half else 2 << n.bit_length() // degree
    while (better := ((degree - 1) * guess + n // guess ** (degree - 1)) // degree) < guess:
        guess = better
    return guess
