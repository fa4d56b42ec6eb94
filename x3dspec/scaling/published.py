"""The published expansion of a spec, as its record says it: replayed, and held against solving.

The paper's models are waypoints of its expansion. The record gives the factor values that each step
arrived at, so that replaying it passes through those models integer for integer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from x3dspec.language.errors import SpecError
from x3dspec.language.numbers import Exact, text
from x3dspec.language.syntax import Syntax
from x3dspec.language.values import number
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.scaling.axes import axes
from x3dspec.scaling.loop import Choice, Policy, expanded, in_turns
from x3dspec.scaling.steps import stepped
from x3dspec.scaling.trajectory import Cut, Move, Skip, State, Step, Trajectory

#: What replaying a record is called.
RECORDED = "recorded factor values"


@dataclass(frozen=True)
class Waypoint:
    """A step of the published expansion, as exact factor values; see ``published`` of the language."""

    axis: str
    to: Setting
    contracted: Setting
    reaches: str | None


def waypoints(architecture: Architecture) -> list[Waypoint]:
    """The published expansion that the spec records; empty where it records none.

    Raises:
        SpecError: a step that does not say where its axis's driving factor went.
    """
    source = architecture.source
    found = []
    for index, each in enumerate(source.network.published):
        factor = next(iter(source.network.axes[each.axis]))
        if factor not in each.to:
            message = f"must give {factor}, which drives the axis {each.axis}"
            raise SpecError([source.document.problem(("published", index, "to"), message)])
        found.append(Waypoint(each.axis, _exact(each.to), _exact(each.contracted or {}), each.reaches))
    return found


def _exact(trees: Mapping[str, Syntax]) -> dict[str, Exact]:
    return {name: number(tree) for name, tree in trees.items()}


def bare(architecture: Architecture) -> Architecture:
    """The spec that a preset is based on, with the preset's options."""
    source = architecture.source
    if not source.factors and source.clip is None:
        return architecture
    return Architecture(replace(source, factors={}, clip=None))


def presets(architecture: Architecture) -> dict[str, Setting]:
    """The named networks on the published expansion, as settings of :func:`bare`."""
    setting: dict[str, Exact] = {}
    found: dict[str, Setting] = {}
    for waypoint in waypoints(architecture):
        setting |= waypoint.to
        if waypoint.reaches:
            found[waypoint.reaches] = {**setting, **waypoint.contracted}
    return found


def recorded(evaluator: Evaluator, fixed: Collection[str] = ()) -> Policy:
    """The published expansion, replayed at its recorded factor values; it ends where the record does.

    Steps that move a fixed factor are passed over, and no other then arrives at a named network.

    Raises:
        SpecError: the spec records none.
    """
    record = waypoints(evaluator.architecture)
    if not record:
        raise SpecError([evaluator.source.document.problem((), "this spec records no published expansion")])
    left = iter(record)

    def choose(steps: Sequence[Step], state: State) -> Choice:
        skipped: list[Skip] = []
        for waypoint in left:
            move = _replayed(evaluator, waypoint, state, fixed)
            if isinstance(move, Step):
                return Choice(move, tuple(skipped))
            skipped.append(move)
        return Choice(None, tuple(skipped), "the record ends here")

    return choose


def _replayed(evaluator: Evaluator, waypoint: Waypoint, state: State, fixed: Collection[str]) -> Move:
    axis = axes(evaluator.source)[waypoint.axis]
    values, value = evaluator.values(state.setting), waypoint.to[axis.factor]
    if moved := [name for name in waypoint.to if name in fixed]:
        return Skip(axis.name, f"{moved[0]} is fixed")
    if values[axis.factor] >= value:
        return Skip(axis.name, f"{axis.factor} is {text(values[axis.factor])} already")
    if reason := evaluator.refusal({**state.setting, **waypoint.to}):
        return Skip(axis.name, reason)
    multiplier = axis.multiplier(values, value)
    reaches, contracted = (None, {}) if fixed else (waypoint.reaches, waypoint.contracted)
    step = stepped(evaluator, axis, value, multiplier, state, waypoint.to, reaches=reaches)
    return replace(step, cut=_cut(evaluator, step.setting, contracted))


def _cut(evaluator: Evaluator, setting: Setting, contracted: Setting) -> Cut | None:
    """What a recorded step is contracted to; the expansion itself goes on from the step."""
    if not contracted:
        return None
    factor = next(iter(contracted))
    before = evaluator.values(setting)[factor]
    return Cut(factor, before, contracted[factor], evaluator.counts({**setting, **contracted}))


def replay(evaluator: Evaluator) -> Trajectory:
    """The whole published expansion from the spec's start."""
    return expanded(evaluator, recorded(evaluator), RECORDED)


@dataclass(frozen=True)
class Comparison:
    """One published step beside the solved one: multipliers, and MACs after the step."""

    step: int
    axis: str
    factor: str
    solved: float
    published: float
    relaxed: float
    solved_counts: Counts
    published_counts: Counts
    reaches: str | None


def comparisons(architecture: Architecture) -> tuple[Comparison, ...]:
    """Every published step factor beside what solving for twice the cost gives, from the start on."""
    evaluator = Evaluator.of(bare(architecture))
    published = replay(evaluator).steps
    solved = expanded(evaluator, in_turns(evaluator), "solved", most=len(published)).steps
    return tuple(
        Comparison(
            index,
            theirs.axis,
            theirs.factor,
            float(ours.multiplier),
            float(theirs.multiplier),
            float(ours.relaxed or 0),
            ours.counts,
            theirs.counts,
            theirs.reaches,
        )
        for index, (theirs, ours) in enumerate(zip(published, solved, strict=False), 1)
    )
