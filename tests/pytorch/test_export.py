"""Exports, run in their own runtimes and compared with torch."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from x3dspec import load
from x3dspec.cli import run
from x3dspec.codegen.module import source
from x3dspec.language.errors import SpecError
from x3dspec.pytorch.export import Wish, about, export, in_form, module, target
from x3dspec.pytorch.export.doctor import diagnose
from x3dspec.pytorch.export.subject import subject

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


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same small network in the forms for phones."""
    folder = tmp_path_factory.mktemp("forms")
    resolved = load("x2d").at_clip(4, 64).resolve(gamma_d="1/5", gamma_w="1/2")
    paths = {form: folder / f"tiny_{form}.py" for form in ("deploy", "flat", "stream")}
    for form, path in paths.items():
        path.write_text(source(resolved, f"tiny_{form}", form))
    return paths


#: What each target's runtime is, and what it is imported as.
RUNTIMES = {
    "torch-export": ("torch",),
    "onnx": ("onnxscript", "onnxruntime"),
    "openvino": ("onnxscript", "openvino"),
    "litert": ("litert_torch",),
    "executorch": ("executorch",),
}


@pytest.mark.parametrize("to", RUNTIMES)
@pytest.mark.parametrize("form", ["flat", "stream"])
def test_the_forms_for_phones_run_everywhere(
    forms: dict[str, Path], form: str, to: str, tmp_path: Path
) -> None:
    """A stream as its steps: the state goes from one to the next, some frames and the flush."""
    for library in RUNTIMES[to]:
        pytest.importorskip(library)
    network, clip = module(forms[form])
    found = export(
        network, to, tmp_path / f"tiny{target(to).ending}", clip, Wish((), preprocess=to == "onnx")
    )
    assert found.ok
    assert found.form == form
    assert len(found.parities) == 1
    state = list(network.initial_state()) if form == "stream" else []  # type: ignore[operator]
    assert found.inputs[1:] == tuple(state)
    assert found.outputs == ("logits", *(f"next.{name}" for name in state))


def test_a_streams_batch_can_stay_open(forms: dict[str, Path], tmp_path: Path) -> None:
    network, clip = module(forms["stream"])
    found = export(network, "torch-export", tmp_path / "tiny.pt2", clip)
    assert found.ok
    assert [parity.shape[0] for parity in found.parities] == [2, 3, 2]
    with pytest.raises(SpecError, match="the stream form's height cannot stay open"):
        export(network, "torch-export", tmp_path / "tiny.pt2", clip, Wish(("height",)))


def test_ncnn_runs_the_clip_form(emitted: Path, tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    pytest.importorskip("pnnx")
    network, clip = module(emitted)
    randomised(network)
    found = export(network, "ncnn", tmp_path / "tiny.param", clip)
    assert found.ok
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.bin", "tiny.param"]


def test_core_ml_is_inspected(forms: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("coremltools")
    network, clip = module(forms["stream"])
    found = export(network, "coreml", tmp_path / "tiny.mlpackage", clip)
    assert found.parities == ()
    assert found.inspected.endswith("convolutions, none of rank above 4")


def test_bytes_are_scaled_and_normalised_inside(forms: dict[str, Path]) -> None:
    network, clip = module(forms["flat"])
    frames = torch.randint(0, 256, (4, 64, 64, 3), dtype=torch.uint8)
    config = network.default_cfg
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))  # type: ignore[index]
    with torch.no_grad():
        expected = network((frames.permute(0, 3, 1, 2) / 255.0 - mean) / std)
        found = subject(network, clip, (), True).module(frames)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("to", "own", "wanted", "form"),
    [
        ("onnx", "train", None, "train"),
        ("onnx", "deploy", None, "deploy"),
        ("onnx", "train", "stream", "stream"),
        ("litert", "train", None, "flat"),
        ("litert", "deploy", None, "flat"),
        ("executorch", "stream_train", None, "stream"),
        ("coreml", "stream", None, "stream"),
        ("ncnn", "deploy", None, "train"),
    ],
)
def test_a_form_is_chosen(to: str, own: str, wanted: str | None, form: str) -> None:
    assert target(to).form(own, wanted) == form


def test_training_weights_go_into_the_form_that_runs(emitted: Path, tmp_path: Path, capsys: Capture) -> None:
    """The train form's file and weights; what is exported is the flat form with them."""
    network, clip = module(emitted)
    randomised(network)
    torch.save(network.state_dict(), tmp_path / "w.pt")
    flat, _ = in_form(emitted, "flat", tmp_path / "w.pt")
    clips = torch.rand(clip)
    with torch.no_grad():
        expected, found = network(clips), flat.forward_clips(clips)  # type: ignore[operator]
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
    out = tmp_path / "flat.pt2"
    command = ["export", str(emitted), "--to", "torch-export", "--form", "flat", "--static", "-o", str(out)]
    assert run([*command, "--weights", str(tmp_path / "w.pt")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "form  flat"


def test_the_doctor_says_what_runs_where(forms: dict[str, Path], capsys: Capture) -> None:
    code = run(["export", str(forms["deploy"]), "--to", "executorch", "--doctor", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["form"] == "flat"
    assert answer["doctor"]["rank"] == 4
    places = {each["operation"]: each["place"] for each in answer["doctor"]["operations"]}
    assert places["conv2d"] == "XNNPACK"
    installed = find_spec("executorch") is not None
    assert (code, answer["doctor"]["obstacles"]) == (
        (0, []) if installed else (1, ["executorch is not installed"])
    )


def test_the_doctor_finds_what_is_in_the_way(emitted: Path) -> None:
    network, clip = module(emitted)
    found = diagnose(subject(network, clip, (), False), replace(target("litert"), libraries=()))
    assert any(each.startswith("no conv3d of rank 5 there") for each in found.obstacles)


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
    monkeypatch.setattr("x3dspec.pytorch.export.parity.TOLERANCE", -1.0)
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
        (["--to", "onnx"], "-o: needs the file to write"),
        (["--to", "onnx", "--doctor", "-o", "a.onnx"], "-o: goes without --doctor"),
        (["--to", "litert", "--form", "deploy", "-o", "a.tflite"], "litert does not run the deploy form"),
        (
            ["--to", "litert", "--dynamic", "batch", "-o", "a.tflite"],
            "a litert file's sizes cannot stay open",
        ),
        (["--to", "ncnn", "--preprocess", "-o", "a.param"], "a ncnn file takes its frames as floats"),
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
