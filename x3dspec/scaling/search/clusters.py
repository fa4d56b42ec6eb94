"""Clusters: factors that meet inside a rounding, and the combinations of their values.

The roundings are evaluated exactly on each cluster alone, where values that none of them tells apart
are one, equal networks become one, and what cannot be built is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
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
from x3dspec.scaling.search.arrays import ARRAYS, Array, Numbers, joined, numbers
from x3dspec.scaling.search.dependence import dependencies, grouped, top_nodes, topmost_roundings
from x3dspec.scaling.search.result import Range

#: Combinations of one cluster: they are all held in memory, with every width that depends on them.
MAX_CLUSTER = 2**21
#: Combinations that are looked at for them, so many at a time.
MAX_RAW, SLICE = 2**24, 2**15
#: Of a cluster with more combinations, only what can be within the limits is kept.
UNLIMITED = 2**18
#: Values of a factor at which the limits are tried, to learn how far it reaches beside another's.
PROBES = 128

#: Longer values are all as long, so that the lengths of a few add up in 64 bits.
MAX_LENGTH = 2**32

#: Some values of a cluster's first factor, and how many of each other one.
Piece = tuple[slice, tuple[int, ...]]


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


@dataclass(frozen=True)
class _Tied:
    """What is known of a cluster before it is evaluated.

    Attributes:
        names: its factors, and `values` those of each.
        roundings: the expressions that its values go into.
        constraints: what must hold of them, as far as these factors decide it.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Exact, ...], ...]
    roundings: tuple[Expr, ...]
    constraints: tuple[Constraint, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.values))

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Clustering:
    """The clusters of some ranges. It is made for one lattice, and then gone; see :class:`Lattice`.

    Attributes:
        costs: the formulas of what is counted.
        distinct: the values of each factor that some rounding tells apart.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        ranges: Mapping[str, Range],
        limits: Mapping[str, int],
        watch: Callable[[Sequence[str], int, int], None],
    ) -> None:
        self._watch, self._limits, self._display = watch, limits, evaluator.source.display
        binder = evaluator.architecture.binder(frozenset(ranges))
        self.costs = {quantity: binder.formula(quantity) for quantity in evaluator.quantities}
        self._constraints = binder.constraints
        self._tape: Tape[Any] = Tape([*binder.numbers.roots, *self.costs.values()])
        self._depends = dependencies(Tape([*self._tape.roots, *expressions(binder.constraints)]))
        self.distinct = {name: self._distinct(each) for name, each in ranges.items()}

    def clusters(self) -> Iterator[tuple[Cluster, dict[Expr, Numbers]]]:
        """Each cluster with the values of its roundings, one for each of its combinations.

        Raises:
            Infeasible: nothing of a cluster can be built.
            SpecError: a cluster that is too large, or an expression without a value somewhere.
        """
        roundings = topmost_roundings(self._tape)
        for names in grouped([self._depends[node] for node in roundings], list(self.distinct)):
            own = tuple(node for node in roundings if self._depends[node] <= set(names))
            constraints = tuple(each for each in self._constraints if self._concerns(each, names))
            yield self._cluster(_Tied(names, tuple(self.distinct[n] for n in names), own, constraints))

    def _distinct(self, given: Range) -> tuple[Exact, ...]:
        """A factor's values without those that every rounding takes to the same integers as another."""
        alone = {given.factor}
        tops = [node for node in top_nodes(self._tape, self._depends) if self._depends[node] == alone]
        if any(node.operator == "variable" for node in tops) or len(given.values) == 1:
            return given.values
        results = self._run(tops, {given.factor: numbers(given.values)})
        shape = (len(given.values),)
        columns = [np.broadcast_to(result.objects(), shape).tolist() for result in results]
        simplest: dict[tuple[Any, ...], Exact] = {}
        for value, integers in zip(given.values, zip(*columns, strict=True), strict=True):
            if integers not in simplest or _length(value) < _length(simplest[integers]):
                simplest[integers] = value
        return tuple(sorted(simplest.values())) if tops else given.values[:1]

    def _concerns(self, constraint: Constraint, names: Collection[str]) -> bool:
        """Whether a constraint is decided by these factors alone; others are when a network is chosen."""
        return self._depends[constraint.when] | self._depends[constraint.holds] <= set(names)

    def _cluster(self, tied: _Tied) -> tuple[Cluster, dict[Expr, Numbers]]:
        parts = list(self._parts(tied))
        kept = np.concatenate([part.kept for part in parts])
        if not kept.size:
            listed = " and ".join(tied.names)
            raise Infeasible(f"nothing within the limits can be built at any value of {listed}")
        if kept.size > MAX_CLUSTER:
            raise self._too_many(tied, kept.size, MAX_CLUSTER)
        results = [joined(column) for column in zip(*(part.results for part in parts), strict=True)]
        chosen = _unequal(results, _complexity(tied.values, tied.shape, kept))
        where = np.unravel_index(kept[chosen], tied.shape)
        rows = zip(
            *(map(values.__getitem__, w.tolist()) for values, w in zip(tied.values, where, strict=True)),
            strict=True,
        )
        cluster = Cluster(tied.names, tuple(rows), tied.size, sum(part.refused for part in parts))
        pairs = zip(tied.roundings, results, strict=True)
        return cluster, {node: Numbers(r.numerators[chosen], r.denominator) for node, r in pairs}

    def _parts(self, tied: _Tied) -> Iterator[_Part]:
        """All of a cluster, a piece at a time; of a large one, what can be within the limits."""
        limited, seen = tied.size > UNLIMITED, 0
        for piece in self._pieces(tied) if limited else _slices(tied.shape):
            first, reach = piece
            seen += (first.stop - first.start) * math.prod(reach)
            if seen > MAX_RAW:
                raise self._too_many(tied, tied.size, MAX_RAW)
            yield self._part(tied, piece, limited=limited)
            self._watch(tied.names, first.stop, len(tied.values[0]))

    def _pieces(self, tied: _Tied) -> Iterator[Piece]:
        """The first factor in pieces; beside each, how many values of the others can be within the limits.

        Costs rise with the factors: what one reaches beside a value of the first, it reaches beside less.
        """
        names, values = tied.names, tied.values
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

    def _part(self, tied: _Tied, piece: Piece, *, limited: bool) -> _Part:
        """What some values of a cluster's first factor make, with the first values of the others."""
        first, reach = piece
        axes = {}
        for i, (name, values, part) in enumerate(
            zip(tied.names, tied.values, [first, *map(slice, reach)], strict=True)
        ):
            axes[name] = numbers(values[part], tuple(-1 if i == j else 1 for j in range(len(tied.names))))
        conditions = list(dict.fromkeys((each.when, each.holds) for each in tied.constraints))
        needed = list(dict.fromkeys([*tied.roundings, *(node for pair in conditions for node in pair)]))
        results = dict(zip(needed, self._run(needed, axes), strict=True))
        sound = np.ones((first.stop - first.start, *reach), dtype=bool)
        for when, holds in conditions:
            sound &= results[holds].between(1, 1) | ~results[when].between(1, 1)
        refused = int(sound.size - sound.sum())
        if limited:
            sound &= self._within(axes)
        kept = np.flatnonzero(sound)
        index, *others = np.unravel_index(kept, sound.shape)
        where = np.ravel_multi_index((index + first.start, *others), tied.shape)
        return _Part(
            where, tuple(_chosen(results[node], sound.shape, kept) for node in tied.roundings), refused
        )

    def _within(self, axes: Mapping[str, Numbers]) -> Array:
        """Where the limits hold with every other factor at its least: elsewhere they never do."""
        least = {name: numbers([values[0]], ()) for name, values in self.distinct.items()}
        figures = self._run([self.costs[quantity] for quantity in self._limits], {**least, **axes})
        within: Any = True
        for figure, limit in zip(figures, self._limits.values(), strict=True):
            within = within & figure.between(0, limit)
        return np.asarray(within)

    def _too_many(self, tied: _Tied, size: int, limit: int) -> SpecError:
        listed = " x ".join(f"{n} of {name}" for n, name in zip(tied.shape, tied.names, strict=True))
        message = (
            f"{listed} are {size:,} combinations that meet in one rounding, more than {limit:,}: "
            "give a coarser or shorter --grid, or --fix one of them"
        )
        return BadArgument("grid", message)

    def _run(self, roots: list[Expr], values: Mapping[str, Numbers]) -> list[Numbers]:
        try:
            return Tape(roots).run(ARRAYS, values)
        except (ExpressionError, ExactError) as error:
            raise SpecError.at(self._display, f"{error}, somewhere on the grid") from None


@dataclass(frozen=True)
class _Part:
    """A piece of a cluster: the combinations that are kept, and the values of its roundings there."""

    kept: Array
    results: tuple[Numbers, ...]
    refused: int


def _chosen(result: Numbers, shape: tuple[int, ...], kept: Array) -> Numbers:
    return Numbers(np.broadcast_to(result.numerators, shape).ravel()[kept], result.denominator)


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


def _unequal(results: list[Numbers], complexity: Array) -> Array:
    """Which combinations to keep so that all build different networks: the simplest of equal ones."""
    if not results:
        return np.zeros(1, dtype=np.int64)
    simplest = np.argsort(complexity, kind="stable")
    columns = [atom.numerators[simplest] for atom in results]
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
