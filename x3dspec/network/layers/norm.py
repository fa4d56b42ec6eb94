"""Batch normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import FLOAT, Backward
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Norm(Layer[N]):
    """`momentum` is the share of a batch in the running statistics; `zero_init` starts the weight at 0."""

    eps: float
    momentum: float
    zero_init: bool

    macro = "norm"
    operators: ClassVar = {"native_batch_norm": "norm"}
    called = "normalisation"

    @classmethod
    def lower(cls, reader: Reader) -> Norm[Expr] | None:
        if not reader.spatial():
            return None
        eps, momentum = reader.share("eps"), reader.share("momentum")
        zero_init = reader.keys.zero_init
        return Norm(**reader.base, outputs=reader.inputs, eps=eps, momentum=momentum, zero_init=zero_init)

    def count(self) -> Cost[Any]:
        size: Any = self.inputs.elements
        channels: Any = self.inputs.channels
        return Cost(params=2 * channels, norm_elements=size, moved=2 * size + 4 * channels)

    def constraints(self) -> Constraints:
        yield from ()

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "in_channels", self.inputs.channels

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        given = dict(numbers)
        given |= {"eps": repr(self.eps)} if self.eps != 1e-5 else {}
        given |= {"momentum": repr(self.momentum)} if self.momentum != 0.1 else {}
        return given

    def backward(self, walk: Backward) -> None:
        """Its input, and the mean and deviation of every channel of the batch."""
        walk.keep()
        walk.statistics(2 * FLOAT * self.inputs.channels)  # type: ignore[operator]
        walk.make(self.outputs.elements)
        walk.trains = 1

    def tensors(self) -> Iterator[NamedShape]:
        for name in ("weight", "bias", "running_mean", "running_var"):
            yield name, (self.inputs.channels,)
        yield "num_batches_tracked", ()

    def operations(self) -> Iterator[Operation]:
        yield "norm", [*self.outputs.numbers], {"eps": self.eps, "momentum": self.momentum}
