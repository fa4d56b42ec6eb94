"""Two networks on one page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import x3dspec
from x3dspec.cli import run
from x3dspec.report import side_by_side

Capture = pytest.CaptureFixture[str]


def test_both_networks_are_there_with_what_differs() -> None:
    page = side_by_side.html(x3dspec.load("x3d_s").resolve(), x3dspec.load("slow_r50").resolve())
    for text in ("1,962,892,112", "41,740,828,672", "× 21.3", "gamma_b", "res4", "709.4 M", "13 × 160²"):
        assert text in page
    assert not re.search(r"\b(src|href|style|on\w+)\s*=", page)
    assert "<script" not in page


def test_the_same_network_has_no_change() -> None:
    network = x3dspec.load("x3d_s").resolve()
    page = side_by_side.html(network, network)
    assert " %" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert "gamma_s" not in page


def test_the_command_takes_two_specs_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report", "x3d_s", "x3d_m"]) == 0
    assert "X3D-S and X3D-M" in Path("report.html").read_text(encoding="utf-8")
    assert run(["report", "x3d_s", "x3d_m", "--gamma-s", "2"]) == 2
    assert capsys.readouterr().err == "x3dspec report: two specs are shown as they are, in HTML\n"
