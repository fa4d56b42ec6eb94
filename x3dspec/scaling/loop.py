"""The one loop of every expansion: a policy keeps a step, again, until one goes past a limit.

That step is contracted until it fits. Budgets and judged expansions differ in their policies alone:
:func:`in_turns` takes the axes in order, :func:`x3dspec.scaling.published.recorded` replays the
published factor values, and :mod:`x3dspec.scaling.expand` asks a judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from x3dspec.language.errors import Infeasible
from x3dspec.language.source import Source
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.network.units import Target, figure
from x3dspec.scaling.axes import axes, turns
from x3dspec.scaling.ladder import Ladder
from x3dspec.scaling.steps import doubling_step, step_to
from x3dspec.scaling.trajectory import Skip, State, Step, Trajectory

#: Each step doubles the cost: no network is 2**64 times another.
MAX_STEPS = 64


@dataclass(frozen=True)
class Choice:
    """What a policy decides: the step that is kept, or in words why there is none.

    `skipped` are the axes that it passed over before.
    """

    kept: Step | None
    skipped: tuple[Skip, ...] = ()
    ended: str = ""


#: Decides, given the steps so far and the state after them.
Policy = Callable[[Sequence[Step], State], Choice]


def expanded(
    evaluator: Evaluator,
    policy: Policy,
    title: str,
    start: Setting | None = None,
    limit: Target | None = None,
    most: int = MAX_STEPS,
) -> Trajectory:
    """The steps that a policy keeps, the last one contracted where it goes past a limit.

    Args:
        title: the policy in words.
        start: the factors that are set before the first step.
        most: how many steps are taken, at most.

    Raises:
        Infeasible: the start is beyond the limit already.
        SpecError: an axis that no step can be solved for.
    """
    path = Trajectory(title, start or {}, evaluator.counts(start or {}), ended=f"{most} steps, as asked")
    if limit is not None:
        _feasible(evaluator, path, limit)
    for taken in range(most):
        choice = policy(path.steps, path.state)
        skipped = (replace(skip, after=taken) for skip in choice.skipped)
        path = replace(path, skipped=(*path.skipped, *skipped))
        if choice.kept is None:
            return replace(path, ended=choice.ended)
        if limit is not None and exceeds(choice.kept, limit):
            return _contracted(evaluator, replace(path, overshoot=choice.kept, ended=""), choice.kept, limit)
        path = replace(path, steps=(*path.steps, choice.kept))
    return path


def exceeds(step: Step, limit: Target) -> bool:
    """Whether a step goes past a limit."""
    return step.counts[limit.quantity] > limit.value


def _feasible(evaluator: Evaluator, path: Trajectory, limit: Target) -> None:
    least = path.counts[limit.quantity]
    if least > limit.value:
        raise Infeasible(
            f"{limit.text} is out of reach: {evaluator.architecture.name} starts at "
            f"{figure(limit.quantity, least)} ({least:,}), and expanding only adds"
        )


def _contracted(evaluator: Evaluator, path: Trajectory, overshoot: Step, limit: Target) -> Trajectory:
    """With the part of the overshooting step that fits, where any of it does."""
    ladder = Ladder(evaluator, axes(evaluator.source)[overshoot.axis], path.state.setting)
    rung = ladder.highest(math.ceil(overshoot.snapped / ladder.grid), limit.quantity, limit.value)
    rung = None if rung is None else ladder.buildable(rung)
    rung = None if rung is None else ladder.simplest(rung)
    if rung is None:
        return path
    return replace(path, steps=(*path.steps, step_to(ladder, rung, path.state, "contraction")))


def in_turns(evaluator: Evaluator, fixed: Collection[str] = ()) -> Policy:
    """The axes in the order of the published expansion, again from its beginning when it ends.

    A spec that publishes none takes its axes in turn, as it declares them. An axis that cannot take
    its step is passed over; one that moves a fixed factor has no turn.

    Raises:
        SpecError: a spec without axes.
    """
    free = axes(evaluator.source, fixed)
    order = published_order(evaluator.source, free)

    def choose(steps: Sequence[Step], state: State) -> Choice:
        skipped: list[Skip] = []
        for name in dict.fromkeys(turns(order, [step.axis for step in steps])):
            move = doubling_step(evaluator, free[name], state)
            if isinstance(move, Step):
                return Choice(move, tuple(skipped))
            skipped.append(move)
        return Choice(None, tuple(skipped), "no axis can take a step")

    return choose


def published_order(source: Source, free: Collection[str]) -> list[str]:
    """The published order of some axes; of a record of other axes alone, their own."""
    order = [waypoint.axis for waypoint in source.network.published]
    return [name for name in order if name in free] or list(free)
