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
    assert {
        "MACs after each step, as published, logarithmic",
        "x3d_xs",
        "x3d_xl",
        "gamma_s 2",
        "gamma_d 2.2",
    } <= set(said)
    without = words(figures.network(x3dspec.load("efficientnet_b0").resolve()))
    assert "MACs after each step, as published, logarithmic" not in without


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
        assert (
            capsys.readouterr().err
            == "--plot: steps.pdf: no PDF is drawn here; an .svg converts to one, as by rsvg-convert -f pdf\n"
        )
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
        assert len(list(charts.ticks(low, high))) >= 2


def test_a_factor_that_starts_at_nothing_is_shown_over_its_range() -> None:
    [phi] = [
        curve for curve in curves.curves(x3dspec.load("efficientnet").resolve()) if curve.factor == "phi"
    ]
    assert phi.points[0][0] == 0
    assert phi.points[-1][0] >= 7
    assert phi.points[-1][1] > 10 * phi.points[0][1]


def test_a_front_has_its_axes_and_answer() -> None:
    points = [{"params": 10**6, "macs": 10**8}, {"params": 2 * 10**6, "macs": 3 * 10**8}]
    picture = figures.front(points, "params", "macs", ["1 GFLOPs"])
    said = words(picture)
    assert said[0] == "2 networks with the least params for their MACs"
    assert {"MACs, logarithmic", "params, logarithmic", "1 M", "100 M", "300 M"} <= set(said)
    assert len(list(ElementTree.fromstring(picture).iter(f"{SVG}circle"))) == 2
    assert words(figures.front(points[:1], "params", "macs", []))[0].startswith("one network with")


def test_a_difference_has_every_stage_of_both() -> None:
    before, after = x3dspec.load("x3d_m").resolve(), x3dspec.load("slow_r50").resolve()
    said = words(figures.difference(before, after))
    assert said[0] == "X3D-M: 4.732 G to 41.74 G MACs (+782.0 %)"
    assert {"x3d_m", "slow_r50", "res2", "fc1", "fc"} <= set(said)
    changed = before.architecture.resolve(gamma_s="3/2")
    assert {"before", "after", "1.711 G → 1.049 G  -38.7 %"} <= set(
        words(figures.difference(before, changed))
    )


def test_times_are_whole_bars_of_the_largest_kinds() -> None:
    kinds_of = {f"kind{index}": 0.125 for index in range(8)}
    picture = figures.times([("a.py", 20.0, kinds_of), ("b.py", 40.0, {"norm": 1.0})], 2.0, "a batch")
    assert words(picture)[0] == "a.py: 20.0 ms; b.py takes 2.00 times as long"
    assert {"other", "norm", "milliseconds a batch, median, by kind of operation"} <= set(words(picture))
    bars = [each for each in ElementTree.fromstring(picture).iter(f"{SVG}rect") if each.get("height") == "18"]
    widths = [float(each.get("width") or 0) for each in bars]
    assert sum(widths[-1:]) == pytest.approx(582, abs=0.2)
    assert sum(widths[:-1]) == pytest.approx(291, abs=0.4)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["diff", "x3d_m", "--gamma-s", "1.5"], "X3D-M: 4.732 G to 2.927 G MACs (-38.2 %)"),
        (["budget", "--target", "40MMACs"], "40 M MACs from x2d: "),
        (
            ["search", "x2d", "--max", "60MFLOPs", "--fix", "gamma_tau=24", "--pareto", "params,macs"],
            " the least params for their MACs",
        ),
    ],
)
def test_commands_draw_their_answer(command: list[str], said: str, tmp_path: Path, capsys: Capture) -> None:
    fixed = (
        [f"--fix={name}=1" for name in ("gamma_t", "gamma_s", "gamma_d")] if command[0] == "search" else []
    )
    assert run([*command, *fixed, "--plot", str(tmp_path / "a.svg")]) == 0
    assert said in words((tmp_path / "a.svg").read_text(encoding="utf-8"))[0]
    assert run([*command, *fixed, "--plot", str(tmp_path / "a.pdf")]) == 2
    assert "no PDF is drawn here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "option"), [("judges", "--compare"), ("search --max 1GFLOPs", "--pareto")]
)
def test_a_plot_of_what_was_not_asked_for(command: str, option: str, capsys: Capture) -> None:
    assert run([*command.split(), "--plot", "a.svg"]) == 2
    assert capsys.readouterr().err == f"--plot: draws what {option} finds\n"
