"""Emitted modules as files that other runtimes read, each held against torch before it is kept.

Importing an emitted file runs it, as any import does: export what you would import.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from x3dspec.codegen.header_reader import read_header
from x3dspec.language.errors import BadArgument, SpecError, unknown
from x3dspec.pytorch.formats import AXES, FORMATS
from x3dspec.pytorch.probe import loaded

#: Largest difference of a logit from torch's own, over the largest logit, in 32-bit floats.
TOLERANCE = 1e-4


Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Parity:
    """One clip that was run through torch and through the exported file."""

    shape: tuple[int, ...]
    difference: float

    @property
    def ok(self) -> bool:
        return self.difference <= TOLERANCE


@dataclass(frozen=True)
class Exported:
    """What was written, and how it compares. Not every parity is ok: then nothing was written."""

    format: str
    files: tuple[str, ...]
    dynamic: tuple[str, ...]
    parities: tuple[Parity, ...]

    @property
    def ok(self) -> bool:
        return all(parity.ok for parity in self.parities)


def module(path: Path, checkpoint: Path | None = None) -> tuple[nn.Module, tuple[int, ...]]:
    """The network of an emitted file in eval mode, and the clip it was counted at: (1, C, T, H, W).

    Args:
        path: the file; its factory is called as the file is.
        checkpoint: weights for it, under its own names; see ``x3dspec convert-weights``.

    Raises:
        SpecError: no emitted file, a file that does not import, weights that do not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError.at(str(path), f"cannot be read: {reason}") from None
    clip = read_header(text, str(path)).input
    network = _built(text, path)
    if checkpoint is not None:
        from x3dspec.pytorch.checkpoint import read

        state, own = read(checkpoint).state, network.state_dict()
        wrong = [f"{key} missing" for key in own if key not in state]
        wrong += [f"{key} unexpected" for key in state if key not in own]
        wrong += [
            f"{key} of another shape" for key in own if key in state and own[key].shape != state[key].shape
        ]
        if wrong:
            more = f" and {len(wrong) - 6} more" if len(wrong) > 6 else ""
            raise SpecError.at(str(checkpoint), f"does not fit {path.name}: {', '.join(wrong[:6])}{more}")
        network.load_state_dict(state)
    return network.eval(), (1, *clip)


def _built(text: str, path: Path) -> nn.Module:
    try:
        network = vars(loaded(text, str(path)))[path.stem]()
    except Exception as error:
        raise SpecError.at(str(path), f"does not build: {type(error).__name__}: {error}") from None
    if not isinstance(network, nn.Module):
        raise SpecError.at(str(path), f"{path.stem}() does not return a module")
    return network


@dataclass(frozen=True)
class Wish:
    """How to export: the open axes, ONNX's opset (None: torch's own), what an ONNX file says of itself."""

    dynamic: tuple[str, ...] = AXES
    opset: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def about(path: Path, network: nn.Module) -> dict[str, str]:
    """What an exported file says of the emitted one: the spec and its hash, the number of classes.

    Raises:
        SpecError: no emitted file.
    """
    header = read_header(path.read_text(encoding="utf-8"), str(path))
    origins = dict(zip(("spec", "base"), header.origins, strict=False))
    said = {f"x3dspec.{kind}": f"{label} sha256 {sha256}" for kind, (label, sha256) in origins.items()}
    return {"x3dspec.version": header.version, **said, "classes": str(network.num_classes)}


def export(network: nn.Module, to: str, out: Path, clip: Sequence[int], wish: Wish = Wish()) -> Exported:
    """Export a network and compare the result with it, at the clip and, if dynamic, at two others.

    Args:
        network: in eval mode.
        to: one of :data:`FORMATS`.
        out: the file; an OpenVINO model has a second one beside it.
        clip: (N, C, T, H, W) or (N, C, H, W), in elements.
        wish: what stays open, and what an ONNX file has.

    Raises:
        SpecError: an unknown format, a wrong ending, or a library that is not installed.
    """
    if to not in FORMATS:
        raise BadArgument("to", unknown("format", to, FORMATS, "the formats are"))
    if out.suffix != FORMATS[to]:
        raise SpecError.at(str(out), f"a {to} file ends in {FORMATS[to]}")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export.") as folder, _quiet():
        staged = Path(folder) / out.name
        run = WRITERS[to](network, staged, _example(clip, wish.dynamic), wish)
        parities = tuple(_compared(network, run, shape) for shape in _shapes(clip, wish.dynamic))
        written = sorted(Path(folder).iterdir()) if all(parity.ok for parity in parities) else []
        for file in written:
            shutil.move(file, out.parent / file.name)
    return Exported(to, tuple(str(out.parent / file.name) for file in written), wish.dynamic, parities)


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters warn of what has no bearing on a network of convolutions."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _axes(rank: int) -> dict[int, str]:
    """The names of a clip's dimensions."""
    return dict(enumerate(("batch", "channels", *AXES[1 if rank == 5 else 2 :])))


