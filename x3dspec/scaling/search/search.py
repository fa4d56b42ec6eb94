"""The best network under several limits at once, exactly: a lattice is walked, none of it is guessed.

The clusters of a lattice are divided into rows and columns so that each figure is a short sum of
products, row vector times column vector. Rows and columns are sorted by cost and cut into blocks.
From the least and the greatest entry of each vector follow bounds of a block's figures: a block that
is wholly over a limit holds nothing, one that is wholly within all of them is counted without being
looked into unless it may hold something better, and all others are counted one by one.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from x3dspec.language.errors import BadArgument, Infeasible, SpecError, unknown
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import LIMITED, Counts
from x3dspec.network.units import Target, figure
from x3dspec.scaling.judges import Candidate, Judge
from x3dspec.scaling.search.arrays import LIMIT, Array
from x3dspec.scaling.search.lattice import Key, Lattice, Range
from x3dspec.scaling.search.ranges import ranges

#: Configurations of one block: its figures stay in the processor's cache.
BLOCK = 2**15
#: Columns whose vectors are made at once, and rows that are held.
COLUMNS = 2**16
MAX_ROWS = 2**17
#: Rows of one block, where there are so many.
ROWS = 256
#: What looking up an entry of a vector costs, in multiplications.
GATHER = 100
#: Networks that can be scored one by one.
MAX_SCORED = 20_000
#: Networks of a lattice. Bounds decide most of them in blocks, some 1e10 a second: so many take a day.
MAX_NETWORKS = 10**15

#: How much of a walk is done: configurations covered, all there are, and those within the limits.
Covered = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Far:
    """How far a search is.

    Attributes:
        preparing: the factors whose values are being combined; none of them once networks are counted.
        done: of `total`: values of the first of those factors, or networks.
        fit: networks within all limits.
        best: the most of the objective so far.
    """

    preparing: Sequence[str]
    done: int
    total: int
    fit: int = 0
    best: int | None = None


Progress = Callable[[Far], None]


@dataclass(frozen=True)
class Found:
    """A network within the limits. `score` is a judge's, where one was asked."""

    setting: Setting
    counts: Counts
    score: float | None = None


@dataclass(frozen=True)
class Result:
    """What a search found.

    Attributes:
        limits: what was asked for.
        objective: what was made as large as possible.
        ranges: the values of each factor, and `distinct` how many roundings tell apart.
        raw: combinations of grid values; `total` those of them that are different networks that can
            be built, as far as each cluster tells.
        covered: of `total`, those that were decided; all of them unless the search was interrupted.
        counted: of those, the ones that were counted one by one; the others by the bounds of blocks.
        fit: of those, the ones within all limits.
        refused: those within the limits that were chosen and cannot be built.
        best: the best networks, the best one first.
        front: the networks that no other beats in both figures of `pareto`.
    """

    architecture: Architecture
    limits: tuple[Target, ...]
    objective: str
    ranges: tuple[Range, ...]
    distinct: Mapping[str, int]
    raw: int
    total: int
    covered: int
    counted: int
    fit: int
    refused: int
    best: tuple[Found, ...]
    pareto: tuple[str, str] | None = None
    front: tuple[Found, ...] = ()

    @property
    def complete(self) -> bool:
        return self.covered == self.total

    def resolved(self) -> Resolved:
        """The best network."""
        return self.architecture.at(self.best[0].setting)


