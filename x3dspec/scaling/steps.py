"""One step along one axis: to twice the cost, to twice the factor, or to a rung of its grid.

A solved step doubles the relaxed MACs exactly, starting from the raw state before it, as the paper's
derivation does; what is built and counted is that state snapped to the grid. The raw state goes on as
the exact numbers that were solved for, so that k steps cost 2**k times the start, not about as much.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from x3dspec.formula.real import Number, Real, decided
from x3dspec.language.errors import sure
from x3dspec.language.numbers import Exact
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import nearest
from x3dspec.network.layers import Setting
from x3dspec.scaling.axes import Axis
from x3dspec.scaling.ladder import Ladder
from x3dspec.scaling.solving import doubling
from x3dspec.scaling.trajectory import Move, Skip, State, Step

#: How far from its nearest grid value a step may go where that one cannot be built, in grid steps.
REACH = 8


def doubling_step(evaluator: Evaluator, axis: Axis, state: State) -> Move:
    """The step along one axis that doubles the cost, or why there is none."""
    ladder = Ladder(evaluator, axis, state.setting)
    axis.line(ladder.values)
    double = doubling(evaluator, axis, state.raw, state.relaxed)
    if double is None:
        return Skip(axis.name, f"no value of {axis.factor} doubles the cost")
    snapped = snapped_rung(ladder, double.factors[axis.factor])
    if isinstance(snapped, str):
        return Skip(axis.name, snapped)
    step = step_to(ladder, snapped, state)
    return replace(
        step,
        raw=double.factors[axis.factor],
        multiplier=double.multiplier,
        relaxed=double.macs,
        state=State({**state.raw, **double.factors}, step.setting, double.macs),
    )


def doubled_factor(evaluator: Evaluator, axis: Axis, state: State) -> Move:
    """The step along one axis by m = 2, the literal reading of the paper, or why there is none."""
    raw_values = evaluator.values(
        {name: value for name, value in state.raw.items() if not isinstance(value, Real)}
    )
    start, slope = axis.line(raw_values)
    moved = sure(axis.moved(raw_values, start + 2 * slope))
    ladder = Ladder(evaluator, axis, state.setting)
    rung = snapped_rung(ladder, moved[axis.factor])
    if isinstance(rung, str):
        return Skip(axis.name, rung)
    step = step_to(ladder, rung, state)
    raw = {**state.raw, **moved}
    return replace(step, raw=moved[axis.factor], multiplier=Fraction(2), state=State(raw, step.setting))


def snapped_rung(ladder: Ladder, value: Number) -> int | str:
    """The rung nearest to a value, above the base, that can be built; or why there is none.

    Out of its domain a factor takes no step, not even a smaller one: it would not double the cost.
    """
    rung = max(decided(value, lambda x: nearest(x, ladder.grid)), ladder.first)
    reason = ladder.refusal(rung)
    if reason is None or not ladder.within(rung):
        return reason or rung
    near = (rung + sign * distance for distance in range(1, REACH + 1) for sign in (1, -1))
    return next((r for r in near if r >= ladder.first and ladder.refusal(r) is None), reason)


def step_to(ladder: Ladder, rung: int, before: State, kind: str = "step") -> Step:
    """The step from a ladder's base to one of its rungs.

    Raises:
        SpecError: what stands on the rung cannot be counted.
    """
    axis, value = ladder.axis, rung * ladder.grid
    moved = sure(axis.moved(ladder.values, value))
    multiplier = axis.multiplier(ladder.values, value)
    return stepped(ladder.evaluator, axis, value, multiplier, before, moved, kind)


def stepped(
    evaluator: Evaluator,
    axis: Axis,
    value: Exact,
    multiplier: Number,
    before: State,
    moved: Setting,
    kind: str = "step",
    reaches: str | None = None,
) -> Step:
    state = State({**before.raw, **moved}, {**before.setting, **moved})
    counts = evaluator.counts(state.setting)
    ratio = counts.macs / evaluator.counts(before.setting).macs
    return Step(axis.name, axis.factor, value, value, multiplier, state, counts, ratio, kind, None, reaches)
