"""An expansion as JSON has it: every round, the steps that were kept, and where it arrived."""

from __future__ import annotations

from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.cli.steps_answer import Taken, steps
from x3dspec.formula.real import text
from x3dspec.network.quantities import Counts
from x3dspec.scaling.expand import Expansion, Option
from x3dspec.scaling.trajectory import Step


class Tried(output.Valued):
    """A step that an axis could take, and its score; null where it has none, and `note` says why."""

    axis: str
    factor: str
    raw: int | float
    multiplier: float
    exact: str | None
    ratio: float
    relaxed_macs: float | None
    cost: Counts
    score: float | None
    note: str


class Passed(TypedDict):
    """An axis that can take no step, and why."""

    axis: str
    reason: str
    score: None


class RoundDone(TypedDict):
    """One step of the loop: all candidates from one state, and which of them was kept."""

    candidates: list[Tried | Passed]
    kept: str
    why: str
    overshoots: bool


class ExpandAnswer(output.Answer, output.Factored):
    """An expansion: every round, the steps that were kept, and the network where it arrived."""

    judge: str
    rule: str
    start: Counts
    rounds: list[RoundDone]
    trajectory: list[Taken]
    ended: str
    failed: str
    cost: Counts


def content(expansion: Expansion, judge: str) -> ExpandAnswer:
    path = expansion.trajectory
    return {
        "x3dspec": output.head("expand"),
        "judge": judge,
        "rule": expansion.rule,
        "start": path.counts,
        "rounds": [
            {
                "candidates": [_candidate(option) for option in decided.options],
                "kept": decided.kept.axis,
                "why": decided.why,
                "overshoots": decided.overshoots,
            }
            for decided in expansion.rounds
        ],
        "trajectory": steps(path),
        "ended": path.ended,
        "failed": expansion.failed,
        **output.factored(path.state.setting),
        "cost": path.steps[-1].counts if path.steps else path.counts,
    }


def _candidate(option: Option) -> Tried | Passed:
    step, score = option.option, option.score
    if not isinstance(step, Step):
        return {"axis": step.axis, "reason": step.reason, "score": None}
    return {
        "axis": step.axis,
        "factor": step.factor,
        "raw": output.number(step.raw),
        **output.valued(step.snapped),
        "multiplier": float(step.multiplier),
        "exact": text(step.multiplier),
        "ratio": step.ratio,
        "relaxed_macs": None if step.relaxed is None else float(step.relaxed),
        "cost": step.counts,
        "score": score.value,
        "note": score.note,
    }
