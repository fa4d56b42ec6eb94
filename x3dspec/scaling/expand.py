"""The paper's loop: every axis is tried from the same state, a judge says which is kept, again.

It ends after so many steps, or where a step goes past a target: that one is contracted until it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from x3dspec.formula.real import Real
from x3dspec.language.errors import BadArgument, Infeasible, unknown
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.units import Target, figure
from x3dspec.scaling.axes import Axis, axes
from x3dspec.scaling.budget import contracted
from x3dspec.scaling.judges import Candidate, Judge, Score
from x3dspec.scaling.ladder import Ladder
from x3dspec.scaling.published import recorded, waypoints
from x3dspec.scaling.steps import MAX_STEPS, Skip, State, Step, Trajectory, candidate, snapped_rung, step_to

#: How far a step goes: to twice the cost, to twice the factor, or where the published one went.
RULES = ("double-cost", "double-factor", "recorded")


@dataclass(frozen=True)
class Option:
    """One axis in one step: the step that it would take, or why it takes none, and its score."""

    option: Step | Skip
    score: Score


@dataclass(frozen=True)
class Round:
    """One step: everything that was tried, and which of it was kept; `why` in words."""

    options: tuple[Option, ...]
    kept: Step
    why: str
    overshoots: bool = False


@dataclass(frozen=True)
class Expansion:
    """All steps.

    Attributes:
        trajectory: the kept ones, and a contraction where the last went too far.
        undecided: what was tried in a last step that was not decided, as some of it has no score.
    """

    architecture: Architecture
    rule: str
    rounds: tuple[Round, ...]
    trajectory: Trajectory
    undecided: tuple[Option, ...] = ()

    @property
    def lost(self) -> tuple[Option, ...]:
        """The candidates because of which a step was not decided."""
        return _lost(self.undecided)

    @property
    def failed(self) -> str:
        """Why a step was not decided, where that is how it ended."""
        said = "; ".join(f"{each.option.axis}: {each.score.note}" for each in self.lost)
        return said and f"step {len(self.rounds) + 1} is not decided: {said}"

    def resolved(self) -> Resolved:
        """Where it arrived."""
        return self.architecture.at(self.trajectory.state.setting)


def run(
    architecture: Architecture,
    judge: Judge,
    steps: int | None = None,
    target: Target | None = None,
    rule: str = "double-cost",
    names: Sequence[str] | None = None,
    told: Callable[[Round], None] = lambda _: None,
    decide_with_failures: bool = True,
) -> Expansion:
    """Expand a spec from where it starts.

    Args:
        judge: scores the candidates of each step; the highest is kept, of equal ones the first that
            the spec declares.
        steps: how many steps to take, at most.
        target: contract the step that passes it, and end there.
        rule: how far a step goes, one of :data:`RULES`.
        names: the axes to try; all of them by default.
        told: is told of each step when it is decided.
        decide_with_failures: whether a candidate without a score merely loses. Otherwise its step is
            not decided, and the expansion ends before it, as it does where no candidate has a score.

    Raises:
        Infeasible: the start is beyond the target already.
        SpecError: an unknown rule or axis, a spec without axes.
    """
    if rule not in RULES:
        raise BadArgument("rule", unknown("rule", rule, RULES, "the rules are"))
    evaluator = Evaluator.of(architecture, *([target.quantity] if target else []))
    tried = _tried(evaluator, names)
    start = evaluator.counts({})
    if target is not None and start[target.quantity] > target.value:
        count = start[target.quantity]
        raise Infeasible(f"{target.text} is out of reach: it starts at {figure(target.quantity, count)}")
    loop = _Loop(evaluator, judge, rule, tried, target, decide_with_failures)
    last = MAX_STEPS if steps is None else min(steps, MAX_STEPS)
    while len(loop.rounds) < last and loop.advance():
        told(loop.rounds[-1])
    ended = loop.ended or f"{last} steps, as asked"
    trajectory = Trajectory(f"axes as judged, {rule}", {}, start, tuple(loop.steps), ended=ended)
    if loop.overshoot is not None and target is not None:
        past = replace(trajectory, overshoot=loop.overshoot, ended="")
        trajectory = contracted(evaluator, past, target.quantity, target.value)
    return Expansion(architecture, rule, tuple(loop.rounds), trajectory, loop.undecided)


def published_steps(architecture: Architecture) -> int | None:
    """How many steps the published expansion has, where the spec records one."""
    return len(waypoints(architecture)) or None


def _tried(evaluator: Evaluator, names: Sequence[str] | None) -> list[Axis]:
    known = axes(evaluator.source)
    for name in names or ():
        if name not in known:
            raise BadArgument("axes", unknown("axis", name, known))
    return [axis for name, axis in known.items() if names is None or name in names]


class _Loop:
    """The state of an expansion that is under way."""

    def __init__(
        self,
        evaluator: Evaluator,
        judge: Judge,
        rule: str,
        tried: list[Axis],
        target: Target | None,
        decide_with_failures: bool,
    ) -> None:
        self.decide_with_failures = decide_with_failures
        self.undecided: tuple[Option, ...] = ()
        self.evaluator, self.judge, self.rule, self.tried, self.target = evaluator, judge, rule, tried, target
        self.state = State.of({})
        self.steps: list[Step] = []
        self.rounds: list[Round] = []
        self.overshoot: Step | None = None
        self.ended = ""
        self._record = list(recorded(evaluator, {})) if rule == "recorded" else []

    def advance(self) -> bool:
        """Take one step, if there is one to take; otherwise `ended` says why not."""
        if self.overshoot is not None:
            self.ended = "the target is reached"
            return False
        found = self._propose()
        steps = [(index, each) for index, each in enumerate(found) if isinstance(each, Step)]
        if not steps:
            self.ended = "the record ends here" if self.rule == "recorded" else "no axis can take a step"
            return False
        scores = {i: Score(None, each.reason) for i, each in enumerate(found) if isinstance(each, Skip)}
        history = tuple(step.axis for step in self.steps)
        asked = [
            Candidate(self.evaluator.architecture, each.axis, each.setting, history, self.state.setting)
            for _, each in steps
        ]
        for place, score in self.judge(asked):
            scores[steps[place][0]] = score
        options = tuple(Option(each, scores[index]) for index, each in enumerate(found))
        lost = _lost(options)
        if len(lost) == len(steps) or (lost and not self.decide_with_failures):
            self.undecided, self.ended = options, f"step {len(self.rounds) + 1} is not decided"
            return False
        kept, why = _kept(options)
        over = self.target is not None and kept.counts[self.target.quantity] > self.target.value
        self.rounds.append(Round(options, kept, why, over))
        if over:
            self.overshoot = kept
        else:
            self.steps.append(kept)
            self.state = kept.state
        return True

    def _propose(self) -> list[Step | Skip]:
        if self.rule == "recorded":
            place = len(self.rounds)
            return self._record[place : place + 1]
        make = candidate if self.rule == "double-cost" else doubled
        return [make(self.evaluator, axis, self.state) for axis in self.tried]


def _lost(options: Sequence[Option]) -> tuple[Option, ...]:
    return tuple(each for each in options if isinstance(each.option, Step) and each.score.value is None)


def _kept(options: Sequence[Option]) -> tuple[Step, str]:
    scored = [(each.score.value, each.option) for each in options if each.score.value is not None]
    best = max(value for value, _ in scored)
    first, *others = [option for value, option in scored if value == best]
    assert isinstance(first, Step)
    tied = ", ".join(option.axis for option in others)
    return first, f"ties with {tied}; declared first" if tied else "the highest score"


def doubled(evaluator: Evaluator, axis: Axis, state: State) -> Step | Skip:
    """The step along one axis by m = 2, the literal reading of the paper, or why there is none."""
    raw_values = evaluator.values(
        {name: value for name, value in state.raw.items() if not isinstance(value, Real)}
    )
    start, slope = axis.line(raw_values)
    moved = axis.moved(raw_values, start + 2 * slope)
    ladder = Ladder(evaluator, axis, state.setting)
    rung = snapped_rung(ladder, moved[axis.factor])
    if isinstance(rung, str):
        return Skip(axis.name, rung)
    step = step_to(ladder, rung, state)
    raw = {**state.raw, **moved}
    return replace(step, raw=moved[axis.factor], multiplier=Fraction(2), state=State(raw, step.setting))
