"""Spending what a contraction leaves: other axes take small buildable steps until nothing fits.

First the axes take turns, in the order of the expansion, each as far as the limit allows but no
further than a step of its own, until less than a tenth is left. Then combinations of small steps are
tried: the finest axis gives back up to a twentieth, the coarser ones take what they can of it in
every possible way, the finest takes what they leave, and what comes closest to the limit is kept. In
the end no single axis has room for another network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from x3dspec.formula.real import decided
from x3dspec.language.errors import Refusal, sure
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.factors import completed
from x3dspec.network.grid import highest, nearest
from x3dspec.network.layers import Setting
from x3dspec.scaling.axes import Axis
from x3dspec.scaling.ladder import REACHES, Ladder
from x3dspec.scaling.solving import doubling
from x3dspec.scaling.steps import step_to
from x3dspec.scaling.trajectory import State, Step

#: What may be left of the limit when combinations are tried.
COARSE = Fraction(1, 10)
#: Networks that are counted in search of a better combination: a third of a second.
MAX_COUNTS = 1000
#: Steps of one axis that are tried in combinations.
MAX_MARKS = 64
#: Share of the limit that the finest axis may give back for others, and most grid steps for it.
ROOM = Fraction(1, 20)
BACK = 16

#: How far each axis has gone, by name: its rung.
Rungs = Mapping[str, int]


def fill(
    evaluator: Evaluator, axes: Iterable[Axis], state: State, quantity: str, limit: int
) -> tuple[Step, ...]:
    """The steps from a state, along axes in order of preference, that come closest to the limit.

    Raises:
        SpecError: an axis that no step can be solved for.
    """
    filling = _Filling(evaluator, axes, state, quantity, limit)
    rungs = filling.closed(filling.closest(filling.spread({})))
    return tuple(filling.steps(filling.simplest(rungs)))


def independent(axes: Iterable[Axis]) -> list[Axis]:
    """One axis for each driving factor: the one that changes least besides."""
    found: dict[str, Axis] = {}
    for axis in axes:
        if axis.factor not in found or len(axis.changes) < len(found[axis.factor].changes):
            found[axis.factor] = axis
    return list(found.values())


class _Filling:
    """One question of :func:`fill`. What it finds are rungs: how far each axis goes from the state."""

    def __init__(
        self, evaluator: Evaluator, axes: Iterable[Axis], state: State, quantity: str, limit: int
    ) -> None:
        self.evaluator = evaluator
        self.axes = independent(axes)
        self.state = state
        self.quantity = quantity
        self.limit = limit
        self.counted = 0

    def setting(self, rungs: Rungs) -> Setting | Refusal:
        """The state's factors, with each axis moved to its rung, where it can be."""
        setting = self.state.setting
        for axis in self.axes:
            if axis.name in rungs:
                values = completed(self.evaluator.source, setting)
                if isinstance(values, Refusal):
                    return values
                moved = axis.moved(values, rungs[axis.name] * self.evaluator.factors[axis.factor].grid)
                if isinstance(moved, Refusal):
                    return moved
                setting = {**setting, **moved}
        return setting

    def ladder(self, axis: Axis, rungs: Rungs) -> Ladder:
        return Ladder(self.evaluator, axis, sure(self.setting(rungs)))

    def count(self, rungs: Rungs) -> Fraction:
        """What is counted there, where it is known to have a count."""
        return sure(self._count(rungs))

    def _count(self, rungs: Rungs) -> Fraction | Refusal:
        self.counted += 1
        setting = self.setting(rungs)
        return setting if isinstance(setting, Refusal) else self.evaluator.count(self.quantity, setting)

    def fits(self, rungs: Rungs) -> bool:
        count = self._count(rungs)
        return not isinstance(count, Refusal) and count <= self.limit

    def buildable(self, rungs: Rungs) -> bool:
        return self.evaluator.refusal(sure(self.setting(rungs))) is None

    def spread(self, rungs: Rungs) -> Rungs:
        """Let the axes take turns until little is left, or none of them can move."""
        before: Rungs | None = None
        while rungs != before:
            before = rungs
            for axis in self.axes:
                if self.limit - self.count(rungs) <= COARSE * self.limit:
                    return rungs
                rungs = self._turn(axis, rungs)
        return rungs

    def _turn(self, axis: Axis, rungs: Rungs) -> Rungs:
        """One axis, as far as it fits, and no further than what doubles the cost."""
        double = doubling(self.evaluator, axis, sure(self.setting(rungs)))
        if double is None:
            return rungs
        ladder = self.ladder(axis, rungs)
        top = decided(double.factors[axis.factor], lambda x: nearest(x, ladder.grid))
        rung = ladder.highest(max(top, ladder.first) + 1, self.quantity, self.limit)
        rung = None if rung is None else ladder.buildable(rung)
        if rung is None or ladder.count(rung, self.quantity) == self.count(rungs):
            return rungs
        return {**rungs, axis.name: rung}

    def closest(self, rungs: Rungs) -> Rungs:
        """The best of all combinations of small steps from here."""
        best, most = rungs, self.count(rungs)
        fine = self._finest(rungs)
        below = None if fine is None else self._lowered(fine, rungs)
        if fine is None or below is None:
            return best
        marks = {axis.name: self._marks(axis, below) for axis in self.axes}
        climb = _Climb(self, fine, below, marks[fine.name])
        coarse = sorted((axis for axis in self.axes if axis is not fine), key=lambda a: len(marks[a.name]))
        for combination in self._combinations(coarse, marks, below):
            trial = climb.top(combination)
            count = self.count(trial)
            if count > most and self.buildable(trial):
                best, most = trial, count
        return best

    def _finest(self, rungs: Rungs) -> Axis | None:
        """The axis whose next network costs least more."""
        here = self.count(rungs)
        costs: dict[Axis, Fraction] = {}
        for axis in self.axes:
            ladder = self.ladder(axis, rungs)
            rung = ladder.next()
            if rung is not None and (count := sure(ladder.count(rung, self.quantity))) > here:
                costs[axis] = count
        return min(costs, key=costs.__getitem__, default=None)

    def _lowered(self, axis: Axis, rungs: Rungs) -> Rungs | None:
        """With a little room made on one axis, so that others can move at all."""
        here = self.ladder(axis, rungs).first - 1
        lowered = None
        for rung in range(here, here - BACK - 1, -1):
            trial = {**rungs, axis.name: rung}
            if not self.fits(trial):
                break
            lowered = trial
            if self.limit - self.count(trial) >= ROOM * self.limit:
                break
        return lowered

    def _marks(self, axis: Axis, rungs: Rungs) -> list[int]:
        """The rungs of an axis that fit, each of which builds another network than the one below."""
        ladder = self.ladder(axis, rungs)
        marks: list[int] = []
        rung = ladder.other()
        while rung is not None and len(marks) < MAX_MARKS and self.fits({**rungs, axis.name: rung}):
            if not marks and self.count({**rungs, axis.name: rung}) == self.count(rungs):
                break
            marks.append(rung)
            rung = ladder.other(rung)
        return marks

    def _combinations(
        self, axes: list[Axis], marks: Mapping[str, list[int]], rungs: Rungs
    ) -> Iterator[Rungs]:
        """Every choice of a mark, or none, for each axis that fits; the smallest moves first."""
        if not axes:
            yield rungs
            return
        axis, *others = axes
        for mark in (None, *marks[axis.name]):
            trial = rungs if mark is None else {**rungs, axis.name: mark}
            if self.counted > MAX_COUNTS or not self.fits(trial):
                return
            yield from self._combinations(others, marks, trial)

    def closed(self, rungs: Rungs) -> Rungs:
        """With every step of one axis that still fits, so that none is left."""
        before: Rungs | None = None
        while rungs != before:
            before = rungs
            for axis in self.axes:
                rung = self.ladder(axis, rungs).next()
                trial = rungs if rung is None else {**rungs, axis.name: rung}
                if self.fits(trial) and self.count(trial) > self.count(rungs):
                    rungs = self._farther(axis, trial)
        return rungs

    def _farther(self, axis: Axis, rungs: Rungs) -> Rungs:
        """One axis on from where it is, as far as everything on the way fits and can be built."""
        here = rungs[axis.name]

        def goes(rung: int) -> bool:
            trial = {**rungs, axis.name: rung}
            return self.fits(trial) and self.buildable(trial)

        reach = next((reach for reach in REACHES if not goes(here + reach)), REACHES[-1])
        return {**rungs, axis.name: highest(goes, here + reach // 2, here + reach)}

    def simplest(self, rungs: Rungs) -> Rungs:
        """The same network from the simplest values."""
        for axis in self.axes:
            if axis.name in rungs:
                others = {name: rung for name, rung in rungs.items() if name != axis.name}
                rung = self.ladder(axis, others).simplest(rungs[axis.name])
                rungs = others if rung is None else {**others, axis.name: rung}
        return rungs

    def steps(self, rungs: Rungs) -> Iterator[Step]:
        """The moves as steps, each from where the one before arrived; what gives back comes first."""
        state = self.state
        moved = [axis for axis in self.axes if axis.name in rungs]
        for axis in sorted(moved, key=lambda axis: rungs[axis.name] >= self.ladder(axis, {}).first):
            step = step_to(Ladder(self.evaluator, axis, state.setting), rungs[axis.name], state, "fill")
            yield step
            state = step.state


class _Climb:
    """One axis as far as it fits beside the others, looked for around where a straight line says."""

    def __init__(self, filling: _Filling, axis: Axis, rungs: Rungs, marks: list[int]) -> None:
        self.filling = filling
        self.axis = axis
        self.start = rungs[axis.name]
        self.end = marks[-1] if marks else self.start
        rise = filling.count({**rungs, axis.name: self.end}) - filling.count(rungs)
        self.slope = rise / max(1, self.end - self.start)

    def top(self, rungs: Rungs) -> Rungs:
        room = self.filling.limit - self.filling.count(rungs)
        guess = self.start + math.floor(room / self.slope) if self.slope else self.start
        rung = min(guess, self.end)
        while rung > self.start and not self._fits(rungs, rung):
            rung -= 1
        while rung < self.end and self._fits(rungs, rung + 1):
            rung += 1
        return {**rungs, self.axis.name: rung}

    def _fits(self, rungs: Rungs, rung: int) -> bool:
        return self.filling.fits({**rungs, self.axis.name: rung})
