"""What a factor must be for a figure: the inverse of a cost, its value, and the networks beside it.

Without rounding a cost is inverted in closed form; on the grid, exact counts say which values lie on
both sides of the target. Several factors are solved for together, for as many targets.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from x3dspec.formula.real import Number, decided, text
from x3dspec.language.errors import BadArgument, Infeasible, Refusal, SpecError, sure, unknown
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import highest, nearest
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.network.units import Target
from x3dspec.scaling import solving
from x3dspec.scaling.axes import Axis
from x3dspec.scaling.ladder import MAX_RUNGS, Ladder

#: Grid values that are looked at, from the least.
MAX_RUNG = 2**20
#: Unknowns at once, and rounds in which each is set for its own target.
MAX_UNKNOWNS = 4
MAX_ROUNDS = 64
#: Where negative solutions are looked for, to say that they are.
_LEAST = Fraction(-(10**12))


@dataclass(frozen=True)
class Point:
    """A network on the grid: the factors that were moved for it, and its exact figures."""

    factors: Setting
    counts: Counts


@dataclass(frozen=True)
class Unknown:
    """What was solved for.

    Attributes:
        name: a factor, or an axis, whose unknown is the `m` of one step along it.
        closed_form: in sympy, over `C` (the target) and, if asked for, the other factors; None where
            there is none.
        value: exactly, without rounding.
        below, above: the grid values beside it that can be built, within the target and over it.
    """

    name: str
    closed_form: Any
    value: Number
    below: Point | None
    above: Point | None

    @property
    def exact(self) -> str | None:
        """The value in closed form, where that is short."""
        return text(self.value)


@dataclass(frozen=True)
class Solved:
    """The unknowns, in the order in which they were given, and their targets.

    `others` are further solutions of several unknowns, without rounding: the answer is the one that is
    nearest to the spec's own factors.
    """

    unknowns: tuple[Unknown, ...]
    targets: tuple[Target, ...]
    others: tuple[dict[str, Number], ...] = ()


def solve(
    architecture: Architecture,
    unknowns: Sequence[str],
    targets: Sequence[Target],
    setting: Setting | None = None,
    symbolic: bool = False,
) -> Solved:
    """What factors must be for exact figures, all else as in `setting` or in the spec.

    >>> solve(x3dspec.load("x3d_m"), ["gamma_s"], [parse_target("3GFLOPs")])

    Args:
        unknowns: factors, or one axis.
        targets: as many.
        symbolic: whether the closed form keeps the other factors.

    Raises:
        Infeasible: there is no solution, it is negative, or one unknown has several; in words.
        SpecError: an unknown name, or not as many targets as unknowns.
    """
    evaluator, here = Evaluator.of(architecture, *(t.quantity for t in targets)), dict(setting or {})
    evaluator.values(here)
    _known(evaluator, unknowns, targets)
    if len(unknowns) == 1:
        [name], [target] = unknowns, targets
        one = _along if name in evaluator.source.network.axes and name not in evaluator.factors else _over
        return Solved((one(evaluator, name, target, here, symbolic),), tuple(targets))
    return _together(evaluator, unknowns, targets, here)


def _known(evaluator: Evaluator, unknowns: Sequence[str], targets: Sequence[Target]) -> None:
    for name in unknowns:
        if name not in evaluator.factors and (len(unknowns) > 1 or name not in evaluator.source.network.axes):
            known = [*evaluator.factors, *(evaluator.source.network.axes if len(unknowns) == 1 else [])]
            raise BadArgument("unknowns", unknown("factor", name, known))
    if len(set(unknowns)) < len(unknowns) or not unknowns:
        raise BadArgument("unknowns", "give each unknown once")
    if len(unknowns) > MAX_UNKNOWNS:
        raise BadArgument("unknowns", f"at most {MAX_UNKNOWNS} unknowns at once")
    if len(targets) != len(unknowns):
        raise BadArgument("targets", f"{len(unknowns)} unknowns need as many targets, not {len(targets)}")


def _over(evaluator: Evaluator, name: str, target: Target, here: Setting, symbolic: bool) -> Unknown:
    factor, value = evaluator.factors[name], Fraction(target.value)
    low = Fraction(0) if factor.low is None else factor.low
    least = low - factor.grid if factor.low is not None else low
    others = {factor: value for factor, value in here.items() if factor != name}
    solutions = solving.over(evaluator, name, others, target.quantity, value, least)
    if not solutions:
        negative = solving.over(evaluator, name, others, target.quantity, value, _LEAST)
        raise Infeasible(_none(evaluator, name, target, [solution.value for solution in negative]))
    solution = _single(name, target, solutions)
    form = (
        None if solution.form is None else solving.legible(evaluator, solution.form, name, others, symbolic)
    )
    beside = _beside(
        evaluator, lambda rung: {name: rung * factor.grid}, others, target,
        _rung(solution.value, factor.grid),
        math.ceil(low / factor.grid) - (factor.low is not None),
    )  # fmt: skip
    return Unknown(name, form, solution.value, *beside)


def _along(evaluator: Evaluator, name: str, target: Target, here: Setting, symbolic: bool) -> Unknown:
    axis = Axis(name, evaluator.source)
    start, slope = axis.line(evaluator.values(here))
    least = -start / slope
    solutions = solving.along(evaluator, axis, here, target.quantity, Fraction(target.value), least)
    if not solutions:
        raise Infeasible(_none(evaluator, name, target, []))
    solution = _single(name, target, solutions)
    form = None if solution.form is None else solving.legible(evaluator, solution.form, "m", here, symbolic)
    ladder = Ladder(evaluator, axis, here)
    value = decided(solution.value, lambda m: math.floor((start + slope * m) / ladder.grid))

    def moved(rung: int) -> Setting:
        return sure(axis.moved(ladder.values, rung * ladder.grid))

    return Unknown(name, form, solution.value, *_beside(evaluator, moved, here, target, value, 0))


def _single(name: str, target: Target, solutions: Sequence[Any]) -> Any:
    if len(solutions) > 1:
        values = " and ".join(f"{float(solution.value):.6g}" for solution in solutions)
        raise Infeasible(f"{len(solutions)} values of {name} cost {target.text} without rounding: {values}")
    return solutions[0]


def _none(evaluator: Evaluator, name: str, target: Target, others: Sequence[Number]) -> str:
    said = f"no value of {name} costs {target.text} ({target.value:,}) with all else as it is"
    if others:
        values = " and ".join(f"{float(value):.6g}" for value in others)
        return f"{said}: without rounding it would be {values}, which is outside its domain"
    return said


def _rung(value: Number, grid: Exact) -> int:
    return decided(value, lambda x: math.floor(x / grid))


def _beside(
    evaluator: Evaluator, moved: Callable[[int], Setting], here: Setting, target: Target, guess: int, low: int
) -> tuple[Point | None, Point | None]:
    """The networks nearest to the target on both sides, on a grid that begins above `low`."""

    def count(rung: int) -> int | None:
        return _count(evaluator, {**here, **moved(rung)}, target)

    def fits(rung: int) -> bool:
        found = count(rung)
        return found is not None and found <= target.value

    def point(rungs: range, over: bool) -> Point | None:
        for rung in rungs:
            setting = {**here, **moved(rung)}
            found = count(rung)
            if found is not None and (found > target.value) is over and evaluator.refusal(setting) is None:
                return Point(moved(rung), evaluator.counts(setting))
        return None

    rung = highest(fits, low, low + MAX_RUNG, guess)
    below = point(range(rung, max(low, rung - MAX_RUNGS), -1), over=False)
    return below, point(range(rung + 1, rung + 1 + MAX_RUNGS), over=True)


def _count(evaluator: Evaluator, setting: Setting, target: Target) -> int | None:
    """The exact figure at a setting, or None where there is none."""
    count = evaluator.count(target.quantity, setting)
    return None if isinstance(count, Refusal) or count.denominator > 1 else count.numerator


def _together(evaluator: Evaluator, names: Sequence[str], targets: Sequence[Target], here: Setting) -> Solved:
    others = {name: value for name, value in here.items() if name not in names}
    try:
        solutions = solving.system(evaluator, names, others, targets)
    except (ExpressionError, ExactError) as error:
        raise SpecError.at(evaluator.source.display, f"cannot be solved for: {error}") from None
    if not solutions:
        listed = " and ".join(target.text for target in targets)
        raise Infeasible(f"no positive values of {' and '.join(names)} cost {listed}")
    start = evaluator.values(here)
    values, *further = sorted(solutions, key=lambda found: _distance(found, start))
    below = _snapped(evaluator, values, targets, others)
    unknowns = (
        Unknown(name, None, values[name], below, _next(evaluator, name, below, others)) for name in names
    )
    return Solved(tuple(unknowns), tuple(targets), tuple(further))


def _distance(values: dict[str, Number], start: Setting) -> float:
    """How far a solution is from where the spec is, in logarithms of its factors."""
    return sum(math.log(float(value) / max(float(start[name]), 1e-9)) ** 2 for name, value in values.items())


def _snapped(
    evaluator: Evaluator, values: dict[str, Number], targets: Sequence[Target], others: Setting
) -> Point:
    """Grid values of which each is the last within a target of its own, while the others stay.

    Each is set in turn as far as its target allows. That settles: where one rises the others fall, so
    that from the least values on all turns go one way.
    """
    names = _paired(evaluator, values, targets, others)
    grids = {name: evaluator.factors[name].grid for name in names}
    near = {name: max(1, _nearest(v, grids[name])) for name, v in values.items()}
    for start in (near, dict.fromkeys(names, 1)):
        rungs = dict(start)
        for _ in range(MAX_ROUNDS):
            before = dict(rungs)
            for name, target in zip(names, targets, strict=True):
                rungs[name] = _last(evaluator, name, rungs, grids, target, others)
            if rungs == before:
                break
        factors = {name: rungs[name] * grids[name] for name in values}
        if rungs == before and evaluator.refusal({**others, **factors}) is None:
            counts = evaluator.counts({**others, **factors})
            if all(counts[target.quantity] <= target.value for target in targets):
                return Point(factors, counts)
    raise Infeasible("without rounding there is a solution, but no values on the grid are near it")


def _nearest(value: Number, grid: Exact) -> int:
    return decided(value, lambda x: nearest(x, grid))


def _last(
    evaluator: Evaluator,
    name: str,
    rungs: dict[str, int],
    grids: dict[str, Exact],
    target: Target,
    others: Setting,
) -> int:
    def fits(rung: int) -> bool:
        factors = {each: (rung if each == name else rungs[each]) * grids[each] for each in rungs}
        found = _count(evaluator, {**others, **factors}, target)
        return found is not None and found <= target.value

    return max(1, highest(fits, 0, MAX_RUNG, rungs[name]))


def _paired(
    evaluator: Evaluator, values: dict[str, Number], targets: Sequence[Target], others: Setting
) -> list[str]:
    """Which unknown is set for which target: so that each moves its own target most."""
    slopes = solving.elasticities(evaluator, values, targets, others)

    def weight(order: Iterable[str]) -> float:
        return math.prod(abs(slopes[index][name]) for index, name in enumerate(order))

    return list(max(itertools.permutations(values), key=weight))


def _next(evaluator: Evaluator, name: str, below: Point, others: Setting) -> Point | None:
    """The next network along one of the factors."""
    grid = evaluator.factors[name].grid
    for step in range(1, MAX_RUNGS):
        factors = {**below.factors, name: below.factors[name] + step * grid}
        if evaluator.refusal({**others, **factors}) is None:
            counts = evaluator.counts({**others, **factors})
            if counts != below.counts:
                return Point(factors, counts)
    return None