def _example(clip: Sequence[int], dynamic: Sequence[str]) -> Tensor:
    """The clip to trace with. An exporter takes a dimension of 1 for a constant, so no open one is 1."""
    axes = _axes(len(clip))
    return torch.zeros([2 if size == 1 and axes[i] in dynamic else size for i, size in enumerate(clip)])


def _shapes(clip: Sequence[int], dynamic: Sequence[str]) -> list[tuple[int, ...]]:
    """The clip; where axes are open, also larger batches of shorter and smaller clips, one not square."""
    if not dynamic:
        return [tuple(clip)]
    axes, small = _axes(len(clip)), max(33, clip[-2] // 2)
    tried: tuple[dict[str, Callable[[int], int]], ...] = (
        {"batch": lambda n: max(2, n), "frames": lambda n: max(2, n)},
        {"batch": lambda n: n + 2, "frames": lambda n: max(2, n // 2), "height": lambda _: small,
         "width": lambda _: small},
        {"batch": lambda n: n + 1, "frames": lambda n: n + 1, "height": lambda _: small,
         "width": lambda _: small + 32},
    )  # fmt: skip
    return [
        tuple(
            change[axes[i]](size) if axes[i] in dynamic and axes[i] in change else size
            for i, size in enumerate(clip)
        )
        for change in tried
    ]


def _compared(network: nn.Module, run: Run, shape: tuple[int, ...]) -> Parity:
    clip = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(clip)
    scale = float(expected.abs().max()) or 1.0
    return Parity(shape, float((run(clip) - expected).abs().max()) / scale)


def _open(example: Tensor, dynamic: Sequence[str]) -> dict[int, str]:
    """The open dimensions, by their names."""
    return {axis: name for axis, name in _axes(example.ndim).items() if name in dynamic}


def _torch_export(network: nn.Module, out: Path, example: Tensor, wish: Wish) -> Run:
    shapes = (dict.fromkeys(_open(example, wish.dynamic), torch.export.Dim.DYNAMIC),)
    program = torch.export.export(network, (example,), dynamic_shapes=shapes if wish.dynamic else None)
    torch.export.save(program, out)
    loaded = torch.export.load(out).module()
    return lambda clip: loaded(clip)


def _onnx(network: nn.Module, out: Path, example: Tensor, wish: Wish) -> Run:
    _needs("onnx", "onnxscript", "onnxruntime")
    import onnxruntime

    _write_onnx(network, out, example, wish)
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    return lambda clip: torch.from_numpy(session.run(None, {"clip": clip.numpy()})[0])


def _write_onnx(network: nn.Module, out: Path, example: Tensor, wish: Wish) -> None:
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        dynamic_shapes=(_open(example, wish.dynamic),) if wish.dynamic else None,
        opset_version=wish.opset,
        input_names=["clip"],
        output_names=["logits"],
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(wish.metadata)
    program.save(out, external_data=False)


def _openvino(network: nn.Module, out: Path, example: Tensor, wish: Wish) -> Run:
    _needs("openvino", "onnx", "onnxscript")
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        _write_onnx(network, onnx, example, wish)
        openvino.save_model(openvino.convert_model(onnx), out, compress_to_fp16=False)
    compiled = openvino.compile_model(out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda clip: torch.from_numpy(compiled([clip.numpy()])[0])


#: What writes each format, from an example clip; it returns what runs the file.
WRITERS: dict[str, Callable[[nn.Module, Path, Tensor, Wish], Run]] = {
    "onnx": _onnx,
    "torch-export": _torch_export,
    "openvino": _openvino,
}


def _needs(extra: str, *libraries: str) -> None:
    """Raises SpecError where a library of the extra is missing."""
    missing = [name for name in (extra, *libraries) if importlib.util.find_spec(name) is None]
    if missing:
        message = f'--to {extra} needs {", ".join(missing)}: pip install ".[{extra}]" in a clone of x3dspec'
        raise SpecError.at("", message)
