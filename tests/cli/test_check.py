"""``x3dspec check``: every problem of every file, and a reviewer's remarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from x3dspec.cli import run

Capture = pytest.CaptureFixture[str]

LOPSIDED = """\
name: lopsided
factors:
  gamma_w: {start: 1}
input: {frames: 4, size: 97}
blocks:
  stem:
    arguments: [width, inner, stride]
    layers:
      - conv: {out: inner, kernel: 3, stride: [1, stride, stride]}
      - conv: {out: width, kernel: 1}
stages:
  - {name: one, block: stem, width: 20 * gamma_w, inner: 12, stride: 2}
  - {name: pool, layers: [mean]}
  - {name: fc, layers: [linear: {out: classes}]}
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def checked(capsys: Capture, *arguments: str) -> tuple[int, str]:
    code = run(["check", *arguments])
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def findings(capsys: Capture, *arguments: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(checked(capsys, *arguments, "--json")[1])["findings"]
    return found


def test_each_remark_has_its_place_and_its_reason(capsys: Capture) -> None:
    Path("lopsided.yaml").write_text(LOPSIDED)
    code, said = checked(capsys, "lopsided.yaml")
    assert code == 0
    assert said.splitlines()[-1] == "1 spec, 0 errors, 6 warnings"
    for remark in (
        "lopsided.yaml:4:8: warning: input: activation memory is",
        "lopsided.yaml:12:5: warning: stages[0]: stage one has ",
        "lopsided.yaml:12:37: warning: stages[0].width: stage one: width 20 is not a multiple of 8",
        "lopsided.yaml:12:58: warning: stages[0].inner: stage one: inner 12 is not a multiple of 8",
        "lopsided.yaml:12:58: warning: stages[0].inner: stage one: inner width 12 is under 16",
        "lopsided.yaml:12:70: warning: stages[0].stride: stage one: size 97 does not divide evenly",
    ):
        assert remark in said


def test_strict_makes_warnings_fail(capsys: Capture) -> None:
    assert checked(capsys, "x3d_m")[0] == 0
    assert checked(capsys, "x3d_m", "--strict")[0] == 1


def test_the_ratio_decides_about_memory(capsys: Capture) -> None:
    assert any(each["path"] == "input" for each in findings(capsys, "x3d_m"))
    assert not any(each["path"] == "input" for each in findings(capsys, "x3d_m", "--ratio", "24"))


def test_every_file_is_checked_also_after_a_wrong_one(capsys: Capture) -> None:
    Path("a.yaml").write_text("name: a\nbase: x2d\nfactors: {gamma_q: 1, gamma_r: 2}\n")
    Path("b.yaml").write_text("name: b\nbase: x2d\nset: {nothing: 1}\n")
    code, said = checked(capsys, "a.yaml", "x3d_m", "b.yaml", "gone.yaml")
    assert code == 2
    for place in ("a.yaml:3:11: error: ", "a.yaml:3:23: error: ", "b.yaml:3:", "gone.yaml: error: no such"):
        assert place in said
    assert "x3d_m: stage res2: inner 54" in said


def test_a_network_that_cannot_be_built_is_an_error(capsys: Capture) -> None:
    Path("half.yaml").write_text(LOPSIDED.replace("start: 1}", "start: 1/7}"))
    code, said = checked(capsys, "half.yaml")
    assert code == 2
    assert "half.yaml:12:37: error: stages[0].width: width 20/7 is not a whole number" in said


def test_a_published_step_that_cannot_be_followed_is_an_error(capsys: Capture) -> None:
    spec = LOPSIDED + "axes:\n  width: {gamma_w: gamma_w * m}\npublished:\n  - {axis: width, to: {}}\n"
    Path("half.yaml").write_text(spec)
    assert checked(capsys, "half.yaml")[0] == 2


def test_annotations_escape_what_would_end_them(capsys: Capture) -> None:
    Path("a,b.yaml").write_text("name: a\nbase: x2d\nfactors: {'100%': 1}\n")
    code, said = checked(capsys, "a,b.yaml", "--format", "github")
    assert code == 2
    assert said.startswith("::error file=a%2Cb.yaml,line=3,col=11::")
    assert "100%25" in said


def test_json_has_the_same_findings(capsys: Capture) -> None:
    Path("lopsided.yaml").write_text(LOPSIDED)
    found = findings(capsys, "lopsided.yaml", "gone.yaml")
    assert [each["severity"] for each in found].count("warning") == 6
    assert found[-1] == {
        "severity": "error",
        "file": "gone.yaml",
        "line": None,
        "column": None,
        "path": None,
        "message": "no such file",
    }


@pytest.mark.parametrize("ratio", ["0", "-1", "many", "sqrt(2)"])
def test_a_ratio_is_a_positive_number(ratio: str, capsys: Capture) -> None:
    assert run(["check", "x3d_m", f"--ratio={ratio}"]) == 2
    assert capsys.readouterr().err.startswith("--ratio: ")
