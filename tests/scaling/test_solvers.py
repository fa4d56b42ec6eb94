"""Solvers at the edges: where nothing can be counted, built, bounded or improved."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

import x3dspec
from specs import COMPOUND, GROUPED, written
from x3dspec import Architecture, Infeasible, SpecError
from x3dspec.cli.app import run
from x3dspec.language.errors import Refusal, sure
from x3dspec.language.numbers import approximate, sqrt
from x3dspec.network import preset
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import snapped
from x3dspec.network.units import parse_target
from x3dspec.scaling import fill
from x3dspec.scaling.axes import axes
from x3dspec.scaling.budget import Budget, budgeted
from x3dspec.scaling.judges import Candidate, Score
from x3dspec.scaling.ladder import Ladder
from x3dspec.scaling.loop import expanded, in_turns
from x3dspec.scaling.published import bare
from x3dspec.scaling.search import clusters
from x3dspec.scaling.search.lattice import Lattice
from x3dspec.scaling.search.ranges import parse_fix, parse_grid, ranges
from x3dspec.scaling.search.result import Result
from x3dspec.scaling.search.search import judged, search

#: A width that no rounding makes whole, and one that has no value where w is 2.
RAW = """
name: raw
factors:
  w: {start: 1, grid: 1/8, max: 3}
axes:
  wide: {w: w * m}
input: {channels: 3, size: 8}
stages:
  - {name: stem, layers: [conv: {out: 8 * w, kernel: 3}]}
  - {name: odd, layers: [conv: {out: 8 / (2 - w), kernel: 1}]}
  - {name: head, layers: [mean, linear: {out: classes}]}