def search(
    architecture: Architecture,
    limits: Sequence[Target],
    fixed: Mapping[str, tuple[Exact, ...]] | None = None,
    grids: Mapping[str, tuple[Exact, ...]] | None = None,
    objective: str = "macs",
    top: int = 1,
    pareto: tuple[str, str] | None = None,
    progress: Progress = lambda _: None,
) -> Result:
    """The networks with the largest `objective` (macs, params or activations) within all limits.

    Of several with the same figure the one with more MACs, parameters and activations comes first,
    then the one with the smaller factors, in the order that the spec declares them.

    Args:
        fixed: factors with one value, and `grids` with several; see :func:`ranges` for the others.
        top: how many networks to find.
        pareto: two quantities: also find the networks that no other beats with less of the first and
            more of the second.
        progress: is told how far it is.

    Raises:
        Infeasible: no network is within the limits; it says which limit binds.
        SpecError: a factor without bounds, or a lattice that cannot be held.
    """
    for quantity in (objective, *(pareto or ())):
        if quantity not in LIMITED:
            raise BadArgument("objective", unknown("quantity", quantity, LIMITED, "the quantities are"))
    asked = (each.quantity for each in limits)
    evaluator = Evaluator.of(architecture, *asked, objective, *(pareto or ()))
    chosen = ranges(evaluator, limits, fixed or {}, grids or {})
    lattice = Lattice(evaluator, chosen, _tightest(limits), lambda names, n, of: progress(Far(names, n, of)))
    if lattice.size > MAX_NETWORKS:
        message = f"{lattice.size:.1e} networks, more than 1e15: --fix factors, or give a coarser --grid"
        raise SpecError.at(architecture.source.display, message)
    best = Best(lattice, objective, top)
    front = Front(lattice, *pareto) if pareto else None
    walk = Walk(lattice, _tightest(limits), [best, *([front] if front else [])])
    walk.run(lambda done, total, fit: progress(Far((), done, total, fit, best.figure)))
    if walk.complete and not best.found:
        raise Infeasible(binding(lattice, limits))
    return Result(
        architecture,
        tuple(limits),
        objective,
        tuple(chosen),
        {name: len(values) for name, values in lattice.distinct.items()},
        lattice.raw,
        lattice.size,
        walk.covered,
        walk.counted,
        walk.fit,
        best.refused,
        tuple(best.networks()),
        pareto,
        tuple(front.networks()) if front else (),
    )


def judged(result: Result, judge: Judge, name: str, top: int) -> Result:
    """The same search with the networks within the limits ranked by a judge, which scores every one.

    Raises:
        Infeasible: they are too many to be scored one by one, or none of them has a score.
    """
    if result.fit > MAX_SCORED:
        raise Infeasible(
            f"{result.fit:,} networks are within the limits, and {name} scores them one by one: "
            f"at most {MAX_SCORED:,}. --fix factors, or give a coarser --grid"
        )
    asked = (each.quantity for each in result.limits)
    lattice = Lattice(Evaluator.of(result.architecture, *asked), result.ranges, _tightest(result.limits))
    every = Best(lattice, "macs", MAX_SCORED)
    Walk(lattice, _tightest(result.limits), [every]).run(lambda *_: None)
    networks = list(every.networks())
    candidates = [Candidate(result.architecture, "", each.setting) for each in networks]
    scores = dict(judge(candidates))
    ranked = sorted(
        (index for index, score in scores.items() if score.value is not None),
        key=lambda index: (-(scores[index].value or 0.0), index),
    )
    if not ranked:
        raise Infeasible(f"{name} gives none of the {len(networks):,} networks a score: {scores[0].note}")
    best = tuple(replace(networks[index], score=scores[index].value) for index in ranked[:top])
    return replace(result, objective=name, best=best)


