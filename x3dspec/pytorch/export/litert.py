"""LiteRT, once TensorFlow Lite: Android and the web."""

from __future__ import annotations

from pathlib import Path

import torch

from x3dspec.pytorch.export import xnnpack
from x3dspec.pytorch.export.contract import Run, Target, Wish
from x3dspec.pytorch.export.subject import Subject


def _write(subject: Subject, out: Path, wish: Wish) -> Run:
    import litert_torch
    from ai_edge_litert.interpreter import Interpreter

    litert_torch.convert(subject.module, subject.example).export(str(out))
    interpreter = Interpreter(str(out), num_threads=1)
    signature = interpreter.get_signature_runner()

    kinds = {name: each["dtype"] for name, each in signature.get_input_details().items()}

    def run(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        given = {f"args_{i}": x.numpy() for i, x in enumerate(inputs)}
        answers = signature(**{name: x.astype(kinds[name]) for name, x in given.items()})  # counts in 32 bits
        return tuple(torch.as_tensor(answers[f"output_{i}"]) for i in range(len(subject.outputs)))

    return run


TARGET = Target(
    name="litert",
    ending=".tflite",
    libraries=("litert_torch", "ai_edge_litert"),
    forms=("flat", "stream"),
    because=f"{xnnpack.BECAUSE}, and LiteRT no convolution in groups but in 2-D",
    place=xnnpack.place,
    open=False,
    bytes=True,
    write=_write,
)
