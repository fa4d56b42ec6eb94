"""ExecuTorch, its operations lowered to XNNPACK."""

from __future__ import annotations

from pathlib import Path

import torch

from x3dspec.pytorch.export import xnnpack
from x3dspec.pytorch.export.contract import Run, Target, Wish
from x3dspec.pytorch.export.subject import Subject
from x3dspec.pytorch.export.torch_export import program


def _write(subject: Subject, out: Path, wish: Wish) -> Run:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower
    from executorch.runtime import Runtime

    edge = to_edge_transform_and_lower(program(subject), partitioner=[XnnpackPartitioner()])
    out.write_bytes(edge.to_executorch().buffer)
    method = Runtime.get().load_program(out).load_method("forward")

    def run(inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return tuple(answer.clone() for answer in method.execute(inputs))

    return run


TARGET = Target(
    name="executorch",
    ending=".pte",
    libraries=("executorch",),
    forms=("flat", "stream"),
    because=xnnpack.BECAUSE,
    place=xnnpack.place,
    open=False,
    bytes=True,
    write=_write,
)
