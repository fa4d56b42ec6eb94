"""The simplest numbers between two bounds: few digits first, then small denominators."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

_DIGITS = 4
_EACH = 6
_DEPTH = 200


def candidates(low: Fraction, high: Fraction) -> Iterator[Fraction]:
    """Values from `low` to `high`: decimals of ever more digits, nearest the middle first; then the
    fraction with the least denominator."""
    middle = (low + high) / 2
    for digits in range(_DIGITS + 1):
        scale = 10**digits
        first, last = ceil(low * scale), floor(high * scale)
        centre = round(middle * scale)
        near = range(max(first, centre - _EACH), min(last, centre + _EACH) + 1)
        yield from (Fraction(each, scale) for each in sorted(near, key=lambda n: abs(n - centre)))
    yield simplest(low, high)
    yield middle


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of least denominator from `low` to `high`, by continued fractions."""
    terms: list[int] = []
    for _ in range(_DEPTH):
        whole = floor(low)
        if low == whole or whole < floor(high):
            terms.append(ceil(low))
            break
        terms.append(whole)
        low, high = 1 / (high - whole), 1 / (low - whole)
    value = Fraction(terms[-1])
    for term in reversed(terms[:-1]):
        value = term + 1 / value
    return value