"""
#: A follower that has no exact value at most steps.
FOLLOWED = COMPOUND.replace("both:  {phi: phi + m}", "both:  {phi: phi + m, size: size * 2 ** m}")


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


#: Without the second convolution.
SMOOTH = RAW.replace("  - {name: odd, layers: [conv: {out: 8 / (2 - w), kernel: 1}]}\n", "")


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        (SMOOTH, sqrt(2), "a root .*"),
        (RAW, Fraction(2), "division by zero"),
        (RAW, sqrt(2), "a root .*"),
    ],
)
def test_a_figure_that_is_none(tmp_path: Path, text: str, value: Fraction, message: str) -> None:
    evaluator = Evaluator.of(written(tmp_path, text))
    refusal = evaluator.count("macs", {"w": value})
    assert isinstance(refusal, Refusal)
    with pytest.raises(SpecError, match=rf"spec\.yaml: {message}$"):
        sure(refusal)


def test_figures_that_are_no_whole_numbers(tmp_path: Path) -> None:
    evaluator = Evaluator.of(written(tmp_path, RAW))
    with pytest.raises(SpecError, match="its count is not whole"):
        evaluator.counts({"w": Fraction(9, 8)})
    assert evaluator.refusal({"w": Fraction(9, 8)}) is not None
    assert evaluator.refusal({"w": Fraction(2)}) is not None
    assert evaluator.refusal({"w": Fraction(1)}) is None


def test_a_ladder_over_rungs_without_networks(tmp_path: Path) -> None:
    """8 w and 8 / (2 - w) are both whole at 1, 3/2, 7/4 and 15/8 alone."""
    architecture = written(tmp_path, RAW)
    evaluator = Evaluator.of(architecture)
    ladder = Ladder(evaluator, axes(architecture.source)["wide"], {})
    assert ladder.next() == 12
    assert [ladder.buildable(rung) for rung in (13, 14, 15, 16)] == [12, 14, 15, 15]
    assert not ladder.fits(16, "macs", 10**12)
    assert not ladder.within(25)
    assert ladder.refusal(25) == "w = 3.125 must be at most 3"
    assert Ladder(evaluator, ladder.axis, {"w": Fraction(15, 8)}).next() is None


def test_a_follower_without_an_exact_value_is_no_rung(tmp_path: Path) -> None:
    architecture = written(tmp_path, FOLLOWED)
    both = axes(architecture.source)["both"]
    evaluator = Evaluator.of(architecture)
    refusal = both.moved(evaluator.values({}), sqrt(2))
    assert isinstance(refusal, Refusal)
    [problem] = refusal.problems
    assert (problem.path, problem.message) == ("axes.both.size", "irrational exponent")
    assert not Ladder(evaluator, both, {}).within(1000)


def test_snapped_values_build_the_same_network(tmp_path: Path) -> None:
    architecture = written(tmp_path, GROUPED)
    assert snapped(architecture, {"b": Fraction(101, 100)}) == {"b": Fraction(1)}
    # Beside 17/16 are 1 and 9/8, which has nine channels in four groups; 1 has the same eight.
    assert snapped(architecture, {"b": Fraction(17, 16)})["b"] == 1
    raw = written(tmp_path, RAW)
    assert snapped(raw, {"w": Fraction(31, 16)}) == {"w": None}


def filled(architecture: Architecture, target: str) -> Budget:
    return budgeted(architecture, parse_target(target), fill=True)


@pytest.mark.parametrize("target", ["300MMACs", "1.2GMACs"])
def test_without_time_for_combinations_there_is_still_no_room(
    x2d: Architecture, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """What is left then is closed axis by axis: no single step fits any more."""
    best = filled(x2d, target)
    monkeypatch.setattr(fill, "MAX_COUNTS", 0)
    monkeypatch.setattr(fill, "MAX_MARKS", 0)
    hasty = filled(x2d, target)
    assert hasty.achieved <= best.achieved <= best.limit
    assert hasty.following
    assert all(each.excess > 0 for each in hasty.following)


def test_values_of_many_digits_are_searched_too(tmp_path: Path) -> None:
    """Of values that build one network the shorter is told, however long the longer one is."""
    architecture = written(tmp_path, GROUPED)
    long = Fraction(2**100 + 1, 2**100)
    grids = {"b": (Fraction(1), long, 2 * long)}
    found = search(architecture, [parse_target("10MMACs")], grids=grids, top=5)
    assert [each.setting["b"] for each in found.best] == [2 * long, 1]


def test_a_factor_is_fixed_or_has_a_grid(x2d: Architecture) -> None:
    evaluator = Evaluator.of(x2d)
    fixed, grids = parse_fix(evaluator, ["gamma_b=2"]), parse_grid(evaluator, ["gamma_b=1:2"])
    with pytest.raises(SpecError, match=r"^fix: gamma_b is fixed and has a --grid$"):
        ranges(evaluator, [parse_target("1GMACs")], fixed, grids)


def test_ranges_end_at_a_maximum_and_leave_out_what_follows(tmp_path: Path) -> None:
    evaluator = Evaluator.of(written(tmp_path, COMPOUND))
    found = {each.factor: each for each in ranges(evaluator, [parse_target("100GMACs")], {}, {})}
    assert list(found) == ["phi", "size"]
    assert (found["size"].values[-1], found["size"].chosen) == (Fraction(2), "up to its maximum")
    assert found["phi"].chosen == "the next value exceeds a limit"


GRIDS = ["gamma_w=1:3", "gamma_b=1:4"]


def results(architecture: Architecture) -> Result:
    grids = parse_grid(Evaluator.of(architecture), GRIDS)
    fixed = parse_fix(Evaluator.of(architecture), ["gamma_t=1", "gamma_s=1", "gamma_d=1", "gamma_tau=1"])
    return search(architecture, [parse_target("40MMACs"), parse_target("4M params")], fixed, grids, top=5)


def test_a_cluster_too_large_to_be_held_keeps_what_the_limits_allow(
    x2d: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gamma_w and gamma_b meet in one rounding."""
    whole = results(x2d)
    for limit, less in (("UNLIMITED", 1000), ("PROBES", 5), ("SLICE", 64), ("MAX_RAW", 5000)):
        monkeypatch.setattr(clusters, limit, less)
    kept = results(x2d)
    assert [each.counts for each in kept.best] == [each.counts for each in whole.best]
    assert kept.proof.within == whole.proof.within
    assert kept.proof.networks < whole.proof.networks
    monkeypatch.setattr(clusters, "MAX_CLUSTER", 10)
    with pytest.raises(SpecError, match="1,083 combinations that meet in one rounding, more than 10: give"):
        results(x2d)
    monkeypatch.setattr(clusters, "MAX_RAW", 99)
    with pytest.raises(SpecError, match=r"^grid: \d+ of gamma_w x \d+ of gamma_b are .* more than 99"):
        results(x2d)


