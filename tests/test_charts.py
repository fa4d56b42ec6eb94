"""Charts as SVG: well formed, complete, and nothing of a spec's text is markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import x3dspec
from x3dspec import charts, kinds
from x3dspec.cli import run

SVG = "{http://www.w3.org/2000/svg}"
Capture = pytest.CaptureFixture[str]


def words(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["x2d", "x3d_m", "efficientnet_b3", "csn_r101"])
def test_kinds_add_up_to_the_network(name: str) -> None:
    resolved = x3dspec.load(name).resolve()
    tallies = kinds.costs(resolved.network).values()
    for quantity in ("macs", "params", "activations"):
        assert sum(getattr(tally, quantity) for tally in tallies) == getattr(resolved.cost(), quantity)


def test_bars_have_every_stage_and_kind() -> None:
    resolved = x3dspec.load("x3d_m").resolve()
    said = words(charts.cost(resolved))
    assert said[0] == "X3D-M: 4.732 G MACs"
    for name in (*(stage.name for stage in resolved.network.stages), "channel-wise convolution", "36.2 %"):
        assert name in said


def test_a_trajectory_marks_what_has_a_name() -> None:
    points = [
        charts.Point("start", 10**7),
        charts.Point("fast", 2 * 10**7, "half"),
        charts.Point("wide", 10**8),
    ]
    picture = charts.trajectory(points, "steps", limit=9 * 10**7)
    said = words(picture)
    assert {"steps", "target 90 M", "half", "start", "fast", "wide"} <= set(said)
    assert len(list(ElementTree.fromstring(picture).iter(f"{SVG}circle"))) == 3


def test_text_of_a_spec_is_no_markup() -> None:
    resolved = x3dspec.load("x2d").resolve()
    identity = replace(resolved.network.identity, title="<script>alert(1)</script>&")
    hostile = replace(resolved, network=replace(resolved.network, identity=identity))
    assert words(charts.cost(hostile))[0].startswith("<script>alert(1)</script>&")


def test_commands_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report", "x3d_m", "--format", "svg"]) == 0
    assert "X3D-M: 4.732 G MACs" in words(Path("report.svg").read_text(encoding="utf-8"))
    asked = ["budget", "--target", "2GFLOPs", "--order", "published"]
    assert run([*asked, "--plot", "steps.svg"]) == 0
    assert "x3d_xs" in words(Path("steps.svg").read_text(encoding="utf-8"))
    capsys.readouterr()
    assert run([*asked, "--plot", "steps.pdf"]) == 2
    assert capsys.readouterr().err == "--plot: steps.pdf must be a .svg of its own\n"
