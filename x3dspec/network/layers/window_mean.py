"""The mean over windows of the size that the spec's own clip has there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import ONE, Expr
from x3dspec.network.conditions import Constraints, at_least, must
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import Backward, any_of, is_one
from x3dspec.network.layers.layer import Layer, N, Operation, Shape, moving
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class WindowMean(Layer[N]):
    """(C, T, H, W) becomes (C) at every position of `window`, which moves by 1.

    As in SlowFast and pytorchvideo, at a clip larger than the one trained with the layers behind it
    answer at every position, and a mean at the end averages the answers.
    """

    window: tuple[N, ...]

    macro = "window_mean"

    @classmethod
    def lower(cls, reader: Reader) -> WindowMean[Expr] | None:
        if not reader.spatial():
            return None
        if reader.base["when"] is not ONE:
            reader.report(reader.origin, "window_mean cannot depend on a factor")
        if reader.origin[0] != "stages":
            reader.report(reader.origin, "stands in layers of a stage's own, not in a block")
            return None
        window = reader.own_clip(reader.origin)
        positions = tuple(map(_positions, reader.inputs.sizes, window))
        outputs = Shape(reader.inputs.channels, (), positions)
        return WindowMean(**reader.base, outputs=outputs, window=window)

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs)

    def constraints(self: WindowMean[Expr]) -> Constraints:
        message = "its window, {0}, which the spec's own clip leaves here, is larger than its input, {1}"
        for size, window, positions in zip(
            self.inputs.sizes, self.window, self.outputs.positions, strict=True
        ):
            yield from must(self.origin, at_least(positions, 1), message, (window, size))

    def filter(self) -> tuple[str, N | None]:
        return "mean", None

    def numbers(self) -> Iterator[tuple[str, Any]]:
        for dimension, size in enumerate(self.window):
            yield f"kernel{dimension}", size

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {"kernel": f"({', '.join(numbers.values())})"}

    def backward(self, walk: Backward) -> None:
        """Its input, as torch keeps it for any pooling."""
        walk.keep(walk.trains)
        walk.make(self.outputs.elements)

    def whole_clip(self) -> str:
        return "mean over windows of the clip"

    def walk_forward(self, live: Live) -> None:
        """A line ends with the copy that has the channels last, unless they are so already."""
        super().walk_forward(live)
        last = int(live.deploy and len(self.inputs.sizes) == 2)
        once: Any = math.prod(map(is_one, self.outputs.positions))
        live.make(self.outputs.elements, any_of(any_of(last, once), is_one(self.outputs.channels)))
        live.assign()

    def operations(self) -> Iterator[Operation]:
        channels, positions = self.outputs.channels, self.outputs.positions
        ones, zeros = [1] * len(positions), [0] * len(positions)
        numbers = {"kernel": [*self.window], "stride": ones, "padding": zeros}
        numbers |= {"ceil_mode": False, "count_include_pad": True}
        yield "avg_pool", [channels, *positions], numbers
        yield "permute", [*self.outputs.numbers], {}


def _positions(size: Expr, window: Expr) -> Expr:
    return ONE if size is window else size - window + 1