def test_a_lattice_of_nothing(tmp_path: Path) -> None:
    architecture = written(tmp_path, GROUPED)
    evaluator = Evaluator.of(architecture)
    grids = parse_grid(evaluator, ["b=9/8:11/8"])
    with pytest.raises(Infeasible, match="nothing within the limits can be built at any value of b"):
        Lattice(evaluator, ranges(evaluator, [], {}, grids))


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("w=1:3:1/4", "division by zero, somewhere on the grid"),
        ("w=1:2:sqrt(2)-1", "grid: a root in a sum"),
    ],
)
def test_a_lattice_without_figures(tmp_path: Path, grid: str, message: str) -> None:
    architecture = written(tmp_path, RAW)
    evaluator = Evaluator.of(architecture)
    with pytest.raises(SpecError, match=message):
        search(architecture, [parse_target("1GMACs")], grids=parse_grid(evaluator, [grid]))


def refusing(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
    return ((index, Score(None, "no clips")) for index in range(len(candidates)))


def test_a_judge_that_scores_nothing(x2d: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    found = results(x2d)
    with pytest.raises(Infeasible, match=r"^mine gives none of the [\d,]+ networks a score: no clips$"):
        judged(found, refusing, "mine", 3)
    monkeypatch.setattr("x3dspec.scaling.search.search.MAX_SCORED", 1)
    with pytest.raises(Infeasible, match="mine scores them one by one: at most 1"):
        judged(found, refusing, "mine", 3)


def test_a_preset_is_found_from_where_it_is_written(tmp_path: Path) -> None:
    network = written(tmp_path, GROUPED).resolve()
    with pytest.raises(SpecError, match=r"its base spec\.yaml is found only from the folder of spec\.yaml"):
        preset.text(network, tmp_path / "elsewhere" / "mine.yaml")
    with pytest.raises(SpecError, match="is the base itself"):
        preset.text(network, tmp_path / "spec.yaml")
    (tmp_path / "mine.yaml").write_text(preset.text(network, tmp_path / "mine.yaml"))
    again = x3dspec.load(str(tmp_path / "mine.yaml")).resolve()
    assert again.network.stages == network.network.stages


def test_an_expansion_ends_where_no_axis_can_step(tmp_path: Path) -> None:
    architecture = written(tmp_path, RAW)
    evaluator = Evaluator.of(architecture)
    trajectory = expanded(evaluator, in_turns(evaluator), "in turns")
    assert (trajectory.steps, trajectory.ended) == ((), "no axis can take a step")


def test_formulas_are_found_again_by_content(x2d: Architecture) -> None:
    """The base of every preset is read anew; its formulas are not compiled anew."""
    assert Evaluator.of(bare(x3dspec.load("x3d_s"))) is Evaluator.of(bare(x3dspec.load("x3d_s")))
    assert x2d == x3dspec.load("x2d")
    assert x2d != x2d.choose(classes=7)
    with pytest.raises(SpecError, match=r"^clip: this network is 2-D: its clip is a size alone"):
        x3dspec.load("mobilenet_v3_large").at_clip(4, 224)


NUMBERED = """
name: numbered
factors:
  w: {factor}
axes:
  wide: {{w: {step}}}
input: {{channels: 3, size: 8}}
stages:
  - {{name: stem, layers: [conv: {{out: "{width}", kernel: 3}}]}}
  - {{name: head, layers: [mean, linear: {{out: classes}}]}}
"""
SIZE = "between 1e-12 and 1e12 in size"
#: A factor, its step and a width; and what is said of the file, or that it is a network.
NUMBERS: list[tuple[str, str, str, str]] = [
    ("{start: 2**4000}", "w * m", "round(min(w, 8))", f"factors.w.start: w = 13182.* must be {SIZE}"),
    ("{start: 1/2**4000}", "w * m", "ceil(w)", f"factors.w.start: w = 1/13182.* must be {SIZE}"),
    (
        "{start: 1, grid: sqrt(2)-1}",
        "w * m",
        "ceil(8 * w)",
        "factors.w.grid: a root in a sum: round it first",
    ),
    ("{start: 1, grid: 2**4000}", "w * m", "ceil(8 * w)", f"factors.w.grid: must be {SIZE}"),
    ("{start: 1, grid: 1e-13}", "w * m", "ceil(8 * w)", f"factors.w.grid: must be {SIZE}"),
    ("{start: 1, max: 2**4000}", "w * m", "ceil(8 * w)", f"factors.w.max: must be {SIZE}"),
    ("{start: 1, min: -(2**4000)}", "w * m", "ceil(8 * w)", f"factors.w.min: must be {SIZE}"),
    ("{start: 1}", "w + 2**4000 * m", "ceil(8 * w)", ""),
    ("{start: 1}", "w + m / 2**4000", "ceil(8 * w)", ""),
    ("{start: 1}", "w + m * (sqrt(2) + 1)", "ceil(8 * w)", "axes.wide.w: a root in a sum: round it first"),
    ("{start: sqrt(2) + 1}", "w * m", "ceil(8 * w)", "factors.w.start: a root in a sum: round it first"),
    ("{start: sqrt(2) * 3**1200 / 2**1902}", "w * m", "ceil(8 * w)", ""),
    ("{start: 1}", "w * m", "ceil(8 * w + 2**4000 * (w - 1))", ""),
    ("{start: 1}", "w * m", "ceil(8 * w - 2**2000 * (w - 1))", ""),
    ("{start: 0, min: 0}", "w + m", "ceil(8 + w * 2**4000)", ""),
    ("{start: 1, grid: sqrt(2)}", "w * m", "ceil(8 * w)", ""),
    ("{start: 1e12}", "w * m", "ceil(8 * w / 1e12)", ""),
    ("{start: 1e-12}", "w * m", "ceil(8 * w)", ""),
]
COMMANDS = (
    ["resolve"], ["formula"], ["formula", "--relaxed"], ["formula", "--json"], ["report", "-o", "page.html"],
    ["budget", "--target", "1MMACs", "--fill"], ["expand", "--steps", "2"], ["search", "--max", "100kMACs"],
)  # fmt: skip


@pytest.mark.parametrize(("factor", "step", "width", "message"), NUMBERS)
def test_numbers_that_no_network_has_are_answered_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: str,
    step: str,
    width: str,
    message: str,
) -> None:
    """Floats end at 2**1024 and exact arithmetic at sums with a root; every command says so in one line."""
    monkeypatch.chdir(tmp_path)
    Path("numbered.yaml").write_text(NUMBERED.format(factor=factor, step=step, width=width))
    assert run(["resolve", "numbered.yaml"]) == (2 if message else 0)
    err = capsys.readouterr().err
    assert re.search(message, err) if message else not err
    for command, *options in COMMANDS:
        code = run([command, "numbered.yaml", *options])
        err = capsys.readouterr().err
        assert bool(err) == (code != 0) or command == "search"
        assert len(err.splitlines()) <= 2


def test_a_typed_number_is_of_the_size_of_a_factor(x2d: Architecture) -> None:
    with pytest.raises(SpecError, match=rf"gamma_w = 1000000000001 must be {SIZE}"):
        x2d.resolve(gamma_w=10**12 + 1)
    with pytest.raises(SpecError, match=rf"gamma_w = .* must be {SIZE}"):
        x2d.resolve(gamma_w=Fraction(1, 10**12 + 1))


def test_numbers_beyond_floats_are_infinite() -> None:
    assert approximate(Fraction(10**400)) == math.inf
    assert approximate(Fraction(-(10**400))) == -math.inf
    assert approximate(10**400 * sqrt(2)) == math.inf
    assert approximate(sqrt(2)) == pytest.approx(2**0.5)
