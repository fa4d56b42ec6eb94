"""torch.export's own archive, for torch, ExecuTorch's tools and AOTInductor."""

from __future__ import annotations

from pathlib import Path

import torch

from x3dspec.pytorch.export.contract import Run, Target, Wish
from x3dspec.pytorch.export.subject import Subject


def program(subject: Subject) -> torch.export.ExportedProgram:
    """The graph of a subject, its open dimensions open."""
    first, *rest = (dict.fromkeys(axes, torch.export.Dim.DYNAMIC) for axes in subject.open)
    shapes = (first, *([tuple(rest)] if rest else [])) if subject.dynamic else None
    return torch.export.export(subject.module, subject.example, dynamic_shapes=shapes)


def _write(subject: Subject, out: Path, wish: Wish) -> Run:
    torch.export.save(program(subject), out)
    loaded = torch.export.load(out).module()

    def run(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        answer = loaded(*inputs)
        return answer if isinstance(answer, tuple) else (answer,)

    return run


TARGET = Target(
    name="torch-export",
    ending=".pt2",
    libraries=("torch",),
    forms=("train", "deploy", "flat", "stream", "stream_train"),
    because="",
    place=lambda operation, rank: "torch",
    open=True,
    bytes=True,
    write=_write,
)
