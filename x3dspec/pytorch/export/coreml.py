"""Core ML, which runs on Apple's systems alone: elsewhere the package is written and inspected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from x3dspec.language.errors import Infeasible
from x3dspec.pytorch.export.contract import Target, Wish
from x3dspec.pytorch.export.subject import Subject
from x3dspec.pytorch.export.torch_export import program


def _write(subject: Subject, out: Path, wish: Wish) -> str:
    import coremltools

    model = coremltools.convert(
        program(subject).run_decompositions({}),
        minimum_deployment_target=coremltools.target.iOS17,
        compute_precision=coremltools.precision.FLOAT32,
    )
    model.save(str(out))
    ranks = list(_ranks(model.get_spec()))
    if not ranks or max(ranks) > 4:
        raise Infeasible(f"Core ML would get a tensor of rank {max(ranks, default=0)}")
    return f"not run: Core ML is Apple's; {len(ranks)} convolutions, none of rank above 4"


def _ranks(spec: Any) -> Iterator[int]:
    """The rank of what every convolution of a program gives."""
    for function in spec.mlProgram.functions.values():
        for block in function.block_specializations.values():
            for operation in block.operations:
                if operation.type == "conv":
                    yield operation.outputs[0].type.tensorType.rank


TARGET = Target(
    name="coreml",
    ending=".mlpackage",
    libraries=("coremltools",),
    forms=("flat", "stream"),
    because="the Neural Engine has no 3-D convolutions",
    place=lambda operation, rank: (
        "the Neural Engine, the GPU or the CPU, as Core ML decides" if rank < 5 else None
    ),
    open=False,
    bytes=False,
    write=_write,
)
