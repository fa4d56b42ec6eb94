"""A walk over all of a lattice: most of it is decided by bounds of blocks, the rest counted one by one.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from x3dspec.scaling.search.arrays import LIMIT, Array
from x3dspec.scaling.search.collectors import Bounds, Collector
from x3dspec.scaling.search.lattice import Lattice
from x3dspec.scaling.search.terms import Key

#: Configurations of one block: its figures stay in the processor's cache.
BLOCK = 2**15
#: Columns whose vectors are made at once, and rows that are held.
COLUMNS = 2**16
MAX_ROWS = 2**17
#: Rows of one block, where there are so many.
ROWS = 256
#: What looking up an entry of a vector costs, in multiplications.
GATHER = 100
#: How much of a walk is done: configurations covered, all there are, and those within the limits.
Covered = Callable[[int, int, int], None]


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
