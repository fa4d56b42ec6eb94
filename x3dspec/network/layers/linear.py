"""Fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints, count
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.conv import flag, weighted
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation, Shape, weights
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Linear(Layer[N]):
    """Features to features, after a mean; at every position of its window."""

    bias: bool

    macro = "linear"
    operators: ClassVar = {"addmm": "linear", "mm": "linear"}
    called = "linear"

    @classmethod
    def lower(cls, reader: Reader) -> Linear[Expr] | None:
        if reader.inputs.sizes:
            reader.report(reader.origin, "needs a mean before it, which leaves channels alone")
            return None
        outputs = Shape[Expr](reader.expression("out"), (), reader.inputs.positions)
        return Linear(**reader.base, outputs=outputs, bias=reader.keys.bias)

    def count(self) -> Cost[Any]:
        inputs: Any = self.inputs.channels
        out: Any = self.outputs.channels
        positions: Any = self.outputs.positions
        return weighted(inputs * out, out if self.bias else 0, math.prod(positions), self)

    def constraints(self: Linear[Expr]) -> Constraints:
        yield from count((*self.origin, "out"), "channels", self.outputs.channels)

    def filter(self) -> tuple[str, N | None]:
        return "linear", self.outputs.channels

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "in_channels", self.inputs.channels
        yield "out_channels", self.outputs.channels
        yield "bias", int(self.bias)

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {**numbers, "bias": flag(numbers["bias"])}

    def backward(self, walk: Backward) -> None:
        """The gradient of its weights needs its input."""
        walk.keep()
        walk.make(self.outputs.elements)
        walk.trains = 1

    def tensors(self) -> Iterator[NamedShape]:
        yield from weights(self.outputs.channels, self.inputs.channels, (), self.bias)

    def operations(self) -> Iterator[Operation]:
        # torch takes positions into the batch
        yield "linear", [self.outputs.channels], {"bias": self.bias}
