"""ncnn, by way of pnnx. It has 3-D convolutions and no batch: the clip form, one clip at a time."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch

from x3dspec.pytorch.export.contract import Run, Target, Wish
from x3dspec.pytorch.export.subject import Subject


def _write(subject: Subject, out: Path, wish: Wish) -> Run:
    import ncnn
    import pnnx

    weights = out.with_suffix(".bin")
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "network.pt"
        pnnx.export(subject.module, str(trace), subject.example, fp16=False)
        shutil.move(trace.with_suffix(".ncnn.param"), out)
        shutil.move(trace.with_suffix(".ncnn.bin"), weights)
    network = ncnn.Net()
    network.opt.num_threads = 1
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
    network.load_param(str(out))
    network.load_model(str(weights))

    def run(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        extractor = network.create_extractor()
        extractor.input("in0", ncnn.Mat(inputs[0][0].contiguous().numpy()).clone())
        _, logits = extractor.extract("out0")
        return (torch.as_tensor(logits.numpy()).clone()[None],)

    return run


TARGET = Target(
    name="ncnn",
    ending=".param",
    libraries=("ncnn", "pnnx"),
    forms=("train",),
    because="ncnn has no batch, which frames would be, and no integers, which a stream counts in",
    place=lambda operation, rank: "ncnn, on the CPU",
    open=False,
    bytes=False,
    write=_write,
)
