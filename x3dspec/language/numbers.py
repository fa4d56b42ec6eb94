"""Exact real numbers: what an expression such as ``16*sqrt(2)*1.2**(1/3)`` evaluates to.

A value is a ``Fraction`` or a :class:`Surd`, a finite sum of rational multiples of canonical
radicals ``p**a * q**b * ...``: distinct primes, each with a rational exponent strictly between 0
and 1. Such radicals are linearly independent over the rationals (Besicovitch 1940), and from that
follows everything here:

- one number has one form, so equality and the test for zero look only at the form;
- a Surd is irrational, so enclosing it ever more closely must in the end separate it from every
  integer and from every other value: rounding and ordering are decided and never guessed;
- a rational result is always a ``Fraction``.

Values are closed under ``+ - *`` and whole powers. Roots and divisors have to be single terms.
Whatever could take long is refused before it starts, with :class:`ExactError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, total_ordering
from itertools import chain
from typing import TypeVar

# Expressions come from files that anybody may write, so each of these only has to be far beyond
# what an architecture needs and still cheap on a slow machine.
MAX_BITS = 4096  # of a numerator or denominator: 1200 digits, printed and multiplied at once
MAX_TERMS = 64  # of one Surd: a product of two then merges 4096 pairs
MAX_PRIMES = 16  # under one term: as many multiplications for every enclosure of it
MAX_EXPONENT = 4096  # 2**4096 is already over MAX_BITS
MAX_ROOT = 100  # denominator of an exponent: a digit of a k-th root costs k times one of a number
MAX_PRIME = 10**12  # under a root: trial division then stops at 10**6
MAX_WORK = 2**35  # root degrees times the square of the bits: about a second
MAX_EFFORT = 30_000  # of everything within one `limited`, in units of about 10 microseconds

Radical = tuple[tuple[int, Fraction], ...]
T = TypeVar("T")


class ExactError(ValueError):
    """The result is no exact number of this kind, or is too large to be worth computing."""


class EffortError(ExactError):
    """No one result is at fault: all of them together are not worth computing."""


_left: ContextVar[list[int] | None] = ContextVar("effort left", default=None)


@contextmanager
def limited() -> Iterator[None]:
    """Within, all arithmetic with roots together is refused beyond `MAX_EFFORT`.

    The other bounds are of one operation, and a file may ask for thousands. Counted and not timed,
    so that every machine refuses the same files.
    """
    token = _left.set([MAX_EFFORT])
    try:
        yield
    finally:
        _left.reset(token)


def _spend(effort: int) -> None:
    left = _left.get()
    if left is not None:
        left[0] -= effort
        if left[0] < 0:
            raise EffortError("too much arithmetic with roots in one file")


@total_ordering
@dataclass(frozen=True, repr=False)
class Surd:
    """An irrational number in canonical form. Made by :func:`power` and arithmetic alone."""

    terms: tuple[tuple[Radical, Fraction], ...]

    def __add__(self, other: Number) -> Exact:
        return bounded(_sum(self, other))

    __radd__ = __add__

    def __sub__(self, other: Number) -> Exact:
        return bounded(_sum(self, other, -1))

    def __rsub__(self, other: Number) -> Exact:
        return bounded(_sum(other, self, -1))

    def __mul__(self, other: Number) -> Exact:
        terms = _terms(other)
        bits = max((_bits(factor) for _, factor in (*self.terms, *terms)), default=0)
        _spend(len(self.terms) * len(terms) * (2 + bits // 256))
        return bounded(_collect(_monomial(chain(r, s), a * b) for r, a in self.terms for s, b in terms))

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Exact:
        return self * power(other, -1)

    def __rtruediv__(self, other: Number) -> Exact:
        return power(self, -1) * other

    def __pow__(self, exponent: Number) -> Exact:
        return power(self, exponent)

    def __rpow__(self, base: object) -> Exact:
        raise ExactError("irrational exponent")

    def __neg__(self) -> Surd:
        return Surd(tuple((radical, -factor) for radical, factor in self.terms))

    def __abs__(self) -> Surd:
        return self if sign(self) > 0 else -self

    def __lt__(self, other: Number) -> bool:
        return sign(_sum(self, other, -1)) < 0

    def __floor__(self) -> int:
        return _decide(self, lambda scaled, bits: scaled >> bits)

    def __ceil__(self) -> int:
        return math.floor(self) + 1

    def __float__(self) -> float:
        return _decide(self, lambda scaled, bits: scaled / (1 << bits))

    def __repr__(self) -> str:
        return f"Surd({text(self)})"


Exact = Fraction | Surd
Number = int | Exact


def bounded(x: Number) -> Exact:
    """`x` itself, where it is small enough to compute with; use it on arithmetic of Fractions."""
    terms = _terms(x)
    if any(_bits(factor) > MAX_BITS for _, factor in terms):
        raise ExactError(f"a number of more than {MAX_BITS} bits")
    if len(terms) > MAX_TERMS:
        raise ExactError(f"a sum of more than {MAX_TERMS} roots")
    if any(len(radical) > MAX_PRIMES for radical, _ in terms):
        raise ExactError(f"more than {MAX_PRIMES} primes under the roots of one term")
    if any(a.denominator > MAX_ROOT for radical, _ in terms for _, a in radical):
        raise ExactError(f"a root of degree more than {MAX_ROOT}")
    return Fraction(x) if isinstance(x, int) else x


def power(base: Number, exponent: Number) -> Exact:
    """`base` to the `exponent`: a whole one for any base, a fraction for one positive term."""
    if isinstance(exponent, Surd):
        raise ExactError("irrational exponent")
    exponent = Fraction(exponent)
    if abs(exponent) > MAX_EXPONENT:
        raise ExactError(f"an exponent beyond {MAX_EXPONENT}")
    if exponent.denominator > MAX_ROOT:
        raise ExactError(f"a root of degree more than {MAX_ROOT}")
    terms = _terms(bounded(base))
    if not terms and exponent < 0:
        raise ExactError("division by zero")
    if not terms:
        return Fraction(exponent == 0)
    if len(terms) > 1:
        return _sum_power(base, exponent)
    [(radical, factor)] = terms
    primes = [(p, a * exponent) for p, a in radical]
    if exponent.denominator == 1:
        return bounded(_collect([_monomial(primes, _whole_power(factor, int(exponent)))]))
    if factor < 0:
        raise ExactError("a root of a negative number")
    _spend(_factoring(factor.numerator) + _factoring(factor.denominator))
    primes += [(p, k * exponent) for p, k in _factors(factor.numerator)]
    primes += [(p, -k * exponent) for p, k in _factors(factor.denominator)]
    return bounded(_collect([_monomial(primes, Fraction(1))]))


def sqrt(x: Number) -> Exact:
    """The square root of a rational number or of a single term, not negative."""
    return power(x, Fraction(1, 2))


def floor(x: Number) -> int:
    """The greatest integer that is not above `x`."""
    return math.floor(x)


def ceil(x: Number) -> int:
    """The least integer that is not below `x`."""
    return math.ceil(x)


def approximate(x: Number) -> float:
    """The nearest float; infinite where none is as large."""
    try:
        return float(x)
    except OverflowError:
        return math.inf * sign(x)


def sign(x: Number) -> int:
    """-1, 0 or 1."""
    if isinstance(x, Surd):
        return _decide(x, lambda scaled, _: sign(scaled))
    return (x > 0) - (x < 0)


def text(x: Number) -> str:
    """The one spelling of `x`, which reads back as the same value: ``2.25``, ``3/2*sqrt(2)``."""
    if not isinstance(x, Surd):
        return _rational_text(Fraction(x))
    first, *rest = (_term_text(radical, factor) for radical, factor in x.terms)
    return first + "".join(f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in rest)


def _rational_text(x: Fraction) -> str:
    for decimals in range(1, 5):
        if x.denominator > 1 and 10**decimals % x.denominator == 0:
            digits = str(abs(x.numerator) * 10**decimals // x.denominator).zfill(decimals + 1)
            return f"{'-' if x < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"
    return str(x)


def _term_text(radical: Radical, factor: Fraction) -> str:
    bases: dict[Fraction, list[int]] = {}
    for p, a in radical:
        bases.setdefault(a, []).append(p)
    roots = []
    for a, primes in bases.items():
        product = math.prod(primes)
        for n in [product] if product <= MAX_PRIME else primes:
            roots.append(f"sqrt({n})" if a == Fraction(1, 2) else f"{n}**({a})")
    if roots and abs(factor) == 1:
        return "-" * (factor < 0) + "*".join(roots)
    return "*".join([str(factor), *roots])


def _terms(x: Number) -> tuple[tuple[Radical, Fraction], ...]:
    if isinstance(x, Surd):
        return x.terms
    if isinstance(x, (int, Fraction)):
        return (((), Fraction(x)),) if x else ()
    raise TypeError(f"exact arithmetic takes int, Fraction and Surd, not {type(x).__name__}")


def _collect(terms: Iterable[tuple[Radical, Fraction]]) -> Exact:
    total: dict[Radical, Fraction] = {}
    for radical, factor in terms:
        total[radical] = total.get(radical, Fraction(0)) + factor
    kept = tuple(sorted((radical, factor) for radical, factor in total.items() if factor))
    return Surd(kept) if any(radical for radical, _ in kept) else total.get((), Fraction(0))


def _sum(x: Number, y: Number, times: int = 1) -> Exact:
    # Without bounds, so that any two values that exist can also be compared.
    _spend(1)
    return _collect(chain(_terms(x), ((radical, times * b) for radical, b in _terms(y))))


def _monomial(primes: Iterable[tuple[int, Fraction]], factor: Fraction) -> tuple[Radical, Fraction]:
    exponents: dict[int, Fraction] = {}
    for p, a in primes:
        exponents[p] = exponents.get(p, Fraction(0)) + a
    for p, a in exponents.items():
        factor *= _whole_power(Fraction(p), math.floor(a))
    return tuple(sorted((p, a % 1) for p, a in exponents.items() if a % 1)), factor


def _bits(x: Fraction) -> int:
    return max(x.numerator.bit_length(), x.denominator.bit_length())


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    if (_bits(base) - 1) * abs(exponent) >= MAX_BITS:
        raise ExactError(f"a number of more than {MAX_BITS} bits")
    return base**exponent


def _sum_power(base: Number, exponent: Fraction) -> Exact:
    if exponent.denominator != 1:
        raise ExactError("a root of a sum of roots")
    if exponent < 0:
        raise ExactError("division by a sum of roots")
    result: Exact = Fraction(1)
    for bit in f"{int(exponent):b}":
        result *= result
        if bit == "1":
            result *= base
    return result


def _factoring(n: int) -> int:
    """The effort of :func:`_factors`, whether or not the answer is at hand."""
    return 1 + math.isqrt(min(n, MAX_PRIME)) // 256


@lru_cache(maxsize=1024)
def _factors(n: int) -> tuple[tuple[int, int], ...]:
    found: dict[int, int] = {}
    for p in chain([2], range(3, math.isqrt(MAX_PRIME) + 1, 2)):
        if p * p > n:
            break
        while n % p == 0:
            found[p] = found.get(p, 0) + 1
            n //= p
    if n > MAX_PRIME:
        raise ExactError("too large to factor under a root")
    return (*found.items(), (n, 1)) if n > 1 else tuple(found.items())


def _decide(x: Surd, read: Callable[[int, int], T]) -> T:
    # `read` is monotonic with separate values, so once both ends agree all that lies between does.
    roots = {root for radical, _ in x.terms for root in radical}
    degrees = sum(a.denominator for _, a in roots)
    bits = 64
    while degrees * bits * bits <= MAX_WORK:
        _spend(len(x.terms) + degrees * bits * bits // 2**18)
        low, high = map(sum, zip(*(_enclose(*term, bits) for term in x.terms), strict=True))
        value = read(low, bits)
        if value == read(high, bits):
            return value
        bits *= 2
    raise ExactError("too close to a tie to decide")


def _enclose(radical: Radical, factor: Fraction, bits: int) -> tuple[int, int]:
    low = high = 1 << bits
    for p, a in radical:
        root = _scaled_root(p, a, bits)
        low = low * root >> bits
        high = -(-high * (root + 1) >> bits)
    ends = (low, high) if factor > 0 else (high, low)
    return math.floor(ends[0] * factor), math.ceil(ends[1] * factor)


@lru_cache(maxsize=1024)
def _scaled_root(p: int, a: Fraction, bits: int) -> int:
    return _root(p**a.numerator << a.denominator * bits, a.denominator)


def _root(n: int, k: int) -> int:
    # Newton from above, which only ever falls; half of the digits are known from the shorter root.
    half = n.bit_length() // k // 2
    guess = (_root(n >> k * half, k) + 1) << half if half else 1 << n.bit_length() // k + 1
    while (better := ((k - 1) * guess + n // guess ** (k - 1)) // k) < guess:
        guess = better
    return guess
