"""What is kept of the configurations that a walk finds within the limits: the best, or a front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from x3dspec.scaling.search.arrays import Array
from x3dspec.scaling.search.lattice import Lattice
from x3dspec.scaling.search.result import Found

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
