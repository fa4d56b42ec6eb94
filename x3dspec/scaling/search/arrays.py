"""Exact numbers by the million: an algebra of numpy arrays, so that a tape evaluates a whole lattice.

A :class:`Numbers` is an array of integers over one denominator. No operation can wrap around: each is
bounded in Python integers first, and what may leave 63 bits, like what is irrational, goes on as an
array of Python's own exact numbers, slower and no less right. There are no floats here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from x3dspec.language.algebra import EXACT
from x3dspec.language.numbers import Exact
from x3dspec.language.syntax import ExpressionError

#: Strictly more than any number that is kept as int64.
LIMIT = 2**62

Array = np.ndarray[Any, Any]


class Numbers:
    """``numerators / denominator``, element by element; of dtype object, elements are any exact numbers."""

    __slots__ = ("denominator", "most", "numerators")

    def __init__(self, numerators: Array, denominator: int = 1) -> None:
        self.numerators = np.asarray(numerators)
        self.denominator = denominator
        self.most = 0
        if self.plain and self.numerators.size:
            self.most = max(abs(int(self.numerators.max())), abs(int(self.numerators.min())))

    @property
    def plain(self) -> bool:
        """Whether these are machine integers."""
        return self.numerators.dtype != object

    def objects(self) -> Array:
        """The elements as Python's exact numbers."""
        if not self.plain:
            return self.numerators
        whole = self.numerators.astype(object)
        if self.denominator == 1:
            return np.asarray(whole)
        return np.asarray(np.frompyfunc(lambda n: Fraction(n, self.denominator), 1, 1)(whole))

    def whole(self) -> Array:
        """Where an element is an integer."""
        if self.plain:
            return np.asarray(self.numerators % self.denominator == 0)
        whole = np.frompyfunc(lambda n: getattr(n, "denominator", 0) == 1, 1, 1)
        return np.asarray(whole(self.numerators)).astype(bool)

    def between(self, low: int, high: int) -> Array:
        """Where an element is at least `low` and at most `high`."""
        if self.plain:
            return np.asarray(
                (self.numerators >= low * self.denominator) & (self.numerators <= high * self.denominator)
            )
        return np.asarray(np.frompyfunc(lambda n: low <= n <= high, 1, 1)(self.numerators).astype(bool))


def numbers(values: Iterable[Any], shape: tuple[int, ...] = (-1,)) -> Numbers:
    """Exact numbers as an array."""
    listed = list(values)
    made = np.empty(len(listed), dtype=object)
    made[:] = listed
    return _packed(made.reshape(shape))


def _packed(array: Any) -> Numbers:
    """Machine integers over one denominator where that is possible."""
    array = np.asarray(array, dtype=object)
    elements = array.ravel().tolist()
    if not all(isinstance(each, int | Fraction) for each in elements):
        return Numbers(array)
    denominator = math.lcm(*{each.denominator for each in elements})
    scaled = [int(each * denominator) for each in elements]
    if max(map(abs, (denominator, *scaled))) >= LIMIT:
        return Numbers(array)
    return Numbers(np.array(scaled, dtype=np.int64).reshape(array.shape), denominator)


