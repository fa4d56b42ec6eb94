"""Exports, run in their own runtimes and compared with torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from x3dspec import load
from x3dspec.cli import run
from x3dspec.codegen.module import source
from x3dspec.pytorch.export import Wish, about, export, module

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video network: every layer kind of the family, few blocks."""
    path = tmp_path_factory.mktemp("emitted") / "tiny.py"
    resolved = load("x2d").at_clip(4, 64).resolve(gamma_d="1/5", gamma_w="1/2")
    path.write_text(source(resolved, "tiny"))
    return path


@pytest.mark.parametrize(
    ("to", "ending"), [("torch-export", ".pt2"), ("onnx", ".onnx"), ("openvino", ".xml")]
)
def test_exports_agree_at_three_shapes(emitted: Path, to: str, ending: str, tmp_path: Path) -> None:
    if to != "torch-export":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime" if to == "onnx" else "openvino")
    network, clip = module(emitted)
    assert clip == (1, 3, 4, 64, 64)
    randomised(network)
    found = export(network, to, tmp_path / f"tiny{ending}", clip)
    assert found.ok
    assert [parity.shape for parity in found.parities] == [
        (2, 3, 4, 64, 64),
        (3, 3, 2, 33, 33),
        (2, 3, 5, 33, 65),
    ]
    assert all(Path(file).stat().st_size > 1000 for file in found.files)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(Path(file).name for file in found.files)


def test_onnx_has_names_and_says_whose_it_is(emitted: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    network, clip = module(emitted)
    out = tmp_path / "tiny.onnx"
    found = export(network, "onnx", out, clip, Wish(("batch",), 18, about(emitted, network)))
    assert found.ok
    assert [parity.shape[1:] for parity in found.parities] == [(3, 4, 64, 64)] * 3
    model = onnx.load(out)
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["batch", 3, 4, 64, 64]
    assert model.opset_import[0].version == 18
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["classes"] == "400"
    assert said["x3dspec.spec"].startswith("specs/x2d.yaml sha256 ")


def randomised(network: torch.nn.Module) -> None:
    """Statistics that make every normalisation matter."""
    torch.manual_seed(0)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm3d):
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            part.running_mean.normal_(std=0.1)  # type: ignore[union-attr]
            part.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]


def test_a_disagreement_writes_nothing(
    emitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("x3dspec.pytorch.export.TOLERANCE", -1.0)
    out = tmp_path / "tiny.pt2"
    assert run(["export", str(emitted), "--to", "torch-export", "--static", "-o", str(out)]) == 1
    assert "does not agree with torch" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_weights_are_loaded_strictly(emitted: Path, tmp_path: Path, capsys: Capture) -> None:
    network, _ = module(emitted)
    torch.save(network.state_dict(), tmp_path / "w.pt")
    arguments = [
        "export",
        str(emitted),
        "--to",
        "torch-export",
        "--static",
        "--weights",
        str(tmp_path / "w.pt"),
    ]
    assert run([*arguments, "-o", str(tmp_path / "a.pt2"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parity"][0]["ok"]
    torch.save({"fc2.bias": torch.zeros(3)}, tmp_path / "w.pt")
    assert run([*arguments, "-o", str(tmp_path / "b.pt2")]) == 2
    assert "w.pt" in capsys.readouterr().err
    assert not (tmp_path / "b.pt2").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "onx", "-o", "a.onnx"], "unknown format 'onx'; did you mean onnx?"),
        (["--to", "onnx", "-o", "a.pt"], "a.pt: a onnx file ends in .onnx"),
        (["--to", "onnx", "-o", "a.onnx", "--weights", "none.pt"], "none.pt"),
    ],
)
def test_wrong_turns(
    emitted: Path,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["export", str(emitted), *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_emitted_file(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "other.py"
    path.write_text("raise SystemExit\n")
    assert run(["export", str(path), "--to", "onnx", "-o", str(tmp_path / "a.onnx")]) == 2
    assert "is not an emitted file" in capsys.readouterr().err
