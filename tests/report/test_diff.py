"""``x3dspec diff``: what changed between two networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import x3dspec
from x3dspec.cli import run
from x3dspec.report.diff import compare

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def answer(capsys: Capture, *arguments: str) -> str:
    assert run(["diff", *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def document(capsys: Capture, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(capsys, *arguments, "--json"))
    return found


def test_two_presets_differ_by_their_factors(capsys: Capture) -> None:
    found = document(capsys, "x3d_s", "x3d_m")
    assert {each["name"] for each in found["factors"]} == {"gamma_tau", "gamma_t", "gamma_s"}
    macs = next(each for each in found["cost"] if each["name"] == "macs")
    assert macs == {"name": "macs", "before": 1_962_892_112, "after": 4_732_468_736}
    assert not found["same"]


def test_a_spec_differs_from_itself_at_other_factors_as_the_presets_do(capsys: Capture) -> None:
    changed = ["--gamma-s", "2", "--gamma-t=16", "--gamma-tau", "5"]
    ours, theirs = document(capsys, "x3d_s", *changed), document(capsys, "x3d_s", "x3d_m")
    for key in ("factors", "clip", "stages", "cost"):
        assert ours[key] == theirs[key]


def test_only_what_differs_is_said(capsys: Capture) -> None:
    found = document(capsys, "x3d_m", "--set", "squeeze_excite=none")
    assert found["options"] == [{"name": "squeeze_excite", "before": "alternate", "after": "none"}]
    assert [stage["name"] for stage in found["stages"]] == ["res2", "res3", "res4", "res5"]
    for stage in found["stages"]:
        names = [change["name"] for change in stage["changes"]]
        assert names == ["operations", "params", "activations"]


def test_the_same_network_is_called_so(capsys: Capture) -> None:
    said = answer(capsys, "x3d_m", "--gamma-d", "2.15")
    assert said.splitlines()[-1] == "the same network"
    assert "gamma_d" in said


def test_a_convention_counts_both(capsys: Capture) -> None:
    said = answer(capsys, "x3d_s", "x3d_m", "--convention", "torch")
    assert f"{2 * 4_732_468_736:,}" in said
    assert "FLOPs" in said


def test_stages_are_matched_by_name() -> None:
    ours, theirs = x3dspec.load("slow_r50").resolve(), x3dspec.load("x3d_m").resolve()
    found = {stage.name: stage.only for stage in compare(ours, theirs).stages}
    assert list(found) == ["conv1", "res2", "res3", "res4", "res5", "conv5", "pool5", "fc", "fc1", "fc2"]
    assert found["fc"] == "before"
    assert found["conv5"] == found["fc2"] == "after"
    assert found["res2"] is None


@pytest.mark.parametrize(
    "specs", [("x3d_xs", "x3d_xl"), ("x2d", "csn_r101"), ("i3d_r50", "efficientnet_b7"), ("c2d_r50", "x3d_s")]
)
def test_pages_fit_80_columns(specs: tuple[str, str], capsys: Capture) -> None:
    assert max(map(len, answer(capsys, *specs).splitlines())) <= 80


@pytest.mark.parametrize(
    "arguments",
    [("x3d_m",), ("x3d_m", "x3d_s", "x2d"), ("x3d_m", "x3d_s", "--gamma-s", "2"), ("a", "b", "--set", "c=d")],
)
def test_it_takes_two_specs_or_one_and_a_change(arguments: tuple[str, ...], capsys: Capture) -> None:
    assert run(["diff", *arguments]) == 2
    assert capsys.readouterr().err.startswith("x3dspec diff: takes two specs, or one spec and ")