def joined(parts: Sequence[Numbers]) -> Numbers:
    """Vectors one after the other."""
    common = math.lcm(*(each.denominator for each in parts))
    plain = all(each.plain and each.most * (common // each.denominator) < LIMIT for each in parts)
    if plain and common < LIMIT:
        scaled = [each.numerators * (common // each.denominator) for each in parts]
        return Numbers(np.concatenate(scaled), common)
    return Numbers(np.concatenate([each.objects() for each in parts]))


def _each(operator: str, *operands: Numbers) -> Numbers:
    """An operation one element at a time, in exact arithmetic."""
    method = getattr(EXACT, operator)
    return _packed(np.frompyfunc(method, len(operands), 1)(*(each.objects() for each in operands)))


def _aligned(a: Numbers, b: Numbers) -> tuple[Any, Any, int] | None:
    """The numerators over a common denominator, or None where they may not be machine integers."""
    common = math.lcm(a.denominator, b.denominator)
    by_a, by_b = common // a.denominator, common // b.denominator
    if not (a.plain and b.plain) or a.most * by_a + b.most * by_b >= LIMIT or common >= LIMIT:
        return None
    return a.numerators * by_a, b.numerators * by_b, common


class ArrayAlgebra:
    """The algebra of :class:`Numbers`; operands broadcast as numpy's do."""

    def constant(self, value: Exact) -> Numbers:
        return numbers([value], ())

    def add(self, a: Numbers, b: Numbers) -> Numbers:
        found = _aligned(a, b)
        return _each("add", a, b) if found is None else Numbers(found[0] + found[1], found[2])

    def multiply(self, a: Numbers, b: Numbers) -> Numbers:
        denominator = a.denominator * b.denominator
        if not (a.plain and b.plain) or max(a.most * b.most, denominator) >= LIMIT:
            return _each("multiply", a, b)
        return _reduced(a.numerators * b.numerators, denominator)

    def divide(self, a: Numbers, b: Numbers) -> Numbers:
        if not (a.plain and b.plain) or max(a.most * b.denominator, b.most * a.denominator) >= LIMIT:
            return _each("divide", a, b)
        above, below = a.numerators * b.denominator, b.numerators * a.denominator
        if not np.all(below):
            raise ExpressionError("division by zero")
        if np.size(below) == 1 and below.item() > 0:
            return _reduced(above, below.item())
        return _each("divide", a, b) if np.any(above % below) else Numbers(above // below)

    def power(self, a: Numbers, b: Numbers) -> Numbers:
        return _each("power", a, b)

    def floor(self, a: Numbers) -> Numbers:
        return Numbers(a.numerators // a.denominator) if a.plain else _each("floor", a)

    def ceil(self, a: Numbers) -> Numbers:
        return Numbers(-(-a.numerators // a.denominator)) if a.plain else _each("ceil", a)

    def minimum(self, a: Numbers, b: Numbers) -> Numbers:
        found = _aligned(a, b)
        if found is None:
            return _each("minimum", a, b)
        return Numbers(np.minimum(found[0], found[1]), found[2])

    def maximum(self, a: Numbers, b: Numbers) -> Numbers:
        found = _aligned(a, b)
        if found is None:
            return _each("maximum", a, b)
        return Numbers(np.maximum(found[0], found[1]), found[2])

    def equal(self, a: Numbers, b: Numbers) -> Numbers:
        found = _aligned(a, b)
        if found is None:
            return _each("equal", a, b)
        return Numbers(np.asarray(found[0] == found[1]).astype(np.int64))

    def round_to(self, a: Numbers, step: Numbers) -> Numbers:
        steps = self.divide(a, step)
        if not steps.plain:
            return _each("round_to", a, step)
        return self.multiply(self.floor(self.add(steps, _HALF)), step)

    def round_width(self, a: Numbers, divisor: Numbers) -> Numbers:
        width = self.maximum(divisor, self.round_to(a, divisor))
        found = _aligned(self.multiply(width, _TEN), self.multiply(a, _NINE))
        if found is None:
            return _each("round_width", a, divisor)
        lost = Numbers(np.asarray(found[0] < found[1]).astype(np.int64))
        return self.add(width, self.multiply(lost, divisor))

    def residues(self, count: Numbers, residue: Numbers, period: Numbers) -> Numbers:
        return self.ceil(self.divide(self.add(count, self.multiply(residue, _MINUS)), period))


def _reduced(numerators: Any, denominator: int) -> Numbers:
    """In lowest terms, so that denominators do not pile up from product to product."""
    if denominator > 1:
        common = math.gcd(denominator, int(np.gcd.reduce(np.ravel(numerators))))
        if common > 1:
            return Numbers(numerators // common, denominator // common)
    return Numbers(numerators, denominator)


ARRAYS = ArrayAlgebra()
_HALF, _NINE, _TEN, _MINUS = (numbers([value], ()) for value in (Fraction(1, 2), 9, 10, -1))
