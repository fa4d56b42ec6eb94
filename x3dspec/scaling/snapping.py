"""The grid values nearest to several targets at once, beside a solution without rounding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from x3dspec.formula.real import Number, decided
from x3dspec.language.errors import Infeasible, Refusal
from x3dspec.language.numbers import Exact
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import highest, nearest
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.network.units import Target
from x3dspec.scaling.ladder import MAX_RUNGS

#: Grid values of an unknown, from the least.
MAX_RUNG = 2**20
#: How many values of all unknowns but one are looked at.
MAX_COLUMNS = 128


@dataclass(frozen=True)
class Point:
    """A network on the grid: the factors that were moved for it, and its exact figures."""

    factors: Setting
    counts: Counts


@dataclass(frozen=True)
class Corner:
    """The last network on the grid that is within all targets.

    Attributes:
        within: the network, and `over` the next one along each unknown; None where there is none.
    """

    within: Point
    over: Mapping[str, Point | None]


@dataclass(frozen=True)
class Grid:
    """The values of some unknowns, as numbers of grid steps, all else as in `others`."""

    evaluator: Evaluator
    names: Sequence[str]
    targets: Sequence[Target]
    others: Setting

    def corner(self, values: Mapping[str, Number]) -> Corner:
        """The corner near a solution whose counts are nearest to the targets.

        Raises:
            Infeasible: there is none.
        """
        for _, within in sorted(self._candidates(values), key=lambda each: each[0]):
            over = {name: self._next(name, within) for name in self.names}
            if all(self._passed(target, over) for target in self.targets):
                return Corner(within, over)
        raise Infeasible("without rounding there is a solution, but no values on the grid are near it")

    def _candidates(self, values: Mapping[str, Number]) -> Iterator[tuple[float, Point]]:
        """By how much the count that misses its target most does, and the network.

        For all values near the solution of the unknowns but one it is the last value of that one which
        is within the targets.
        """
        near = {name: decided(values[name], partial(nearest, grid=step)) for name, step in self._steps}
        for last in near:
            guess = near[last]
            for rungs in _around({name: rung for name, rung in near.items() if name != last}):
                guess = highest(partial(self._fits, rungs, last), 0, MAX_RUNG, guess)
                factors = self._factors({**rungs, last: guess})
                if guess > 0 and self.evaluator.refusal({**self.others, **factors}) is None:
                    counts = self.evaluator.counts({**self.others, **factors})
                    yield max(1 - counts[t.quantity] / t.value for t in self.targets), Point(factors, counts)

    @property
    def _steps(self) -> list[tuple[str, Exact]]:
        return [(name, self.evaluator.factors[name].grid) for name in self.names]

    def _factors(self, rungs: Mapping[str, int]) -> dict[str, Exact]:
        return {name: rungs[name] * step for name, step in self._steps}

    def _fits(self, rungs: Mapping[str, int], name: str, rung: int) -> bool:
        setting = {**self.others, **self._factors({**rungs, name: rung})}
        figures = ((self.evaluator.count(each.quantity, setting), each.value) for each in self.targets)
        return all(not isinstance(count, Refusal) and count <= most for count, most in figures)

    def _next(self, name: str, within: Point) -> Point | None:
        """The next network along one of the unknowns."""
        grid = self.evaluator.factors[name].grid
        for step in range(1, MAX_RUNGS):
            factors = {**within.factors, name: within.factors[name] + step * grid}
            if self.evaluator.refusal({**self.others, **factors}) is None:
                counts = self.evaluator.counts({**self.others, **factors})
                if counts != within.counts:
                    return Point(factors, counts)
        return None

    def _passed(self, target: Target, over: Mapping[str, Point | None]) -> bool:
        """Whether the next network along one of the unknowns is over a target."""
        return any(point and point.counts[target.quantity] > target.value for point in over.values())


def _around(rungs: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """All values near these, in order."""
    reach = int(MAX_COLUMNS ** (1 / len(rungs))) // 2
    ranges = (range(max(1, rung - reach), rung + reach + 1) for rung in rungs.values())
    return (dict(zip(rungs, column, strict=True)) for column in product(*ranges))
