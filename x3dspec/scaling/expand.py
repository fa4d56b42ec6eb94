"""The paper's loop: every axis is tried from the same state, a judge says which is kept, again.

It ends after so many steps, or where a step goes past a target: that one is contracted until it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from x3dspec.language.errors import BadArgument, unknown
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.units import Target
from x3dspec.scaling.axes import axes
from x3dspec.scaling.judges import Candidate, Judge, Score
from x3dspec.scaling.loop import MAX_STEPS, Choice, Policy, exceeds, expanded
from x3dspec.scaling.published import recorded, waypoints
from x3dspec.scaling.steps import doubled_factor, doubling_step
from x3dspec.scaling.trajectory import Move, Skip, State, Step, Trajectory

#: How far a step goes: to twice the cost, to twice the factor, or where the published one went.
RULES = ("double-cost", "double-factor", "recorded")


@dataclass(frozen=True)
class Option:
    """One axis in one step: the step that it would take, or why it takes none, and its score."""

    option: Move
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
        reasons = "; ".join(f"{lost.option.axis}: {lost.score.note}" for lost in self.lost)
        return reasons and f"step {len(self.rounds) + 1} is not decided: {reasons}"

    def resolved(self) -> Resolved:
        """Where it arrived."""
        return self.architecture.at(self.trajectory.state.setting)


def expand(
    architecture: Architecture,
    judge: Judge,
    steps: int | None = None,
    target: Target | None = None,
    rule: str = "double-cost",
    names: Sequence[str] | None = None,
    watch: Callable[[Round], None] = lambda _: None,
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
        watch: is shown each step when it is decided.
        decide_with_failures: whether a candidate without a score merely loses. Otherwise its step is
            not decided, and the expansion ends before it, as it does where no candidate has a score.

    Raises:
        Infeasible: the start is beyond the target already.
        SpecError: an unknown rule or axis, a spec without axes.
    """
    if rule not in RULES:
        raise BadArgument("rule", unknown("rule", rule, RULES, "the rules are"))
    evaluator = Evaluator.of(architecture, *([target.quantity] if target else []))
    propose = _proposals(evaluator, rule, names)
    policy = _Judged(evaluator, judge, propose, target, watch, decide_with_failures)
    most = MAX_STEPS if steps is None else min(steps, MAX_STEPS)
    trajectory = expanded(evaluator, policy, f"axes as judged, {rule}", {}, target, most)
    return Expansion(architecture, rule, tuple(policy.rounds), trajectory, policy.undecided)


def published_steps(architecture: Architecture) -> int | None:
    """How many steps the published expansion has, where the spec records one."""
    return len(waypoints(architecture)) or None


#: What may be kept, given the steps so far and the state after them, and in words why if nothing can.
Proposals = Callable[[Sequence[Step], State], tuple[list[Move], str]]


def _proposals(evaluator: Evaluator, rule: str, names: Sequence[str] | None) -> Proposals:
    known = axes(evaluator.source)
    for name in names or ():
        if name not in known:
            raise BadArgument("axes", unknown("axis", name, known))
    if rule == "recorded":
        return _of_record(recorded(evaluator))
    move = doubling_step if rule == "double-cost" else doubled_factor
    free = [axis for name, axis in known.items() if names is None or name in names]
    return lambda _, state: ([move(evaluator, axis, state) for axis in free], "no axis can take a step")


def _of_record(policy: Policy) -> Proposals:
    """The one step that the record has next."""

    def propose(steps: Sequence[Step], state: State) -> tuple[list[Move], str]:
        choice = policy(steps, state)
        return [choice.kept] if choice.kept else [], choice.ended

    return propose


@dataclass
class _Judged:
    """The policy of a judge: of all that is proposed, what it scores highest. It remembers the rounds."""

    evaluator: Evaluator
    judge: Judge
    propose: Proposals
    target: Target | None
    watch: Callable[[Round], None]
    decide_with_failures: bool
    rounds: list[Round] = field(default_factory=list)
    undecided: tuple[Option, ...] = ()

    def __call__(self, steps: Sequence[Step], state: State) -> Choice:
        moves, ended = self.propose(steps, state)
        if not any(isinstance(move, Step) for move in moves):
            return Choice(None, ended=ended)
        options = self._scored(moves, steps, state)
        lost = _lost(options)
        scored = [option for option in options if option.score.value is not None]
        if not scored or (lost and not self.decide_with_failures):
            self.undecided = options
            return Choice(None, ended=f"step {len(self.rounds) + 1} is not decided")
        kept, why = _kept(scored)
        past = self.target is not None and exceeds(kept, self.target)
        self.rounds.append(Round(options, kept, why, past))
        self.watch(self.rounds[-1])
        return Choice(kept)

    def _scored(self, moves: Sequence[Move], steps: Sequence[Step], state: State) -> tuple[Option, ...]:
        """All moves with their scores; of an axis that takes no step it is why."""
        architecture, history = self.evaluator.architecture, tuple(step.axis for step in steps)
        possible = [move for move in moves if isinstance(move, Step)]
        candidates = [
            Candidate(architecture, move.axis, move.setting, history, state.setting) for move in possible
        ]
        scores = {possible[index].axis: score for index, score in self.judge(candidates)}
        scores |= {move.axis: Score(None, move.reason) for move in moves if isinstance(move, Skip)}
        return tuple(Option(move, scores[move.axis]) for move in moves)


def _lost(options: Sequence[Option]) -> tuple[Option, ...]:
    return tuple(each for each in options if isinstance(each.option, Step) and each.score.value is None)


def _kept(scored: Sequence[Option]) -> tuple[Step, str]:
    best = max(option.score.value for option in scored if option.score.value is not None)
    first, *others = [option.option for option in scored if option.score.value == best]
    assert isinstance(first, Step)
    tied = ", ".join(option.axis for option in others)
    return first, f"ties with {tied}; declared first" if tied else "the highest score"
