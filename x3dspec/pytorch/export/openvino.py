"""OpenVINO, by way of ONNX."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from x3dspec.pytorch.export.contract import Run, Target, Wish
from x3dspec.pytorch.export.onnx import write_onnx
from x3dspec.pytorch.export.subject import Subject


def _write(subject: Subject, out: Path, wish: Wish) -> Run:
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "network.onnx"
        write_onnx(subject, onnx, wish)
        openvino.save_model(openvino.convert_model(onnx), out, compress_to_fp16=False)
    compiled = openvino.compile_model(out, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        answers = compiled({n: x.numpy() for n, x in zip(subject.inputs, inputs, strict=True)})
        return tuple(torch.from_numpy(answers[name].copy()) for name in subject.outputs)

    return run


TARGET = Target(
    name="openvino",
    ending=".xml",
    libraries=("openvino", "onnx", "onnxscript"),
    forms=("train", "deploy", "flat", "stream", "stream_train"),
    because="",
    place=lambda operation, rank: "OpenVINO, on the CPU",
    open=True,
    bytes=True,
    write=_write,
)
