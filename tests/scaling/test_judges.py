"""Judges: what they score, what they refuse, and how they stand against the published order."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

import x3dspec
from x3dspec import Architecture, Infeasible, SpecError
from x3dspec.cli.app import run
from x3dspec.scaling.judges import (
    BUILT_IN,
    MAX_DEPTH_RATIO,
    Candidate,
    Score,
    depth_ratio,
    fan_in,
    judge,
    path,
)

FAMILY = ("x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl")


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def candidate(name: str, **options: str) -> Candidate:
    return Candidate(x3dspec.load(name).choose(**options), "", {})


def tried(x2d: Architecture, *history: str) -> list[Candidate]:
    return [Candidate(x2d, axis, {}, history) for axis in x2d.source.network.axes]


def first(scores: Sequence[Score], candidates: Sequence[Candidate]) -> str:
    values = [-math.inf if each.value is None else each.value for each in scores]
    return candidates[values.index(max(values))].axis


def test_turns_follow_the_order_and_what_was_taken(x2d: Architecture) -> None:
    assert first(BUILT_IN["published"](tried(x2d)), tried(x2d)) == "bottleneck"
    options = tried(x2d, "bottleneck", "fast", "spatial")
    assert first(BUILT_IN["published"](options), options) == "depth"
    skipped = tried(x2d, "bottleneck", "spatial")  # fast could not take its step
    assert first(BUILT_IN["published"](skipped), skipped) == "depth"
    options = tried(x2d, "fast", "temporal")
    assert first(BUILT_IN["round-robin"](options), options) == "spatial"
    eleven = tuple(waypoint.axis for waypoint in x2d.source.network.published)
    assert first(BUILT_IN["published"](tried(x2d, *eleven)), tried(x2d)) == "bottleneck"


def test_entropy_by_hand() -> None:
    """X2D's stem and last convolution, and what a 1x1x1 adds: half the logarithm of its input."""
    found = path(candidate("x2d").resolved.network)
    stem, temporal, *_, last = found
    assert [fan_in(conv) for conv in (stem, temporal, last)] == [27, 5, 192]
    by_hand = 0.0
    for conv in found:
        t, r, _ = conv.outputs.sizes
        kt, k, _ = conv.kernel
        cos = (t * kt + 2 * r * k) / (math.hypot(t, r, r) * math.hypot(kt, k, k))
        alpha = 1.0 if kt * k == 1 else -math.log(max(1 - cos, 1e-3))
        by_hand += math.log(fan_in(conv) * alpha) / 2
    [score] = BUILT_IN["entropy"]([candidate("x2d")])
    assert score.value == pytest.approx(by_hand + math.log(192))


def test_entropy_is_finite_where_the_formula_diverges() -> None:
    """T : R = kt : k happens: at one frame a pixel, say."""
    [score] = BUILT_IN["entropy"]([Candidate(x3dspec.load("x2d"), "", {"gamma_t": Fraction(28)})])
    assert score.value is not None
    assert math.isfinite(score.value)


def test_depth_is_capped() -> None:
    for name in FAMILY:
        assert depth_ratio(path(candidate(name).resolved.network)) < MAX_DEPTH_RATIO
    deep = Candidate(x3dspec.load("x2d"), "", {"gamma_d": Fraction(20)})
    for name in ("entropy", "deepmad"):
        [score] = BUILT_IN[name]([deep])
        assert score.value is None
        assert "layers per mean width" in score.note


def test_entropy_grows_along_the_family() -> None:
    for name in ("entropy", "deepmad"):
        values = [BUILT_IN[name]([candidate(each)])[0].value or 0 for each in FAMILY]
        assert values == sorted(values)


def fewest_frames(candidates: Sequence[Candidate]) -> list[float]:
    return [-float(each.resolved.network.frames or 0) for each in candidates]


def too_few(candidates: Sequence[Candidate]) -> list[float]:
    return [1.0]


def words(candidates: Sequence[Candidate]) -> list[object]:
    return ["good"] * len(candidates)


def infinite(candidates: Sequence[Candidate]) -> list[float]:
    return [math.inf] * len(candidates)


