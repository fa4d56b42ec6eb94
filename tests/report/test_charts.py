"""Charts as SVG: well formed, complete, and nothing of a spec's text is markup."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest

import x3dspec
from x3dspec.cli import run
from x3dspec.language.errors import SpecError
from x3dspec.network import kinds
from x3dspec.report import charts, curves, figures

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
    said = words(figures.network(resolved))
    assert said[0] == "X3D-M: 4.732 G MACs"
    for name in (*(stage.name for stage in resolved.network.stages), "channel-wise convolution", "36.2 %"):
        assert name in said


def test_a_trajectory_marks_what_has_a_name() -> None:
    points = [
        charts.Point("start", 10**7),
        charts.Point("fast", 2 * 10**7, "half"),
        charts.Point("wide", 10**8),
    ]
    picture = charts.picture("", [charts.trajectory(points, "steps", limit=9 * 10**7)])
    said = words(picture)
    assert {"steps", "target 90 M", "half", "start", "fast", "wide"} <= set(said)
    assert len(list(ElementTree.fromstring(picture).iter(f"{SVG}circle"))) == 3


def test_text_of_a_spec_is_no_markup() -> None:
    resolved = x3dspec.load("x2d").resolve()
    identity = replace(resolved.network.identity, title="<script>alert(1)</script>&")
    hostile = replace(resolved, network=replace(resolved.network, identity=identity))
    assert words(figures.network(hostile))[0].startswith("<script>alert(1)</script>&")


def test_a_network_has_its_expansion_and_its_curves() -> None:
    said = words(figures.network(x3dspec.load("x3d_m").resolve()))
    assert {"step by step, as published", "x3d_xs", "x3d_xl", "gamma_s 2", "gamma_d 2.2"} <= set(said)
    without = words(figures.network(x3dspec.load("efficientnet_b0").resolve()))
    assert "step by step, as published" not in without


@pytest.mark.parametrize("name", ["x3d_m", "efficientnet_b3", "mobilenet_v3_large", "x2d"])
def test_a_curve_has_the_counts_of_its_values(name: str) -> None:
    resolved = x3dspec.load(name).resolve()
    found = list(curves.curves(resolved))
    assert found
    for curve in found:
        values = [value for value, _ in curve.points]
        assert values == sorted(values)
        assert dict(curve.points)[curve.value] == resolved.cost().macs
    last = found[-1]
    value, count = last.points[0]
    exactly = resolved.architecture.at({**resolved.setting, last.factor: Fraction(str(value))})
    assert exactly.cost().macs == count


def test_commands_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report", "x3d_m", "--format", "svg"]) == 0
    assert "X3D-M: 4.732 G MACs" in words(Path("report.svg").read_text(encoding="utf-8"))
    asked = ["budget", "--target", "2GFLOPs", "--order", "published"]
    assert run([*asked, "--plot", "steps.svg"]) == 0
    assert "x3d_xs" in words(Path("steps.svg").read_text(encoding="utf-8"))
    assert run(["expand", "x2d", "--target", "2GFLOPs", "--plot", "expanded.svg"]) == 0
    assert {"bottleneck", "target 2 G"} <= set(words(Path("expanded.svg").read_text(encoding="utf-8")))
    capsys.readouterr()
    for command in (asked, ["expand", "x2d"]):
        assert run([*command, "--plot", "steps.pdf"]) == 2
        assert capsys.readouterr().err == "--plot: steps.pdf must end in .svg or .png\n"
        assert run([*command, "--plot", "one.svg", "-o", "one.svg"]) == 2
        assert "is the file of -o too" in capsys.readouterr().err
    assert not Path("one.svg").exists()


def test_png_is_the_same_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    pytest.importorskip("resvg_py")
    monkeypatch.chdir(tmp_path)
    if run(["report", "x2d", "--format", "png"]) == 2:
        pytest.skip(capsys.readouterr().err)
    assert run(["report", "x2d", "--format", "svg"]) == 0
    assert run(["budget", "--target", "50MFLOPs", "--plot", "steps.png"]) == 0
    for file in ("report.png", "steps.png"):
        assert Path(file).read_bytes().startswith(b"\x89PNG\r\n")
    picture = ElementTree.fromstring(Path("report.svg").read_text(encoding="utf-8"))
    width, height = struct.unpack(">II", Path("report.png").read_bytes()[16:24])
    assert (width, height) == tuple(figures.ZOOM * int(picture.attrib[side]) for side in ("width", "height"))


def test_a_system_without_fonts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    resvg = pytest.importorskip("resvg_py")
    drawing = resvg.svg_to_bytes
    monkeypatch.setattr(resvg, "svg_to_bytes", lambda **given: drawing(**given, skip_system_fonts=True))
    with pytest.raises(SpecError, match="png needs a font"):
        figures.renderer()


def test_a_scale_has_at_least_three_counts(tmp_path: Path, capsys: Capture) -> None:
    plot = tmp_path / "steps.svg"
    assert run(["budget", "--target", "4M params", "--plot", str(plot)]) == 0
    capsys.readouterr()
    assert {"2 M", "3 M"} <= set(words(plot.read_text(encoding="utf-8")))
    for low, high in ((6.0, 6.5), (6.4, 7.2), (5.0, 11.0)):
        assert len(list(charts._ticks(low, high))) >= 2


def test_a_factor_that_starts_at_nothing_is_shown_over_its_range() -> None:
    [phi] = [
        curve for curve in curves.curves(x3dspec.load("efficientnet").resolve()) if curve.factor == "phi"
    ]
    assert phi.points[0][0] == 0
    assert phi.points[-1][0] >= 7
    assert phi.points[-1][1] > 10 * phi.points[0][1]
