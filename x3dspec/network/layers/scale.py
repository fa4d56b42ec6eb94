"""A learned factor: of each channel, as LayerScale, or of all, as ReZero."""

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
class Scale(Layer[N]):
    """`factors` is how many it learns: one for each channel, or one for all; each begins at `init`."""

    factors: N
    init: float

    macro = "scale"
    operators: ClassVar = {"mul": "product"}
    helper = "Scale"
    called = "learned scale"

    @classmethod
    def lower(cls, reader: Reader) -> Scale[Expr] | None:
        if not reader.spatial():
            return None
        factors = ONE if reader.keys.shared else reader.inputs.channels
        return Scale(**reader.base, outputs=reader.inputs, factors=factors, init=reader.keys.init)

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs) + Cost(params=self.factors, moved=self.factors)

    def constraints(self) -> Constraints:
        yield from ()

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "factors", self.factors

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {**numbers, "init": repr(self.init)}

    def backward(self, walk: Backward) -> None:
        """The gradient of its factors needs its input."""
        walk.keep()
        walk.make(self.outputs.elements)
        walk.trains = 1

    def tensors(self) -> Iterator[NamedShape]:
        yield "weight", (self.factors,)

    def operations(self) -> Iterator[Operation]:
        yield "product", [*self.outputs.numbers], {}