def test_a_function_of_somebody_else(x2d: Architecture) -> None:
    found = dict(judge(f"{__name__}:fewest_frames")(tried(x2d)))
    assert [found[index].value for index in range(6)] == [-1.0] * 6
    assert all(score.value is None for _, score in judge(f"{__name__}:infinite")(tried(x2d)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("entrpy", "did you mean entropy"),
        ("no.such:thing", "No module named 'no'"),
        (f"{__name__}:nothing", "has no attribute 'nothing'"),
        (f"{__name__}:too_few", "1 scores for 6 candidates"),
        (f"{__name__}:words", "which is no number"),
    ],
)
def test_bad_judges(x2d: Architecture, name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        list(judge(name)(tried(x2d)))


#: A judge's module, and what is said of it: it has its own file and line.
BROKEN = {
    "raises": ("def f(candidates):\n    return g(candidates)\ndef g(c):\n    return [c[0].cost]\n",
               1, r"^broken\.py:4: --judge broken:f: AttributeError: .* has no attribute 'cost'$"),
    "raises elsewhere": ("import json\ndef f(candidates):\n    return [json.loads('') for c in candidates]\n",
                         1, r"^broken\.py:3: --judge broken:f: JSONDecodeError: Expecting value"),
    "many lines": ("def f(candidates):\n    raise ValueError('a\\nb')\n",
                   1, r"^broken\.py:2: --judge broken:f: ValueError: a$"),
    "exits": ("import sys\ndef f(candidates):\n    sys.exit('no data')\n",
              1, r"^broken\.py:3: --judge broken:f: SystemExit: no data$"),
    "lazy": ("def f(candidates):\n    for each in candidates:\n        yield 1 / 0\n",
             1, r"^broken\.py:3: --judge broken:f: ZeroDivisionError: division by zero$"),
    "import raises": ("a = 1\nb = a / 0\n", 2, r"^broken\.py:2: --judge broken:f: ZeroDivisionError"),
    "import exits": ("raise SystemExit(3)\n", 2, r"^broken\.py:1: --judge broken:f: SystemExit: 3$"),
    "syntax": ("a = 1\ndef f(:\n", 2, r"^broken\.py:2: --judge broken:f: SyntaxError: invalid syntax$"),
    "its import": ("import numpyy\n", 2, r"^broken\.py:1: --judge broken:f: ModuleNotFoundError: No module"),
    "no function": ("f = 7\n", 2, r"^--judge: broken:f is no function$"),
    "one number": ("def f(candidates):\n    return 7\n", 2, r"broken:f gave 7, which is no list of numbers$"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_judge_is_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its module is found in the current folder."""
    text, code, message = BROKEN[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    (tmp_path / "broken.py").write_text(text)
    assert run(["expand", "x2d", "--judge", "broken:f", "--steps", "1"]) == code
    [line] = capsys.readouterr().err.splitlines()
    assert re.search(message, line), line


def test_a_function_that_is_no_judge(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["expand", "x2d", "--judge", "json:dumps", "--steps", "1"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert re.search(r"json/__init__\.py:\d+: --judge json:dumps: TypeError: .*Candidate", line)
    assert run(["expand", "x2d", "--judge", "math:sqrt", "--steps", "1"]) == 1
    assert capsys.readouterr().err.startswith("--judge: math:sqrt: TypeError: must be real number")


def test_the_current_folder_comes_last(
    x2d: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file there is not imported in place of a library."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    (tmp_path / "colorsys.py").write_text("raise SystemExit('not this')\n")
    with pytest.raises(Infeasible, match="colorsys"):
        list(judge("colorsys:rgb_to_hsv")(tried(x2d)))


def test_the_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judges", "--compare", "--json"]) == 0
    found = {each["judge"]: each for each in json.loads(capsys.readouterr().out)["judges"]}
    assert set(found) == set(BUILT_IN)
    assert found["published"]["matches"] == 11
    assert found["published"]["ranks"] == [1] * 11
    for name, standing in found.items():
        assert len(standing["ranks"]) == len(standing["axes"]) == 11
        assert name == "published" or standing["matches"] <= standing["merged"] < 11
