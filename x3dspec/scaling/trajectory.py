"""What an expansion is, as data: states, the steps between them, and why there are no more."""

from __future__ import annotations

from dataclasses import dataclass

from x3dspec.formula.real import Number
from x3dspec.language.numbers import Exact
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.scaling.solving import Raw


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


#: What an axis can do from a state.
Move = Step | Skip


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
