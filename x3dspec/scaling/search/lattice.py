"""Every network that a spec's grid allows, as a product of small parts whose costs are sums of products.

Three steps take a formula apart. A factor's values that no rounding tells apart are one. Factors that
meet inside a rounding (``floor(gamma_b * width)``) form a cluster, and the roundings are evaluated
exactly on each cluster alone, where equal networks become one again. What remains above the roundings
are sums of products: each cost is kept as terms, a coefficient and one integer vector a cluster, so
that a configuration costs a few multiplications and a lattice is never built.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from x3dspec.language.errors import BadArgument, Infeasible, SpecError
from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape
from x3dspec.network.conditions import Constraint
from x3dspec.network.constraints import expressions
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.scaling.search.arrays import ARRAYS, LIMIT, Array, Numbers, joined, numbers

#: Combinations of one cluster: they are all held in memory, with every width that depends on them.
MAX_CLUSTER = 2**21
#: Combinations that are looked at for them, so many at a time.
MAX_RAW, SLICE = 2**24, 2**15
#: Of a cluster with more combinations, only what can be within the limits is kept.
UNLIMITED = 2**18
#: Values of a factor at which the limits are tried, to learn how far it reaches beside another's.
PROBES = 128
#: Terms of a sum before those that differ in one cluster alone are added up.
MAX_TERMS = 8

#: Longer values are all as long, so that the lengths of a few add up in 64 bits.
MAX_LENGTH = 2**32

#: Per cluster, which of its vectors a term has.
Key = tuple[int, ...]
#: Some values of a cluster's first factor, and how many of each other one.
Piece = tuple[slice, tuple[int, ...]]


@dataclass(frozen=True)
class Range:
    """The values that one factor may take. `chosen` is why these, in words."""

    factor: str
    values: tuple[Exact, ...]
    chosen: str


@dataclass(frozen=True)
class Cluster:
    """Factors that a rounding ties together, and the combinations of their values.

    Attributes:
        factors: their names.
        values: for each combination that builds another network, the values, in rising order.
        raw: how many combinations there were.
        refused: how many of those no network can be built from.
    """

    factors: tuple[str, ...]
    values: tuple[tuple[Exact, ...], ...]
    raw: int
    refused: int

    def __len__(self) -> int:
        return len(self.values)


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


class _Sums:
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


class Lattice:
    """The product of all clusters, and what its networks cost; see the module.

    `ranges` has one entry for every factor that is set by hand. Of a cluster too large to be held, only
    the combinations are kept that can be within `limits` at all. `told` is told of each piece that is
    done: the factors of its cluster, and how many of how many values of the first of them.

    Raises:
        Infeasible: no network of the lattice can be built.
        SpecError: a cluster that is too large, or a formula without a value somewhere.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        ranges: Iterable[Range],
        limits: Mapping[str, int] | None = None,
        told: Callable[[Sequence[str], int, int], None] = lambda *_: None,
    ) -> None:
        self.evaluator, self._told = evaluator, told
        self.limits = limits or {}
        self.ranges = {each.factor: each for each in ranges}
        binder = evaluator.architecture.binder(frozenset(self.ranges))
        self.quantities = evaluator.quantities
        self._costs: list[Expr] = [binder.formula(quantity) for quantity in self.quantities]
        tape: Tape[Any] = Tape([*binder.numbers.roots, *self._costs])
        self._depends = _dependencies(Tape([*tape.roots, *expressions(binder.constraints)]))
        self.distinct = {name: self._distinct(tape, each) for name, each in self.ranges.items()}
        atoms = _atoms(tape)
        groups = _groups([self._depends[atom] for atom in atoms], list(self.ranges))
        self.clusters: list[Cluster] = []
        self._values: dict[Expr, tuple[int, Numbers]] = {}
        for names in groups:
            own = [a for a in atoms if self._depends[a] <= set(names)]
            self._cluster(names, own, [c for c in binder.constraints if self._concerns(c, names)])
        self.vectors = Vectors([len(cluster) for cluster in self.clusters])
        self.terms = dict(zip(self.quantities, self._sums(), strict=True))
        self._values.clear()

    @property
    def raw(self) -> int:
        """Combinations of grid values."""
        return math.prod(len(each.values) for each in self.ranges.values())

    @property
    def size(self) -> int:
        """Combinations that are left where equal networks are one and what cannot be built is gone.

        Not its `len`, which Python holds to a machine word.
        """
        return math.prod(map(len, self.clusters))

    def setting(self, combination: Sequence[int]) -> Setting:
        """The factors at a combination: one index a cluster."""
        found: dict[str, Exact] = {}
        for cluster, index in zip(self.clusters, combination, strict=True):
            found |= zip(cluster.factors, cluster.values[index], strict=True)
        return {name: found[name] for name in self.ranges}

    def counts(self, quantity: str, combinations: Array) -> Array:
        """Exact figures at combinations: one row each, with an index a cluster."""
        terms = self.terms[quantity]
        total: Any = np.zeros(len(combinations), dtype=np.int64)
        if self.bound(quantity) >= LIMIT:
            total = total.astype(object)
        for key, coefficient in terms.scaled().items():
            total = total + coefficient * self._product(key, combinations, total.dtype)
        return np.asarray(total // terms.scale)

    def _product(self, key: Key, combinations: Array, dtype: Any) -> Any:
        chosen = [
            self.vectors.arrays[c][place][combinations[:, c]].astype(dtype)
            for c, place in enumerate(key)
            if place
        ]
        return math.prod(chosen, start=np.ones(len(combinations), dtype=dtype))

    def bound(self, quantity: str) -> int:
        """No partial sum of a figure is larger, anywhere on the lattice."""
        return sum(
            abs(coefficient) * math.prod(most(self.vectors.arrays[c][place]) for c, place in enumerate(key))
            for key, coefficient in self.terms[quantity].scaled().items()
        )

    def _distinct(self, tape: Tape[Any], given: Range) -> tuple[Exact, ...]:
        """A factor's values without those that every rounding takes to the same integers as another."""
        alone = {given.factor}
        tops = [node for node in _tops(tape, self._depends) if self._depends[node] == alone]
        if any(node.operator == "variable" for node in tops) or len(given.values) == 1:
            return given.values
        axis = numbers(given.values)
        found = self._run(tops, {given.factor: axis})
        shape = (len(given.values),)
        columns = [np.broadcast_to(each.objects(), shape).tolist() for each in found]
        simplest: dict[tuple[Any, ...], Exact] = {}
        for value, made in zip(given.values, zip(*columns, strict=True), strict=True):
            if made not in simplest or _length(value) < _length(simplest[made]):
                simplest[made] = value
        return tuple(sorted(simplest.values())) if tops else given.values[:1]

    def _concerns(self, constraint: Constraint, names: Collection[str]) -> bool:
        """Whether a constraint is decided by these factors alone; others are when a network is chosen."""
        return self._depends[constraint.when] | self._depends[constraint.holds] <= set(names)

    def _cluster(self, names: tuple[str, ...], atoms: list[Expr], own: list[Constraint]) -> None:
        values = [self.distinct[name] for name in names]
        shape = tuple(map(len, values))
        size = math.prod(shape)
        parts, seen = [], 0
        for part, reach in self._pieces(names) if size > UNLIMITED else _slices(shape):
            seen += (part.stop - part.start) * math.prod(reach)
            if seen > MAX_RAW:
                raise self._too_many(names, size, MAX_RAW)
            parts.append(self._part(names, part, reach, atoms, own, limited=size > UNLIMITED))
            self._told(names, part.stop, len(values[0]))
        refused = sum(part.refused for part in parts)
        kept = np.concatenate([part.kept for part in parts])
        if not kept.size:
            raise Infeasible(f"nothing within the limits can be built at any value of {' and '.join(names)}")
        if kept.size > MAX_CLUSTER:
            raise self._too_many(names, kept.size, MAX_CLUSTER)
        found = [joined(column) for column in zip(*(part.atoms for part in parts), strict=True)]
        chosen = _unequal(found, _complexity(values, shape, kept))
        where = np.unravel_index(kept[chosen], shape)
        rows = zip(*(map(v.__getitem__, w.tolist()) for v, w in zip(values, where, strict=True)), strict=True)
        place = len(self.clusters)
        self.clusters.append(Cluster(names, tuple(rows), size, refused))
        for atom, each in zip(atoms, found, strict=True):
            self._values[atom] = (place, Numbers(each.numerators[chosen], each.denominator))

    def _pieces(self, names: tuple[str, ...]) -> Iterator[Piece]:
        """The first factor in pieces; beside each, how many values of the others can be within the limits.

        Costs rise with the factors: what one reaches beside a value of the first, it reaches beside less.
        """
        values = [self.distinct[name] for name in names]
        first, reach = 0, tuple(map(len, values[1:]))
        while first < len(values[0]):
            beside = {names[0]: numbers([values[0][first]], ())}
            reach = tuple(
                self._reach(name, each[:count], beside)
                for name, each, count in zip(names[1:], values[1:], reach, strict=True)
            )
            last = min(first + max(1, SLICE // math.prod(reach)), len(values[0]))
            yield slice(first, last), reach
            first = last

    def _reach(self, name: str, values: Sequence[Exact], beside: Mapping[str, Numbers]) -> int:
        """How many values, from the least, to look at: all within the limits, and less than a probe more."""
        probes = np.unique(np.linspace(0, len(values) - 1, PROBES).astype(int))
        axis = {name: numbers([values[index] for index in probes.tolist()])}
        fitting = np.broadcast_to(self._within({**beside, **axis}), probes.shape)
        beyond = np.flatnonzero(~fitting)
        return int(probes[beyond[0]]) or 1 if beyond.size else len(values)

    def _part(
        self,
        names: tuple[str, ...],
        part: slice,
        reach: tuple[int, ...],
        atoms: list[Expr],
        own: list[Constraint],
        *,
        limited: bool,
    ) -> _Part:
        """What some values of a cluster's first factor make, with the first values of the others."""
        values = [self.distinct[name] for name in names]
        parts = [part, *map(slice, reach)]
        axes = {}
        for i, (name, each, piece) in enumerate(zip(names, values, parts, strict=True)):
            axes[name] = numbers(each[piece], tuple(-1 if i == j else 1 for j in range(len(names))))
        needed = list(dict.fromkeys([*atoms, *(e for each in own for e in (each.when, each.holds))]))
        found = dict(zip(needed, self._run(needed, axes), strict=True))
        sound = np.ones((part.stop - part.start, *reach), dtype=bool)
        for when, holds in dict.fromkeys((each.when, each.holds) for each in own):
            sound &= found[holds].between(1, 1) | ~found[when].between(1, 1)
        refused = int(sound.size - sound.sum())
        if limited:
            sound &= self._within(axes)
        kept = np.flatnonzero(sound)
        columns = (Numbers(np.broadcast_to(found[a].numerators, sound.shape).ravel()[kept],
                           found[a].denominator) for a in atoms)  # fmt: skip
        first, *others = np.unravel_index(kept, sound.shape)
        where = np.ravel_multi_index((first + part.start, *others), tuple(map(len, values)))
        return _Part(where, tuple(columns), refused)

    def _within(self, axes: Mapping[str, Numbers]) -> Array:
        """Where the limits hold with every other factor at its least: elsewhere they never do."""
        least = {name: numbers([values[0]], ()) for name, values in self.distinct.items()}
        figures = self._run(
            [self._costs[self.quantities.index(each)] for each in self.limits], {**least, **axes}
        )
        within: Any = True
        for figure, limit in zip(figures, self.limits.values(), strict=True):
            within = within & figure.between(0, limit)
        return np.asarray(within)

    def _too_many(self, names: Sequence[str], size: int, limit: int) -> SpecError:
        listed = " x ".join(f"{len(self.distinct[name])} of {name}" for name in names)
        message = (
            f"{listed} are {size:,} combinations that meet in one rounding, more than {limit:,}: "
            "give a coarser or shorter --grid, or --fix one of them"
        )
        return BadArgument("grid", message)

    def _run(self, roots: list[Expr], values: Mapping[str, Numbers]) -> list[Numbers]:
        try:
            return Tape(roots).run(ARRAYS, values)
        except (ExpressionError, ExactError) as error:
            raise self._error(f"{error}, somewhere on the grid") from None

    def _sums(self) -> list[Terms]:
        algebra: Any = _Sums(self.vectors)  # of sums and products alone: atoms hold the other operations
        try:
            known = {atom: algebra.atom(*values) for atom, values in self._values.items()}
            results = Tape[Terms](self._costs, known).run(algebra, {}, known)
        except ExpressionError as error:
            raise self._error(str(error)) from None
        return list(map(algebra.compact, results))

    def _error(self, message: str) -> SpecError:
        return SpecError.at(self.evaluator.source.display, message)


@dataclass(frozen=True)
class _Part:
    """A piece of a cluster: the combinations that are kept, and the values of its atoms there."""

    kept: Array
    atoms: tuple[Numbers, ...]
    refused: int


def _dependencies(tape: Tape[Any]) -> dict[Expr, frozenset[str]]:
    found: dict[Expr, frozenset[str]] = {}
    for node in tape.nodes:
        own = {node.name} if node.operator == "variable" else set()
        found[node] = frozenset(own).union(*(found[argument] for argument in node.arguments))
    return found


def _tops(tape: Tape[Any], depends: Mapping[Expr, frozenset[str]]) -> list[Expr]:
    """The nodes that a node of more factors uses, or that are asked for themselves."""
    found = dict.fromkeys(tape.roots)
    for node in tape.nodes:
        found |= dict.fromkeys(a for a in node.arguments if depends[a] != depends[node])
    return list(found)


def _atoms(tape: Tape[Any]) -> list[Expr]:
    """The topmost nodes that are neither sums nor products."""
    leaves = {node for node in tape.nodes if node.operator not in ("add", "multiply")}
    return [node for node in Tape(tape.roots, leaves).nodes if node in leaves and node.value is None]


def _groups(together: Iterable[frozenset[str]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """The names in groups, so that no set of `together` is torn apart."""
    groups = [{name} for name in names]
    for tied in together:
        touched = [group for group in groups if group & tied]
        if len(touched) > 1:
            groups = [group for group in groups if not group & tied] + [set().union(*touched)]
    order = {name: index for index, name in enumerate(names)}
    return sorted((tuple(sorted(g, key=order.__getitem__)) for g in groups), key=lambda g: order[g[0]])


def _slices(shape: tuple[int, ...]) -> list[Piece]:
    """The first axis in pieces, so that what is evaluated at once stays small."""
    step = max(1, SLICE // max(1, math.prod(shape[1:])))
    return [(slice(first, min(first + step, shape[0])), shape[1:]) for first in range(0, shape[0], step)]


def _complexity(values: Sequence[Sequence[Exact]], shape: tuple[int, ...], kept: Array) -> Array:
    """How long the values of each combination are to write."""
    total = np.zeros(len(kept), dtype=np.int64)
    for each, index in zip(values, np.unravel_index(kept, shape), strict=True):
        total += np.array([_length(value) for value in each], dtype=np.int64)[index]
    return total


def _unequal(atoms: list[Numbers], complexity: Array) -> Array:
    """Which combinations to keep so that all build different networks: the simplest of equal ones."""
    if not atoms:
        return np.zeros(1, dtype=np.int64)
    simplest = np.argsort(complexity, kind="stable")
    columns = [atom.numerators[simplest] for atom in atoms]
    if any(column.dtype == object for column in columns):
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        first = np.array(
            list({row: i for i, row in reversed(list(enumerate(rows)))}.values()), dtype=np.int64
        )
    else:
        _, first = np.unique(np.stack(columns, axis=1), axis=0, return_index=True)
    return np.sort(simplest[first])


def _length(value: Exact) -> int:
    """How long a value is to write: of those that build one network, the shortest is told."""
    return min(value.denominator, MAX_LENGTH) if isinstance(value, Fraction) else 1