def _tightest(limits: Sequence[Target]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in limits:
        found[each.quantity] = min(each.value, found.get(each.quantity, each.value))
    return found


def binding(lattice: Lattice, limits: Sequence[Target]) -> str:
    """Which limit nothing on the lattice is within, and the nearest figure that there is."""
    alone, joint = [], []
    for each in limits:
        least = _least(lattice, each.quantity, [])
        if least is not None and least[each.quantity] > each.value:
            alone.append(_beyond(each, least, ""))
    for each in limits if not alone else ():
        others = [other for other in limits if other.quantity != each.quantity]
        least = _least(lattice, each.quantity, others)
        if least is not None:
            listed = " and ".join(other.text for other in others)
            joint.append(_beyond(each, least, f" within {listed}" if listed else ""))
    found = alone or joint or ["no network on this grid can be built"]
    return "no network is within the limits: " + "; ".join(found)


def _beyond(limit: Target, least: Counts, others: str) -> str:
    count = least[limit.quantity]
    return f"{limit.text} binds, the least{others} is {figure(limit.quantity, count)} ({count:,})"


def _least(lattice: Lattice, quantity: str, limits: Sequence[Target]) -> Counts | None:
    least = Best(lattice, quantity, 1, sign=-1)
    walk = Walk(lattice, {each.quantity: each.value for each in limits}, [least])
    walk.run(lambda *_: None)
    return next((each.counts for each in least.networks()), None)


#: For each quantity, the least and the most that it may be in a block, times its scale.
Bounds = Mapping[str, tuple[int, int]]


class Block(Protocol):
    """Configurations whose figures can be asked for."""

    def figures(self, quantity: str) -> Array: ...
    def at(self, cells: Array) -> Array: ...


class Collector(Protocol):
    """What is kept of the configurations within the limits."""

    def wants(self, bounds: Bounds) -> bool:
        """Whether a block may hold what is not kept yet, by the bounds of its figures."""

    def take(self, block: Block, fitting: Array) -> None:
        """Look at the configurations of a block that fit: `fitting` are the numbers of its cells."""


class Best:
    """The `top` configurations with the largest (or, with sign -1, the smallest) figure."""

    def __init__(self, lattice: Lattice, quantity: str, top: int, sign: int = 1) -> None:
        self.lattice = lattice
        self.quantity, self.top, self.sign = quantity, top, sign
        self.order = (quantity, *(each for each in lattice.quantities if each != quantity))
        self.found: list[tuple[tuple[Any, ...], tuple[int, ...]]] = []
        self.refused = 0
        self._seen: dict[tuple[int, ...], bool] = {}

    @property
    def figure(self) -> int | None:
        """The best figure so far."""
        return -self.sign * int(self.found[0][0][0]) if self.found else None

    @property
    def worst(self) -> int | None:
        """The figure that must be reached to be kept, times the sign; None where anything is kept."""
        return self.found[-1][0][0] if len(self.found) == self.top else None

    def wants(self, bounds: Bounds) -> bool:
        low, high = bounds[self.quantity]
        best = high if self.sign > 0 else -low
        return self.worst is None or best >= -self.worst

    def take(self, block: Block, fitting: Array) -> None:
        figures = self.sign * block.figures(self.quantity)[fitting]
        if self.worst is not None:
            good = figures >= -self.worst
            fitting, figures = fitting[good], figures[good]
        if not fitting.size:
            return
        others = [self.sign * block.figures(each)[fitting] for each in self.order[1:]]
        ranked = np.lexsort([-each for each in (*others[::-1], figures)])
        combinations = block.at(fitting)
        for index in ranked.tolist():
            if self.worst is not None and -figures[index] > self.worst:
                return
            rank = tuple(-int(each[index]) for each in (figures, *others))
            self._offer(rank, tuple(combinations[index].tolist()))

    def _offer(self, rank: tuple[int, ...], combination: tuple[int, ...]) -> None:
        key = (*rank, *self.lattice.setting(combination).values())
        if len(self.found) == self.top and key >= self.found[-1][0]:
            return
        if not self._buildable(combination):
            self.refused += 1
            return
        self.found = sorted([*self.found, (key, combination)])[: self.top]

    def _buildable(self, combination: tuple[int, ...]) -> bool:
        if combination not in self._seen:
            self._seen[combination] = (
                self.lattice.evaluator.refusal(self.lattice.setting(combination)) is None
            )
        return self._seen[combination]

    def networks(self) -> Iterator[Found]:
        for _, combination in self.found:
            setting = self.lattice.setting(combination)
            yield Found(setting, self.lattice.evaluator.counts(setting))


class Front:
    """The configurations that no other beats with less of `x` and more of `y`."""

    def __init__(self, lattice: Lattice, x: str, y: str) -> None:
        self.lattice = lattice
        self.x, self.y = x, y
        self.points: list[tuple[int, int, tuple[int, ...]]] = []

    def wants(self, bounds: Bounds) -> bool:
        low, high = bounds[self.x][0], bounds[self.y][1]
        return not self.points or high > self._reached(low)

    def _reached(self, x: Any) -> Any:
        """The most `y` on the front with at most this `x`; -1 where there is none."""
        xs = np.array([point[0] for point in self.points])
        ys = np.array([-1, *(point[1] for point in self.points)])
        return ys[np.searchsorted(xs, x, side="right")]

    def take(self, block: Block, fitting: Array) -> None:
        x, y = (block.figures(each)[fitting] for each in (self.x, self.y))
        if self.points:
            better = y > self._reached(x)
            fitting, x, y = fitting[better], x[better], y[better]
        if not fitting.size:
            return
        order = np.lexsort([-y, x])
        y_sorted = y[order]
        rises = np.append(True, y_sorted[1:] > np.maximum.accumulate(y_sorted)[:-1])
        combinations = block.at(fitting[order[rises]])
        for index, combination in zip(order[rises].tolist(), combinations.tolist(), strict=True):
            setting = self.lattice.setting(combination)
            if self.lattice.evaluator.refusal(setting) is None:
                self.points.append((int(x[index]), int(y[index]), tuple(combination)))
        self.points.sort(key=lambda point: (point[0], -point[1], point[2]))
        highest, kept = -1, []
        for point in self.points:
            if point[1] > highest:
                highest = point[1]
                kept.append(point)
        self.points = kept

    def networks(self) -> Iterator[Found]:
        for *_, combination in self.points:
            setting = self.lattice.setting(combination)
            yield Found(setting, self.lattice.evaluator.counts(setting))


@dataclass(frozen=True)
class _Figure:
    """One figure as a sum of row vector times column vector, and its terms by row vector."""

    rows: Array
    terms: tuple[tuple[tuple[Key, int], ...], ...]
    scale: int
    dtype: Any


@dataclass
class Walk:
    """One walk over a lattice; the counters say how far it came.

    Attributes:
        limits: quantities with the most that each may be; `collectors` keep what is within them.
        bounding: whether blocks are decided by bounds; without, every configuration is counted.
    """

    lattice: Lattice
    limits: dict[str, int]
    collectors: Sequence[Collector]
    bounding: bool = True
    covered: int = 0
    counted: int = 0
    fit: int = 0
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        return not self.interrupted

    def run(self, progress: Covered) -> None:
        """Walk; an interrupt (Ctrl-C) ends it with what has been found so far."""
        total = self.lattice.size
        try:
            for first in range(0, self._columns, COLUMNS):
                self._chunk(first, min(first + COLUMNS, self._columns))
                progress(self.covered, total, self.fit)
        except KeyboardInterrupt:
            self.interrupted = True

    @cached_property
    def _split(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Clusters that make rows and those that make columns, so that a configuration is cheap."""
        count = len(self.lattice.clusters)
        sizes = [len(cluster) for cluster in self.lattice.clusters]

        def price(rows: tuple[int, ...]) -> tuple[bool, float]:
            keys = [key for terms in self.lattice.terms.values() for key in terms.coefficients]
            ranks = sum(
                len({tuple(key[c] for c in rows) for key in terms.coefficients})
                for terms in self.lattice.terms.values()
            )
            number = math.prod(sizes[c] for c in rows)
            return number > MAX_ROWS, ranks + GATHER * len(keys) / number

        choices = [c for n in range(count + 1) for c in itertools.combinations(range(count), n)]
        rows = min(choices, key=price)
        return rows, tuple(c for c in range(count) if c not in rows)

    @cached_property
    def _columns(self) -> int:
        return math.prod(len(self.lattice.clusters[c]) for c in self._split[1])

    @cached_property
    def _row_count(self) -> int:
        return math.prod(len(self.lattice.clusters[c]) for c in self._split[0])

    @cached_property
    def _figures(self) -> dict[str, _Figure]:
        unsorted = {quantity: self._figure(quantity) for quantity in self.lattice.quantities}
        return {
            q: _Figure(np.ascontiguousarray(f.rows[:, self._row_order]), f.terms, f.scale, f.dtype)
            for q, f in unsorted.items()
        }

    def _figure(self, quantity: str) -> _Figure:
        terms = self.lattice.terms[quantity]
        dtype = np.int64 if self.lattice.bound(quantity) < LIMIT else object
        grouped: defaultdict[Key, list[tuple[Key, int]]] = defaultdict(list)
        for key, coefficient in terms.scaled().items():
            grouped[tuple(key[c] for c in self._split[0])].append((key, coefficient))
        every = np.arange(self._row_count)
        rows = [self._gathered(self._split[0], keys[0][0], every, dtype) for keys in grouped.values()]
        stacked = np.stack(rows) if rows else np.zeros((0, self._row_count), dtype=dtype)
        return _Figure(stacked, tuple(map(tuple, grouped.values())), terms.scale, dtype)

    @cached_property
    def _row_order(self) -> Array:
        """Rows from the cheapest to the dearest, by the most terms: only for tight blocks."""
        figure = self._figure(self._leading)
        return np.argsort(figure.rows.astype(float).sum(axis=0), kind="stable")

    @property
    def _leading(self) -> str:
        return next(iter(self.limits), "macs")

    def _gathered(self, clusters: tuple[int, ...], key: Key, numbers: Array, dtype: Any) -> Array:
        """The product of a term's vectors over some combinations of clusters."""
        indices = self._indices(clusters, numbers)
        chosen = [
            self.lattice.vectors.arrays[c][key[c]].astype(dtype, copy=False)[index]
            for c, index in zip(clusters, indices, strict=True)
            if key[c]
        ]
        return math.prod(chosen[1:], start=chosen[0]) if chosen else np.ones(len(numbers), dtype=dtype)

    def _indices(self, clusters: tuple[int, ...], numbers: Array) -> tuple[Array, ...]:
        shape = tuple(len(self.lattice.clusters[c]) for c in clusters)
        return np.unravel_index(numbers, shape) if shape else ()

    def _chunk(self, first: int, last: int) -> None:
        columns = {q: self._column_vectors(f, np.arange(first, last)) for q, f in self._figures.items()}
        order = np.argsort(columns[self._leading].astype(float).sum(axis=0), kind="stable")
        columns = {q: np.ascontiguousarray(each[:, order]) for q, each in columns.items()}
        width = max(1, min(len(order), BLOCK // min(self._row_count, ROWS)))
        row_cuts, cuts = np.arange(0, self._row_count, ROWS), np.arange(0, len(order), width)
        bounds = {
            q: self._bounds(self._figures[q], columns[q], row_cuts, cuts) for q in self.lattice.quantities
        }
        sizes = np.outer(np.diff(np.append(row_cuts, self._row_count)), np.diff(np.append(cuts, len(order))))
        alive, free = np.ones(sizes.shape, dtype=bool), np.ones(sizes.shape, dtype=bool)
        for quantity, limit in self.limits.items():
            alive &= bounds[quantity][0] <= limit * self._figures[quantity].scale
            free &= bounds[quantity][1] <= limit * self._figures[quantity].scale
        if not self.bounding:
            alive, free = np.ones_like(alive), np.zeros_like(free)
        self.covered += int(sizes[~alive].sum())
        for r, c in zip(*np.nonzero(alive), strict=True):
            cell = {q: (int(low[r, c]), int(high[r, c])) for q, (low, high) in bounds.items()}
            if free[r, c] and not any(each.wants(cell) for each in self.collectors):
                self.fit += int(sizes[r, c])
            else:
                self._look(
                    _Block(
                        self,
                        columns,
                        first + order,
                        slice(row_cuts[r], min(row_cuts[r] + ROWS, self._row_count)),
                        slice(cuts[c], min(cuts[c] + width, len(order))),
                    ),
                    cell,
                )
            self.covered += int(sizes[r, c])

    def _look(self, block: _Block, bounds: Bounds) -> None:
        """Count every configuration of a block."""
        fits: Array | None = None
        for quantity, limit in self.limits.items():
            scaled = limit * self._figures[quantity].scale
            if self.bounding and bounds[quantity][1] <= scaled:
                continue
            here = block.figures(quantity) <= scaled
            fits = here if fits is None else fits & here
        size = block.size
        fitting = np.arange(size) if fits is None else np.flatnonzero(fits)
        self.counted += size
        self.fit += len(fitting)
        for each in self.collectors:
            if fitting.size and each.wants(bounds):
                each.take(block, fitting)

    def _column_vectors(self, figure: _Figure, numbers: Array) -> Array:
        made = []
        for terms in figure.terms:
            total: Any = 0
            for key, coefficient in terms:
                total = total + coefficient * self._gathered(self._split[1], key, numbers, figure.dtype)
            made.append(total)
        return np.stack(made) if made else np.zeros((0, len(numbers)), dtype=figure.dtype)

    def _bounds(self, figure: _Figure, columns: Array, row_cuts: Array, cuts: Array) -> tuple[Array, Array]:
        """The least and the most that a figure may be in each block."""
        if not len(figure.rows):
            zero = np.zeros((len(row_cuts), len(cuts)), dtype=np.int64)
            return zero, zero
        row_low, row_high = (f.reduceat(figure.rows, row_cuts, axis=1) for f in (np.minimum, np.maximum))
        low, high = (f.reduceat(columns, cuts, axis=1) for f in (np.minimum, np.maximum))
        if (row_low < 0).any() or (low < 0).any():
            corners = [
                np.stack([r[:, :, None] * c[:, None, :] for r in (row_low, row_high) for c in (low, high)])
            ]
            return corners[0].min(axis=0).sum(axis=0), corners[0].max(axis=0).sum(axis=0)
        return row_low.T @ low, row_high.T @ high


class _Block:
    """Some rows by some columns. A figure is counted when it is asked for, and once."""

    def __init__(self, walk: Walk, columns: Mapping[str, Array], order: Array, r: slice, c: slice) -> None:
        self._walk, self._columns, self._order = walk, columns, order
        self._rows, self._cut = r, c
        self._made: dict[str, Array] = {}

    @property
    def size(self) -> int:
        return int((self._rows.stop - self._rows.start) * (self._cut.stop - self._cut.start))

    def figures(self, quantity: str) -> Array:
        """The figures, times the scale, row by row."""
        if quantity not in self._made:
            rows = self._walk._figures[quantity].rows[:, self._rows]
            columns = self._columns[quantity][:, self._cut]
            total = np.zeros((rows.shape[1], columns.shape[1]), dtype=self._walk._figures[quantity].dtype)
            part = np.empty_like(total)
            for row, column in zip(rows, columns, strict=True):
                np.multiply(row[:, None], column[None, :], out=part)
                total += part
            self._made[quantity] = total.ravel()
        return self._made[quantity]

    def at(self, cells: Array) -> Array:
        """The combinations of cells: one row each, with an index a cluster."""
        width = self._cut.stop - self._cut.start
        rows = self._walk._row_order[self._rows][cells // width]
        columns = self._order[self._cut][cells % width]
        made = np.empty((len(cells), len(self._walk.lattice.clusters)), dtype=np.int64)
        for clusters, numbers in zip(self._walk._split, (rows, columns), strict=True):
            for cluster, index in zip(clusters, self._walk._indices(clusters, numbers), strict=True):
                made[:, cluster] = index
        return made
