"""A convolution that is padded as TensorFlow pads: so much that ceil(n / stride) positions are left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import Expr, ceil, constant, maximum
from x3dspec.network.conditions import MAX_SIZE, Constraints, at_most, count, must
from x3dspec.network.layers import windows
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.conv import Conv, divided
from x3dspec.network.layers.layer import N, Operation, Shape
from x3dspec.network.layers.live import Live


@dataclass(frozen=True)
class SameConv(Conv[N]):
    """What is missing is put before and behind, and where it is odd, one more behind.

    So the padding depends on the size that reaches it; `padding` is empty, `padded` the sizes with it.
    """

    padded: tuple[N, ...]

    macro = "same_conv"
    helper = "SameConv"

    def constraints(self: SameConv[Expr]) -> Constraints:
        yield from count((*self.origin, "out"), "channels", self.outputs.channels)
        for padded, size in zip(self.padded, self.inputs.sizes, strict=True):
            message = f"its padding makes {{0}} of {{1}}, more than {MAX_SIZE}"
            yield from must((*self.origin, "padding"), at_most(padded, MAX_SIZE), message, (padded, size))
        yield from divided(self)

    def backward(self, walk: Backward) -> None:
        """The gradient of its weights needs its input as it is padded, which is a tensor of its own."""
        walk.make(self._input.elements)
        super().backward(walk)

    def forward(self, live: Live) -> None:
        """Its input as it is padded, beside what its caller holds."""
        with live.beside(self._input.elements):
            live.make(self.outputs.elements)

    def whole_clip(self) -> str:
        return "padding that follows from the size"

    def operations(self) -> Iterator[Operation]:
        yield "pad", [*self._input.numbers], {}
        numbers = {"kernel": self.kernel, "stride": self.stride, "padding": (0,) * len(self.kernel)}
        more = {"dilation": self.dilation, "groups": self.groups, "bias": self.bias}
        yield "conv", [*self.outputs.numbers], {**numbers, **more}

    @property
    def _input(self) -> Shape[N]:
        """What the convolution itself gets."""
        return Shape(self.inputs.channels, self.padded)


def same(inputs: Shape[Expr], out: Expr, given: Mapping[str, Any]) -> SameConv[Expr]:
    """The convolution with these fields."""
    stride, reach = given["stride"], windows.reach(given["kernel"], given["dilation"])
    sizes = tuple(ceil(size / constant(step)) for size, step in zip(inputs.sizes, stride, strict=True))
    padded = tuple(map(_padded, inputs.sizes, sizes, stride, reach))
    return SameConv(**given, outputs=Shape(out, sizes), padding=(), padded=padded)


def _padded(size: Expr, positions: Expr, stride: int, reach: int) -> Expr:
    """The size with what its windows need: those at the first position and at the last."""
    return maximum(size, (positions - 1) * constant(stride) + constant(reach))
