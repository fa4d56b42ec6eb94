"""Expansion: step by step along the axes of a spec, each step twice the cost of the one before.

A solved step doubles the relaxed MACs exactly, starting from the raw state before it, as the paper's
derivation does; what is built and counted is that state snapped to the grid. The raw state goes on as
the exact numbers that were solved for, so that k steps cost 2**k times the start, not about as much.

Policies are generators of steps: :func:`chosen` asks a chooser which axis to keep, :func:`recorded`
replays the published factor values. Whoever reads them decides when it has gone far enough.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice

from x3dspec.formula.real import Number, decided
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import nearest
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.scaling.axes import Axis, axes
from x3dspec.scaling.ladder import Ladder
from x3dspec.scaling.solving import Raw, doubling

#: Each step doubles the cost: no network is 2**64 times another.
MAX_STEPS = 64
#: How far from its nearest grid value a step may go where that one cannot be built, in grid steps.
REACH = 8


@dataclass(frozen=True)
class State:
    """Where an expansion is: the factors as they were solved, and as they are built.

    `relaxed` are the MACs of the former, exactly, where they were solved for.
    """

    raw: Raw
    setting: Setting
    relaxed: Number | None = None

    @classmethod
    def of(cls, setting: Setting) -> State:
        """The state of an expansion that starts here."""
        return cls(dict(setting), dict(setting))


@dataclass(frozen=True)
class Cut:
    """The contraction of a recorded step to the preset that it is named after: X3D-S, 16 to 13 frames."""

    factor: str
    before: Exact
    after: Exact
    counts: Counts


@dataclass(frozen=True)
class Step:
    """One step along one axis, and what the network costs after it.

    Attributes:
        axis: the axis, and `factor` the factor that drives it.
        raw: the driving factor's value as solved or recorded, before snapping.
        snapped: its value on the grid.
        multiplier: the `m` of the step in the axis's expressions, before snapping.
        state: all factors after the step.
        counts: the exact figures of the snapped network.
        ratio: its MACs over those before the step.
        kind: ``step``, ``contraction`` or ``fill``.
        relaxed: MACs of the raw state with every rounding dropped, where the step was solved: exactly
            twice those before.
        reaches: the named preset that a recorded step arrives at, by way of `cut` where it has one.
    """

    axis: str
    factor: str
    raw: Number
    snapped: Exact
    multiplier: Number
    state: State
    counts: Counts
    ratio: float
    kind: str = "step"
    relaxed: Number | None = None
    reaches: str | None = None
    cut: Cut | None = None

    @property
    def named(self) -> Counts:
        """What the named preset costs, or else the step."""
        return self.cut.counts if self.cut else self.counts

    @property
    def setting(self) -> Setting:
        """All factors that are set by hand after the step."""
        return self.state.setting


@dataclass(frozen=True)
class Skip:
    """An axis that could not take a step, and why. `after` is the number of steps before it."""

    axis: str
    reason: str
    after: int = 0


@dataclass(frozen=True)
class Trajectory:
    """The steps from a start.

    Attributes:
        policy: what chose the axes, in words.
        start: the factors that were set before the first step, and `counts` the figures there.
        skipped: the axes that were passed over.
        overshoot: the step that was not taken because it went too far.
        ended: without an overshoot, why there are no more steps.
    """

    policy: str
    start: Setting
    counts: Counts
    steps: tuple[Step, ...] = ()
    skipped: tuple[Skip, ...] = ()
    overshoot: Step | None = None
    ended: str = ""

    @property
    def state(self) -> State:
        """Where it arrived."""
        return self.steps[-1].state if self.steps else State.of(self.start)


Candidate = Step | Skip
#: Which axis to keep, given the number of steps so far and every axis's candidate; None to stop.
Chooser = Callable[[int, Mapping[str, Candidate]], str | None]


def candidates(architecture: Architecture, state: State) -> Mapping[str, Candidate]:
    """One candidate per axis of the spec, in its order; each is solved when it is looked at."""
    return _Candidates(Evaluator.of(architecture), state)


class _Candidates(Mapping[str, Candidate]):
    def __init__(self, evaluator: Evaluator, state: State) -> None:
        self._evaluator = evaluator
        self._state = state
        self._axes = axes(evaluator.source)
        self.seen: dict[str, Candidate] = {}

    def __getitem__(self, name: str) -> Candidate:
        if name not in self.seen:
            self.seen[name] = candidate(self._evaluator, self._axes[name], self._state)
        return self.seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._axes)

    def __len__(self) -> int:
        return len(self._axes)


def candidate(evaluator: Evaluator, axis: Axis, state: State) -> Candidate:
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
    moved = axis.moved(ladder.values, value)
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


def in_order(architecture: Architecture, fixed: Collection[str] = ()) -> Chooser:
    """The axes in the order of the published expansion, again from its beginning when it ends.

    A spec that publishes none takes its axes in turn, as it declares them. An axis that cannot take
    its step is passed over; one that moves a fixed factor has no turn.
    """
    free = axes(architecture.source, fixed)
    published = [waypoint.axis for waypoint in architecture.source.network.published]
    # A record of fixed axes alone says nothing of the order of the others.
    order = [name for name in published if name in free] or list(free)
    turns = cycle(order)

    def choose(_: int, options: Mapping[str, Candidate]) -> str | None:
        round_of_turns = islice(turns, len(order))
        return next((name for name in round_of_turns if isinstance(options[name], Step)), None)

    return choose


def chosen(evaluator: Evaluator, choose: Chooser, start: Setting) -> Iterator[Candidate]:
    """The steps that a chooser keeps, and before each those that it looked at and that could not be."""
    state = State.of(start)
    for taken in range(MAX_STEPS):
        options = _Candidates(evaluator, state)
        name = choose(taken, options)
        yield from (replace(each, after=taken) for each in options.seen.values() if isinstance(each, Skip))
        if name is None:
            return
        step = options[name]
        if isinstance(step, Skip):
            raise ValueError(f"axis {name} was chosen and cannot take a step: {step.reason}")
        yield step
        state = step.state


def expand(
    evaluator: Evaluator,
    choose: Chooser | None = None,
    until: Callable[[Step], bool] = lambda _: False,
    start: Setting | None = None,
    fixed: Collection[str] = (),
) -> Trajectory:
    """Expand by what `choose` keeps (by default :func:`in_order`) until a step goes too far.

    `fixed` are factors that keep their values: the default moves along no axis that changes one.

    Raises:
        SpecError: a spec without axes, an axis that no step can be solved for.
    """
    architecture, here = evaluator.architecture, start or {}
    published = bool(architecture.source.network.published)
    order = "the published order" if published else "their declared order, as none is published"
    policy = "axes as chosen" if choose else f"axes in {order}"
    steps = chosen(evaluator, choose or in_order(architecture, fixed), here)
    return followed(
        steps, until, Trajectory(policy, here, evaluator.counts(here), ended="no axis can take a step")
    )


def followed(events: Iterator[Candidate], until: Callable[[Step], bool], start: Trajectory) -> Trajectory:
    """`start` with the steps before the first that goes too far; if one does, that is why it ended."""
    steps: list[Step] = []
    skipped: list[Skip] = []
    for event in events:
        if isinstance(event, Skip):
            skipped.append(event)
        elif until(event):
            start = replace(start, overshoot=event, ended="")
            break
        else:
            steps.append(event)
    return replace(start, steps=tuple(steps), skipped=tuple(skipped))
