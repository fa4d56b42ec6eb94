"""ONNX, compared in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import torch

from x3dspec.pytorch.export.contract import Run, Target, Wish
from x3dspec.pytorch.export.subject import Subject


def _write(subject: Subject, out: Path, wish: Wish) -> Run:
    import onnxruntime

    write_onnx(subject, out, wish)
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    kept = {each.name for each in session.get_inputs()}

    def run(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        given = {n: x.numpy() for n, x in zip(subject.inputs, inputs, strict=True) if n in kept}
        return tuple(map(torch.as_tensor, session.run(list(subject.outputs), given)))

    return run


def write_onnx(subject: Subject, out: Path, wish: Wish) -> None:
    """The file alone."""
    first, *rest = subject.open
    program = torch.onnx.export(
        subject.module,
        subject.example,
        dynamo=True,
        dynamic_shapes=(first, *([tuple(rest)] if rest else [])) if subject.dynamic else None,
        opset_version=wish.opset,
        input_names=list(subject.inputs),
        output_names=list(subject.outputs),
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(wish.metadata)
    program.save(out, external_data=False)


TARGET = Target(
    name="onnx",
    ending=".onnx",
    libraries=("onnx", "onnxscript", "onnxruntime"),
    forms=("train", "deploy", "flat", "stream", "stream_train"),
    because="",
    place=lambda operation, rank: "ONNX Runtime, on the CPU",
    open=True,
    bytes=True,
    write=_write,
)
