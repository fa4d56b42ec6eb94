"""The network that a target buys: expand until a step goes too far, contract that step, fill the rest.

The answer is exact and says so: its count is an integer within the limit, and the next network on the
grid of the axis that was contracted exceeds it. Filled, no axis has room for another network.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from x3dspec.language.errors import BadArgument, sure, unknown
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.network.units import Target
from x3dspec.scaling.axes import Axis, axes
from x3dspec.scaling.fill import fill as filled
from x3dspec.scaling.fill import independent
from x3dspec.scaling.ladder import Ladder
from x3dspec.scaling.loop import Policy, expanded, in_turns, published_order
from x3dspec.scaling.published import RECORDED, bare, presets, recorded
from x3dspec.scaling.trajectory import Trajectory

ORDERS = ("solved", "published")
#: A named preset is pointed out where it is as close to the target as this.
NEAR = Fraction(2, 100)


@dataclass(frozen=True)
class Next:
    """The next network on an axis's grid: `excess` is how far it is over the target.

    It is negative only where an expansion ended for want of steps, as a replayed record does.
    """

    axis: str
    factor: str
    value: Exact
    counts: Counts
    excess: int


@dataclass(frozen=True)
class Near:
    """A named preset within the limit and close to the target. `count` is of the target's quantity."""

    name: str
    count: int


@dataclass(frozen=True)
class Budget:
    """The network that a target buys.

    Attributes:
        target: what was asked for, and `limit` what may be spent: the target and its tolerance.
        order: ``solved`` or ``published``.
        trajectory: the steps, the last of them a ``contraction`` and any ``fill``.
        resolved: the network.
        counts: its exact figures.
        following: the next network on the axis that was contracted; after filling, on every axis.
        near: a named preset that would do as well.
        fixed: the factors that were not to move, and their values.
    """

    target: Target
    limit: int
    order: str
    trajectory: Trajectory
    resolved: Resolved
    counts: Counts
    following: tuple[Next, ...]
    near: Near | None
    fixed: Setting = field(default_factory=dict)

    @property
    def achieved(self) -> int:
        """The figure that the target is about."""
        return self.counts[self.target.quantity]


def budgeted(
    architecture: Architecture,
    target: Target,
    order: str = "solved",
    tolerance: Fraction = Fraction(0),
    fill: bool = False,
    start: Setting | None = None,
    fixed: Setting | None = None,
) -> Budget:
    """The network that a target buys, expanded from the spec's start.

    Args:
        order: ``solved`` for steps that double the cost, along the published order of axes;
            ``published`` for the recorded factor values.
        tolerance: the share of the target by which the result may exceed it.
        fill: whether to spend what is left of the target on the other axes, as much as fits.
        start: factor values to start from instead of the spec's.
        fixed: factors that keep these values: no axis that moves one takes a step.

    Raises:
        Infeasible: the start costs more than the limit already.
        SpecError: an unknown order, no axis that moves no fixed factor, or a spec that cannot be expanded.
    """
    if order not in ORDERS:
        raise BadArgument("order", unknown("order", order, ORDERS, "the orders are"))
    limit = math.floor(target.value * (1 + tolerance))
    evaluator, kept = Evaluator.of(architecture, target.quantity), dict(fixed or {})
    start = {**(start or {}), **kept}
    architecture.at(start)  # that it can be built
    policy, title = _policy(evaluator, order, kept)
    trajectory = expanded(evaluator, policy, title, start, replace(target, value=limit))
    turns = _turns(evaluator, trajectory, kept)
    if fill and evaluator.counts(trajectory.state.setting)[target.quantity] < target.value:
        steps = filled(evaluator, turns, trajectory.state, target.quantity, target.value)
        trajectory = replace(trajectory, steps=(*trajectory.steps, *steps))
    setting = trajectory.state.setting
    return Budget(
        target,
        limit,
        order,
        trajectory,
        architecture.at(setting),
        evaluator.counts(setting),
        tuple(_following(evaluator, _checked(turns, fill=fill), setting, target)),
        _near(architecture, target, limit, kept),
        kept,
    )


def _policy(evaluator: Evaluator, order: str, fixed: Setting) -> tuple[Policy, str]:
    """What chooses the axes, and its name."""
    axes(evaluator.source, fixed)  # that one may move
    if order == "published":
        return recorded(evaluator, fixed), RECORDED
    published = bool(evaluator.source.network.published)
    order = "the published order" if published else "their declared order, as none is published"
    return in_turns(evaluator, fixed), f"axes in {order}"


def _turns(evaluator: Evaluator, trajectory: Trajectory, fixed: Collection[str]) -> list[Axis]:
    """All axes that may move in the order of the expansion, from the one that it ended with."""
    known = axes(evaluator.source, fixed)
    order = published_order(evaluator.source, known)
    steps = [*trajectory.steps, *([trajectory.overshoot] if trajectory.overshoot else [])]
    if steps:
        at = max(index for index in range(len(order)) if order[index] == steps[-1].axis)
        order = [*order[at:], *order]
    return [known[name] for name in dict.fromkeys([*order, *known])]


def _checked(turns: list[Axis], *, fill: bool) -> list[Axis]:
    """The axes whose next network is told: the last one alone, or one for every factor."""
    last, *others = turns
    return [last, *(axis for axis in independent(others) if axis.factor != last.factor)] if fill else [last]


def _following(
    evaluator: Evaluator, checked: Iterable[Axis], setting: Setting, target: Target
) -> Iterator[Next]:
    here = evaluator.counts(setting)[target.quantity]
    for axis in checked:
        ladder = Ladder(evaluator, axis, setting)
        rung = ladder.next()
        if rung is None:
            continue
        counts = evaluator.counts(sure(ladder.setting(rung)))
        count = counts[target.quantity]
        if count != here:
            yield Next(axis.name, axis.factor, rung * ladder.grid, counts, count - target.value)


def _near(architecture: Architecture, target: Target, limit: int, fixed: Setting) -> Near | None:
    """The named preset closest to the target, of those within the limit and within 2 %, and fixed alike."""
    evaluator = Evaluator.of(bare(architecture), target.quantity)
    counts = {
        name: evaluator.counts(setting)[target.quantity]
        for name, setting in presets(architecture).items()
        if fixed.items() <= evaluator.values(setting).items()
    }
    off = {name: abs(count - target.value) for name, count in counts.items() if count <= limit}
    name = min(off, key=off.__getitem__, default=None)
    if name is None or off[name] > NEAR * target.value:
        return None
    return Near(name, counts[name])
