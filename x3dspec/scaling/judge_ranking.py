"""How each built-in judge does against the order that a paper found by training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.scaling.axes import axes
from x3dspec.scaling.expand import expand
from x3dspec.scaling.judges import BUILT_IN, Candidate, Judge, judge
from x3dspec.scaling.published import bare, replay
from x3dspec.scaling.steps import doubling_step
from x3dspec.scaling.trajectory import State, Step


@dataclass(frozen=True)
class Standing:
    """One judge against the published order.

    Attributes:
        axes: what it chooses when it expands by itself, with steps that double the cost.
        matches: at how many positions that is the published axis; `merged` where axes that drive the
            same factor, such as Fast and Temporal, are one.
        ranks: at each published state, the place of the published axis in its ranking; of equal
            scores the worst. None where it could not take its step.
    """

    judge: str
    axes: tuple[str, ...]
    matches: int
    merged: int
    ranks: tuple[int | None, ...]

    @property
    def mean_rank(self) -> float:
        known = [rank for rank in self.ranks if rank is not None]
        return sum(known) / max(1, len(known))


def standings(architecture: Architecture) -> list[Standing]:
    """Every built-in judge against the published expansion that the spec records.

    Raises:
        SpecError: it records none.
    """
    base = bare(architecture)
    order = replay(Evaluator.of(base)).steps
    if not order:
        raise SpecError([base.source.document.problem((), "its published expansion has no steps")])
    rounds = list(_rounds(base, order))
    return [_standing(base, name, judge(name), order, rounds) for name in BUILT_IN]


def _rounds(architecture: Architecture, order: Sequence[Step]) -> Iterator[list[Candidate]]:
    """What can be chosen from each state of the published expansion."""
    evaluator, known = Evaluator.of(architecture), axes(architecture.source)
    state = State.of({})
    for index, published in enumerate(order):
        history = tuple(step.axis for step in order[:index])
        tried = (doubling_step(evaluator, axis, state) for axis in known.values())
        yield [Candidate(architecture, s.axis, s.setting, history) for s in tried if isinstance(s, Step)]
        state = published.state


def _standing(
    architecture: Architecture,
    name: str,
    chooser: Judge,
    order: Sequence[Step],
    rounds: Sequence[Sequence[Candidate]],
) -> Standing:
    own = expand(architecture, chooser, steps=len(order)).trajectory.steps
    pairs = list(zip(own, order, strict=False))
    return Standing(
        name,
        tuple(step.axis for step in own),
        sum(ours.axis == theirs.axis for ours, theirs in pairs),
        sum(ours.factor == theirs.factor for ours, theirs in pairs),
        tuple(_rank(chooser, each, step.axis) for each, step in zip(rounds, order, strict=True)),
    )


def _rank(chooser: Judge, candidates: Sequence[Candidate], axis: str) -> int | None:
    found = dict(chooser(candidates))
    scores = {each.axis: found[index].value for index, each in enumerate(candidates)}
    own = scores.get(axis)
    return None if own is None else sum(each is not None and each >= own for each in scores.values())
