"""What a factor must be for a figure: the inverse of a cost, its value, and the networks beside it.

Without rounding a cost is inverted in closed form; on the grid, exact counts say which values lie on
both sides of the target. Several factors are solved for together, for as many targets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from x3dspec.formula.real import Number, decided, text
from x3dspec.language import numbers
from x3dspec.language.errors import BadArgument, Infeasible, Refusal, SpecError, sure, unknown
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import highest
from x3dspec.network.layers import Setting
from x3dspec.network.units import Target
from x3dspec.scaling import solving
from x3dspec.scaling.axes import Axis
from x3dspec.scaling.ladder import MAX_RUNGS, Ladder
from x3dspec.scaling.snapping import MAX_RUNG, Grid, Point

#: Unknowns at once.
MAX_UNKNOWNS = 4
#: Where negative solutions are looked for, to say that they are.
_LEAST = Fraction(-(10**12))


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
    _known(evaluator, unknowns, targets, here)
    if len(unknowns) == 1:
        [name], [target] = unknowns, targets
        one = _along if name in evaluator.source.network.axes and name not in evaluator.factors else _over
        return Solved((one(evaluator, name, target, here, symbolic),), tuple(targets))
    return _together(evaluator, unknowns, targets, here)


def _known(
    evaluator: Evaluator, unknowns: Sequence[str], targets: Sequence[Target], setting: Setting
) -> None:
    for name in unknowns:
        if name not in evaluator.factors and (len(unknowns) > 1 or name not in evaluator.source.network.axes):
            known = [*evaluator.factors, *(evaluator.source.network.axes if len(unknowns) == 1 else [])]
            raise BadArgument("unknowns", unknown("factor", name, known))
    if len(set(unknowns)) < len(unknowns) or not unknowns:
        raise BadArgument("unknowns", "give each unknown once")
    if len(unknowns) > MAX_UNKNOWNS:
        raise BadArgument("unknowns", f"at most {MAX_UNKNOWNS} unknowns at once")
    if len(targets) != len(unknowns):
        wanted = "one unknown needs one target" if len(unknowns) == 1 else "each unknown needs a target"
        raise BadArgument("targets", f"{wanted}: there are {len(targets)}")
    for name in unknowns:
        if name in setting:
            raise BadArgument("unknowns", f"{name} is solved for: give it no value")


def _over(evaluator: Evaluator, name: str, target: Target, here: Setting, symbolic: bool) -> Unknown:
    factor, value = evaluator.factors[name], Fraction(target.value)
    low = Fraction(0) if factor.low is None else factor.low
    least = low - factor.grid if factor.low is not None else low
    if not solving.depends(evaluator, name, here, target.quantity):
        raise Infeasible(f"{name} changes nothing: {target.quantity} of this network do not depend on it")
    solutions = solving.over(evaluator, name, here, target.quantity, value, least)
    if not solutions:
        negative = solving.over(evaluator, name, here, target.quantity, value, _LEAST)
        raise Infeasible(_none(evaluator, name, target, [solution.value for solution in negative]))
    solution = _single(name, target, solutions)
    form = None if solution.form is None else solving.legible(evaluator, solution.form, name, here, symbolic)
    beside = _beside(
        evaluator, lambda rung: {name: rung * factor.grid}, here, target,
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
    above = point(range(rung + 1, rung + 1 + MAX_RUNGS), over=True)
    if below is None and above is None:
        values = ", ".join(f"{name} = {numbers.text(value)}" for name, value in moved(guess + 1).items())
        reason = evaluator.refusal({**here, **moved(guess + 1)})
        raise Infeasible(f"without rounding it is near {values}, where nothing can be built: {reason}")
    return below, above


def _count(evaluator: Evaluator, setting: Setting, target: Target) -> int | None:
    """The exact figure at a setting, or None where there is none."""
    count = evaluator.count(target.quantity, setting)
    return None if isinstance(count, Refusal) or count.denominator > 1 else count.numerator


def _together(evaluator: Evaluator, names: Sequence[str], targets: Sequence[Target], here: Setting) -> Solved:
    try:
        solutions = solving.system(evaluator, names, here, targets)
    except (ExpressionError, ExactError) as error:
        raise SpecError.at(evaluator.source.display, f"cannot be solved for: {error}") from None
    if not solutions:
        listed = " and ".join(target.text for target in targets)
        raise Infeasible(f"no positive values of {' and '.join(names)} cost {listed}")
    start = evaluator.values(here)
    values, *further = sorted(solutions, key=lambda found: _distance(found, start))
    corner = Grid(evaluator, names, targets, here).corner(values)
    unknowns = (Unknown(name, None, values[name], corner.within, corner.over[name]) for name in names)
    return Solved(tuple(unknowns), tuple(targets), tuple(further))


def _distance(values: dict[str, Number], start: Setting) -> float:
    """How far a solution is from where the spec is, in logarithms of its factors."""
    return sum(math.log(float(value) / max(float(start[name]), 1e-9)) ** 2 for name, value in values.items())
