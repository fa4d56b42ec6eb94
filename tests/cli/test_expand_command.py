"""The engine and ``x3dspec expand``: every candidate is shown, the best kept, the result a spec again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from terminal import fits, plain, shown

import x3dspec
from specs import COMPOUND, written
from x3dspec import Architecture, Infeasible, SpecError
from x3dspec.cli.app import run
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.units import parse_target
from x3dspec.scaling.axes import axes
from x3dspec.scaling.expand import expand
from x3dspec.scaling.judges import Candidate, Score, judge
from x3dspec.scaling.solving import relaxed
from x3dspec.scaling.steps import doubled_factor
from x3dspec.scaling.trajectory import State, Step

ORDER = [
    *("bottleneck", "fast", "spatial", "depth", "temporal", "fast"),
    *("temporal", "spatial", "spatial", "depth", "width"),
]


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["expand", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_papers_eleven_steps(x2d: Architecture) -> None:
    """Before snapping each costs twice the one before; what is built is near."""
    found = expand(x2d, judge("published"), steps=11)
    assert [step.axis for step in found.trajectory.steps] == ORDER
    start = relaxed(Evaluator.of(x2d), {})
    for index, step in enumerate(found.trajectory.steps, 1):
        assert step.relaxed == start * 2**index
    assert all(len(each.options) == 6 for each in found.rounds)
    assert round(found.trajectory.steps[-1].counts.macs / 1e9) == 40


def test_the_literal_rule(x2d: Architecture) -> None:
    found = expand(x2d, judge("published"), steps=11, rule="double-factor")
    assert [step.axis for step in found.trajectory.steps] == ORDER
    for before, step in zip([None, *found.trajectory.steps], found.trajectory.steps, strict=False):
        value = Fraction(1) if before is None else before.state.raw.get(step.factor, Fraction(1))
        assert step.raw == 2 * value
    ratios = {step.axis: step.ratio for step in found.trajectory.steps}
    assert 3.6 < ratios["width"] < 4
    assert ratios["spatial"] == pytest.approx(4, rel=0.01)


def test_the_record_is_the_family(x2d: Architecture) -> None:
    found = expand(x2d, judge("published"), steps=11, rule="recorded")
    reached = {step.reaches: step.counts for step in found.trajectory.steps if step.reaches}
    for name in ("x3d_xs", "x3d_m", "x3d_l", "x3d_xl"):
        cost = x3dspec.load(name).resolve().cost()
        assert reached[name] == {
            "macs": cost.macs,
            "params": cost.params,
            "activations": cost.activations,
        }


def test_fast_and_temporal_are_two_candidates(x2d: Architecture) -> None:
    options = expand(x2d, judge("published"), steps=1).rounds[0].options
    by_axis = {each.option.axis: each.option for each in options}
    fast, temporal = by_axis["fast"], by_axis["temporal"]
    assert isinstance(fast, Step)
    assert isinstance(temporal, Step)
    assert fast.counts == temporal.counts
    assert x2d.at(fast.setting).network.stride == 12
    assert x2d.at(temporal.setting).network.stride == 24


def tied(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
    """Scores come in any order; of equal ones the first that is declared is kept."""
    return ((index, Score(0.0)) for index in reversed(range(len(candidates))))


def test_ties_go_to_the_axis_declared_first(x2d: Architecture) -> None:
    [only] = expand(x2d, tied, steps=1).rounds
    assert only.kept.axis == "fast"
    assert only.why == "ties with temporal, spatial, depth, width, bottleneck; declared first"
    [only] = expand(x2d, tied, steps=1, names=["width", "depth"]).rounds
    assert only.kept.axis == "depth"
    assert [each.option.axis for each in only.options] == ["depth", "width"]


def depth_fails(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
    for index, each in enumerate(candidates):
        yield index, Score(None, "lost") if each.axis == "depth" else Score(1.0)


def test_a_candidate_without_a_score_loses(x2d: Architecture) -> None:
    found = expand(x2d, depth_fails, steps=2, names=["depth", "width"])
    assert [step.axis for step in found.trajectory.steps] == ["width", "width"]
    found = expand(x2d, depth_fails, steps=2, names=["depth"])
    assert found.failed == "step 1 is not decided: depth: lost"
    assert not found.trajectory.steps


@pytest.mark.parametrize("rule", ["double-cost", "double-factor", "recorded"])
def test_a_target_is_met_by_contraction(x2d: Architecture, rule: str) -> None:
    target = parse_target("1GMACs")
    found = expand(x2d, judge("published"), target=target, rule=rule)
    assert found.rounds[-1].overshoots
    cost = found.resolved().cost()
    assert cost.macs <= target.value
    last = found.trajectory.steps[-1]
    if last.kind == "contraction":
        assert cost.macs == last.counts.macs


def test_what_cannot_be_expanded(x2d: Architecture) -> None:
    with pytest.raises(Infeasible, match=r"out of reach: x2d starts at 20\.66 MFLOPs"):
        expand(x2d, judge("published"), target=parse_target("1MMACs"))
    with pytest.raises(SpecError, match="unknown axis 'deep'"):
        expand(x2d, judge("published"), steps=1, names=["deep"])
    with pytest.raises(SpecError, match="unknown rule"):
        expand(x2d, judge("published"), steps=1, rule="triple")


def test_an_axis_that_is_no_product(tmp_path: Path) -> None:
    """`phi + m`: doubling by the literal rule is m = 2 there as well, two more of phi."""
    architecture = written(tmp_path, COMPOUND)
    step = doubled_factor(Evaluator.of(architecture), axes(architecture.source)["both"], State.of({}))
    assert isinstance(step, Step)
    assert (step.raw, step.snapped) == (2, 2)
    found = expand(architecture, judge("round-robin"), steps=3, rule="double-factor")
    # The size may be twice the start and no more: its second turn is passed over.
    assert [each.axis for each in found.trajectory.steps] == ["both", "size", "both"]


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = answer(capsys, "x2d")
    assert [each["kept"] for each in found["rounds"]] == ORDER
    assert {"axis", "raw", "value", "cost", "score"} <= set(found["rounds"][0]["candidates"][0])
    out = tmp_path / "mine.yaml"
    found = answer(capsys, "x2d", "--judge", "params", "--target", "100MMACs", "-o", str(out))
    assert x3dspec.load(str(out)).resolve().cost().macs == found["cost"]["macs"] <= 10**8
    assert run(["expand", "x2d", "--steps", "2"]) == 0
    page = capsys.readouterr().out
    assert page.splitlines()[:6] == [
        "x2d in 2 steps, judge published: 80.81 M MACs, 2.673 M params",
        "",
        "   axis        factor                   MACs     params",
        "0  start                          20,662,304  1,633,560",
        "1  bottleneck  gamma_b 1 to 2.28  41,303,630  2,673,356",
        "2  fast        gamma_t 1 to 2     80,813,612  2,673,356",
    ]
    assert run(["expand", "x2d", "--steps", "2", "-v"]) == 0
    page = capsys.readouterr().out
    assert "step 2, kept fast: the highest score" in page
    assert page.count("*  bottleneck") == 1


WORDS = [
    ["expand", "x2d"],
    ["expand", "x2d", "--judge", "params", "--target", "1GFLOPs", "-v"],
    ["expand", "x2d", "--judge", "round-robin", "--axes", "width,depth", "--steps", "3"],
    ["search", "x2d", "--max", "4.73GFLOPs", "--max", "4M params", "--fix", "gamma_b=2.25", "--top", "5"],
    ["search", "x2d", "--max", "100MMACs", "--fix", "gamma_b=2.25", "--pareto", "params,macs", "-v"],
    ["judges"],
    ["judges", "--compare"],
]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_answers_fit_the_terminal(words: list[str], columns: int) -> None:
    code, text = shown(words, columns)
    assert code == 0
    assert fits(text, columns), text
    # Numbers are whole: no line begins or ends inside of one.
    assert not re.search(r"[\d,]\n *,?\d{3}\b", plain(text)), text
    if not {"-v", "--pareto"} & set(words):
        assert len(text.splitlines()) <= 22, "with the command and the next prompt it fits 24 rows"


def test_exits(capsys: pytest.CaptureFixture[str]) -> None:
    for words, code, message in (
        (["--judge", "entrpy"], 2, "did you mean entropy"),
        (["--judge", "command"], 2, "needs --judge-command"),
        (["--judge-command", "x {out}"], 2, "goes with --judge command"),
        (["--dask", "tcp://x:1"], 2, "--dask: goes with --judge command"),
        (["--rule", "recorded", "--judge", "params"], 2, "goes with --judge published"),
        (["--axes", "deep"], 2, "unknown axis"),
        (["--target", "1MMACs"], 1, "out of reach"),
        (["--judge", "command", "--judge-command", "false {out}", "--retries", "0"], 1, "exit code 1"),
    ):
        assert run(["expand", "x2d", "--steps", "1", *words]) == code, words
        assert message in capsys.readouterr().err, words


def test_a_closed_form_warns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["expand", "x2d", "--judge", "entropy", "--steps", "1"]) == 0
    assert "no reliable chooser" in capsys.readouterr().err
    assert run(["judges"]) == 0
    assert "round-robin" in capsys.readouterr().out
