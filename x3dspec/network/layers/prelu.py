"""A rectifier whose slope below 0 is learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import ONE, Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation, moving
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class PReLU(Layer[N]):
    """`slopes` is how many it learns: one for each channel, or one for all."""

    slopes: N

    macro = "prelu"
    operators: ClassVar = {"_prelu_kernel": "prelu"}
    called = "activation with parameters"

    @classmethod
    def lower(cls, reader: Reader) -> PReLU[Expr] | None:
        slopes = ONE if reader.keys.shared else reader.inputs.channels
        return PReLU(**reader.base, outputs=reader.inputs, slopes=slopes)

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs) + Cost(params=self.slopes, moved=self.slopes)

    def constraints(self) -> Constraints:
        yield from ()

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "slopes", self.slopes

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {} if numbers["slopes"] == "1" else dict(numbers)

    def backward(self, walk: Backward) -> None:
        """The gradient of its slopes needs its input."""
        walk.keep()
        walk.make(self.outputs.elements)
        walk.trains = 1

    def tensors(self) -> Iterator[NamedShape]:
        yield "weight", (self.slopes,)

    def operations(self) -> Iterator[Operation]:
        yield "prelu", [*self.outputs.numbers], {"slopes": self.slopes}
