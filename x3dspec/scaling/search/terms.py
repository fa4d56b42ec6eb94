"""Sums of products of integer vectors, one vector a cluster: what costs are above all roundings."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from x3dspec.language.numbers import Exact
from x3dspec.language.syntax import ExpressionError
from x3dspec.scaling.search.arrays import LIMIT, Array, Numbers

#: Terms of a sum before those that differ in one cluster alone are added up.
MAX_TERMS = 8
#: Per cluster, which of its vectors a term has.
Key = tuple[int, ...]


class Vectors:
    """The integer vectors of every cluster; equal ones are one. Number 0 is all ones."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.arrays: list[list[Array]] = [[np.ones(size, dtype=np.int64)] for size in sizes]
        self._known: list[dict[bytes, int]] = [{_digest(arrays[0]): 0} for arrays in self.arrays]
        self._products: dict[tuple[int, int, int], int] = {}

    def place(self, cluster: int, array: Array) -> tuple[int, int]:
        """The number of a vector, and what it must be multiplied by."""
        common = int(np.gcd.reduce(array)) if array.size else 1
        if common == 0:
            return 0, 0
        array = array // common
        digest = _digest(array)
        if digest not in self._known[cluster]:
            self._known[cluster][digest] = len(self.arrays[cluster])
            self.arrays[cluster].append(array)
        return self._known[cluster][digest], common

    def product(self, cluster: int, a: int, b: int) -> tuple[int, int]:
        """The number of the product of two vectors, and its multiplier."""
        if a == 0 or b == 0:
            return a or b, 1
        one, other = self.arrays[cluster][a], self.arrays[cluster][b]
        if most(one) * most(other) >= LIMIT:
            one = one.astype(object)
        return self.place(cluster, one * other)


def _digest(array: Array) -> bytes:
    content = array.tobytes() if array.dtype != object else repr(array.tolist()).encode()
    return hashlib.blake2b(content, digest_size=16).digest()


def most(array: Array) -> int:
    """The largest absolute value, as a Python integer."""
    return max(abs(int(array.max())), abs(int(array.min()))) if array.size else 0


@dataclass(frozen=True)
class Terms:
    """A sum of products: for each choice of one vector a cluster, its coefficient."""

    coefficients: Mapping[Key, Fraction]

    @cached_property
    def scale(self) -> int:
        """What makes every coefficient whole."""
        return math.lcm(*(each.denominator for each in self.coefficients.values()))

    def scaled(self) -> dict[Key, int]:
        return {key: int(value * self.scale) for key, value in self.coefficients.items()}


class Sums:
    """The algebra of :class:`Terms`: what is above the roundings."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors
        self.clusters = len(vectors.arrays)

    def constant(self, value: Exact) -> Terms:
        if not isinstance(value, Fraction):
            raise ExpressionError("an irrational number outside of every rounding")
        return Terms({(0,) * self.clusters: value} if value else {})

    def atom(self, cluster: int, values: Numbers) -> Terms:
        if not values.plain:
            raise ExpressionError("a value that is no whole number")
        place, common = self.vectors.place(cluster, values.numerators)
        key = tuple(place if each == cluster else 0 for each in range(self.clusters))
        return Terms({key: Fraction(common, values.denominator)} if common else {})

    def add(self, a: Terms, b: Terms) -> Terms:
        found = dict(a.coefficients)
        for key, coefficient in b.coefficients.items():
            total = found.pop(key, Fraction(0)) + coefficient
            if total:
                found[key] = total
        return Terms(found)

    def multiply(self, a: Terms, b: Terms) -> Terms:
        found: defaultdict[Key, Fraction] = defaultdict(Fraction)
        for (one, left), (other, right) in itertools.product(a.coefficients.items(), b.coefficients.items()):
            key, common = self._product(one, other)
            found[key] += left * right * common
        return self.compact(Terms({key: value for key, value in found.items() if value}))

    def _product(self, one: Key, other: Key) -> tuple[Key, int]:
        pairs = [self.vectors.product(c, a, b) for c, (a, b) in enumerate(zip(one, other, strict=True))]
        return tuple(place for place, _ in pairs), math.prod(common for _, common in pairs)

    def compact(self, terms: Terms) -> Terms:
        """Fewer terms: those that differ in one cluster alone are one."""
        if len(terms.coefficients) <= MAX_TERMS:
            return terms
        for cluster in range(self.clusters):
            terms = self._merged(terms, cluster)
        return terms

    def _merged(self, terms: Terms, cluster: int) -> Terms:
        alike: defaultdict[Key, list[tuple[int, Fraction]]] = defaultdict(list)
        for key, coefficient in terms.coefficients.items():
            others = key[:cluster] + key[cluster + 1 :]
            alike[others].append((key[cluster], coefficient))
        found: dict[Key, Fraction] = {}
        for others, parts in alike.items():
            place, coefficient = self._sum(cluster, parts)
            if coefficient:
                key = (*others[:cluster], place, *others[cluster:])
                found[key] = coefficient
        return Terms(found)

    def _sum(self, cluster: int, parts: Sequence[tuple[int, Fraction]]) -> tuple[int, Fraction]:
        if len(parts) == 1:
            return parts[0]
        scale = math.lcm(*(coefficient.denominator for _, coefficient in parts))
        arrays = [(self.vectors.arrays[cluster][place], int(c * scale)) for place, c in parts]
        large = sum(most(array) * abs(coefficient) for array, coefficient in arrays) >= LIMIT
        total: Array = sum(
            (array.astype(object) if large else array) * coefficient for array, coefficient in arrays
        )  # type: ignore[assignment]
        place, common = self.vectors.place(cluster, total)
        return place, Fraction(common, scale)
