"""Convolution, 2-D or 3-D."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from x3dspec.language.expressions import ONE, Expr, ceil, constant, floor, lift, maximum
from x3dspec.network.conditions import MAX_SIZE, Constraints, at_most, count, is_whole, must
from x3dspec.network.cost import Cost
from x3dspec.network.layers import windows
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation, Shape, weights, window
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Conv(Layer[N]):
    """Kernel, stride and padding have one number a dimension, T first."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: N
    bias: bool

    macro = "conv"
    operators: ClassVar = {"convolution": "conv", "constant_pad_nd": "pad"}

    @classmethod
    def lower(cls, reader: Reader) -> Conv[Expr] | None:
        if not reader.spatial():
            return None
        out = reader.expression("out")
        kernel, stride, dilation = (reader.sizes(name, 1) for name in ("kernel", "stride", "dilation"))
        given = {**reader.base, "kernel": kernel, "stride": stride, "dilation": dilation}
        given |= {"groups": reader.expression("groups"), "bias": reader.keys.bias}
        word = reader.word("padding", ("half", "same"))
        if word == "same":
            return same(reader.inputs, out, given)
        reach = windows.reach(kernel, dilation)
        padding = reader.padding(reach, word)
        sizes = windows.windowed(reader.inputs.sizes, reach, stride, padding)
        return Conv(**given, outputs=Shape(out, sizes), padding=padding)

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first element of its kernel to the last."""
        return windows.reach(self.kernel, self.dilation)

    @property
    def share(self) -> Any:
        """The input channels of one group; of integers that are a network's, a division without a rest."""
        inputs: Any = self.inputs.channels
        groups: Any = self.groups
        return inputs / groups if isinstance(inputs, Expr) else inputs // groups

    def count(self) -> Cost[Any]:
        out: Any = self.outputs.channels
        positions: Any = self.outputs.sizes
        weights = math.prod(self.kernel) * (out * self.share)
        return weighted(weights, out if self.bias else 0, math.prod(positions), self)

    def constraints(self: Conv[Expr]) -> Constraints:
        sizes = self.inputs.sizes, self.outputs.sizes
        yield from count((*self.origin, "out"), "channels", self.outputs.channels)
        yield from windows.fitting(self.origin, self.reach, self.padding, *sizes)
        yield from divided(self)

    def kind(self) -> str:
        numbers: Any = self.groups, self.inputs.channels
        groups, inputs = map(lift, numbers)
        if groups is inputs and groups is not ONE:
            return "channel-wise convolution"
        if groups is not ONE:
            return "grouped convolution"
        return "pointwise convolution" if set(self.kernel) == {1} else "convolution"

    def filter(self) -> tuple[str, N | None]:
        return window(self.kernel), self.outputs.channels

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "in_channels", self.inputs.channels
        yield "out_channels", self.outputs.channels
        yield from windows.numbers(self.kernel, self.stride, self.padding)
        yield from windows.by_dimension("dilation", self.dilation)
        yield "groups", self.groups
        yield "bias", int(self.bias)

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {
            **windows.picked(numbers, "in_channels", "out_channels"),
            **windows.argument(numbers, "kernel"),
            **windows.argument(numbers, "stride", "1"),
            **windows.argument(numbers, "padding", "0"),
            **windows.argument(numbers, "dilation", "1"),
            **({"groups": numbers["groups"]} if numbers["groups"] != "1" else {}),
            "bias": flag(numbers["bias"]),
        }

    def backward(self, walk: Backward) -> None:
        """The gradient of its weights needs its input."""
        walk.keep()
        walk.make(self.outputs.elements)
        walk.trains = 1

    def whole_clip(self) -> str:
        return "dilated kernel" if set(self.dilation) - {1} else ""

    def tensors(self) -> Iterator[NamedShape]:
        yield from weights(self.outputs.channels, self.share, self.kernel, self.bias)

    def operations(self) -> Iterator[Operation]:
        numbers = {"kernel": self.kernel, "stride": self.stride, "padding": self.padding}
        more = {"dilation": self.dilation, "groups": self.groups, "bias": self.bias}
        yield "conv", [*self.outputs.numbers], {**numbers, **more}


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


def divided(layer: Conv[Expr]) -> Constraints:
    """A number of groups that divides the channels on both sides."""
    if layer.groups is ONE:
        return
    path, outputs = (*layer.origin, "groups"), layer.outputs.numbers
    for constraint in count(path, "groups", layer.groups):
        yield replace(constraint, given=outputs)
    for side, channels in (("input", layer.inputs.channels), ("output", layer.outputs.channels)):
        if channels is not layer.groups:
            share = floor(channels) / maximum(floor(layer.groups), ONE)
            message = f"{{0}} groups do not divide {{1}} {side} channels"
            shown = (layer.groups, channels)
            yield from must(path, is_whole(share), message, shown, given=(*outputs, layer.groups))


def weighted(weights: Any, biases: Any, positions: Any, layer: Layer[Any]) -> Cost[Any]:
    """The cost of a layer whose every weight is used once at each of its output positions."""
    out, params = layer.outputs.elements, weights + biases
    moved = layer.inputs.elements + params + out
    return Cost(macs=positions * weights, params=params, weights=weights, activations=out, moved=moved)


def flag(number: str) -> str:
    """0 and 1 as Python has them; a parameter's name as it is."""
    return {"0": "False", "1": "True"}.get(number, number)
