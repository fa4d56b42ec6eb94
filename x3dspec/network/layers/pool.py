"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints, at_least, must
from x3dspec.network.cost import Cost
from x3dspec.network.layers import windows
from x3dspec.network.layers.backward import FLOAT, INDEX, Backward
from x3dspec.network.layers.layer import Layer, N, Operation, Shape, moving, window
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Pool(Layer[N]):
    """`function` is max or avg; kernel, stride and padding have one number a dimension, T first."""

    function: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    ceil_mode: bool
    count_include_pad: bool

    macro = "pool"
    operators: ClassVar = {
        **{f"max_pool{dimensions}d_with_indices": "max_pool" for dimensions in (2, 3)},
        **{f"avg_pool{dimensions}d": "avg_pool" for dimensions in (2, 3)},
    }

    @classmethod
    def lower(cls, reader: Reader) -> Pool[Expr] | None:
        if not reader.spatial():
            return None
        kernel = reader.sizes("kernel", 1)
        stride = kernel if reader.keys.stride is None else reader.sizes("stride", 1)
        padding = reader.sizes("padding", 0)
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            reader.problem("padding", "must be at most half the kernel")
        inputs = reader.inputs
        beyond = reader.keys.ceil_mode
        sizes = (windows.beyond if beyond else windows.windowed)(inputs.sizes, kernel, stride, padding)
        function = reader.kind.removesuffix("_pool")
        return Pool(**reader.base, outputs=Shape(inputs.channels, sizes), function=function, kernel=kernel,
                    stride=stride, padding=padding, ceil_mode=beyond,
                    count_include_pad=getattr(reader.keys, "count_include_pad", True))  # fmt: skip

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first element of its window to the last."""
        return self.kernel

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs)

    def constraints(self: Pool[Expr]) -> Constraints:
        sizes = self.inputs.sizes, self.outputs.sizes
        yield from windows.fitting(self.origin, self.kernel, self.padding, *sizes)
        if self.function == "avg" and len(self.inputs.sizes) == 3:
            yield from _averages(self)

    def filter(self) -> tuple[str, N | None]:
        return f"{self.function} {window(self.kernel)}", None

    def numbers(self) -> Iterator[tuple[str, Any]]:
        return windows.numbers(self.kernel, self.stride, self.padding)

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {
            **windows.argument(numbers, "kernel"),
            **windows.argument(numbers, "stride"),
            **windows.argument(numbers, "padding", "0"),
            **({"ceil_mode": "True"} if self.ceil_mode else {}),
            **({} if self.count_include_pad else {"count_include_pad": "False"}),
            "function": self.function,
        }

    def backward(self, walk: Backward) -> None:
        """Its input; the maximum also which element it took."""
        walk.keep(walk.trains)
        if self.function == "max":
            walk.own(INDEX * self.outputs.elements, walk.trains)
        walk.make(self.outputs.elements)

    def whole_clip(self) -> str:
        if self.ceil_mode:
            return "window beyond its padding"
        return "" if self.count_include_pad else "mean that leaves padding out"

    def forward(self, live: Live) -> None:
        """The maximum also finds which element it takes, though nobody asks."""
        if self.function == "max":
            live.at(self.outputs.elements, INDEX // FLOAT * self.outputs.elements)
        live.make(self.outputs.elements)

    def operations(self) -> Iterator[Operation]:
        numbers = {"kernel": self.kernel, "stride": self.stride, "padding": self.padding}
        more: dict[str, Any] = {"ceil_mode": self.ceil_mode}
        if self.function == "avg":
            more["count_include_pad"] = self.count_include_pad
        yield f"{self.function}_pool", [*self.outputs.numbers], {**numbers, **more}


def _averages(layer: Pool[Expr]) -> Constraints:
    """torch refuses a 3-D mean over a window larger than its input, padded or not."""
    for kernel, padding, size in zip(layer.kernel, layer.padding, layer.inputs.sizes, strict=True):
        if padding:
            message = (
                f"kernel {kernel} is larger than its input, {{0}}, which torch refuses of a 3-D avg_pool"
            )
            fits, holds = at_least(size, kernel - 2 * padding), at_least(size, kernel)
            path = (*layer.origin, "kernel")
            yield from must(path, holds, f"{message}, padded or not", (size,), when=fits)
