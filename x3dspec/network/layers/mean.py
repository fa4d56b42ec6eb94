"""The mean over all that there is: frames, height and width, or the positions of a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import ONE, Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.layer import Layer, N, Operation, Shape, moving
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Mean(Layer[N]):
    """(C, T, H, W) becomes (C), as do the answers at every position behind a mean over windows."""

    macro = "mean"
    operators: ClassVar = {"mean": "mean"}
    is_module = False

    @classmethod
    def lower(cls, reader: Reader) -> Mean[Expr] | None:
        if not reader.inputs.positions and not reader.spatial():
            return None
        if reader.base["when"] is not ONE:
            reader.report(reader.origin, "mean cannot depend on a factor")
        return Mean(**reader.base, outputs=Shape(reader.inputs.channels, ()))

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs)

    def constraints(self) -> Constraints:
        yield from ()

    def filter(self) -> tuple[str, N | None]:
        return "mean", None

    def backward(self, walk: Backward) -> None:
        """Nothing: its gradient is the same everywhere."""
        walk.make(self.outputs.elements)

    def walk_forward(self, live: Live) -> None:
        """A line ends."""
        super().walk_forward(live)
        live.assign()

    def operations(self) -> Iterator[Operation]:
        yield "mean", [*self.outputs.numbers], {}
