"""Dropout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import ZERO, Cost
from x3dspec.network.layers.backward import FLOAT, Backward
from x3dspec.network.layers.layer import Layer, N, Operation
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Dropout(Layer[N]):
    """`rate` is the share of elements that are dropped while training."""

    rate: float

    macro = "dropout"
    makes_tensor = False

    @classmethod
    def lower(cls, reader: Reader) -> Dropout[Expr] | None:
        return Dropout(**reader.base, outputs=reader.inputs, rate=reader.keys.rate)

    def count(self) -> Cost[Any]:
        """Nothing at inference."""
        return ZERO

    def constraints(self) -> Constraints:
        yield from ()

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {"rate": repr(self.rate)}

    def backward(self, walk: Backward) -> None:
        """What it multiplies with."""
        if self.rate:
            walk.own(FLOAT * self.inputs.elements, walk.trains)
            walk.make(self.outputs.elements)

    def forward(self, live: Live) -> None:
        """Nothing: at inference it gives back what it gets."""

    def operations(self) -> Iterator[Operation]:
        yield from ()
