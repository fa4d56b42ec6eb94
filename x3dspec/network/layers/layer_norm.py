"""Layer normalisation: of each position over its channels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import FLOAT, Backward
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class LayerNorm(Layer[N]):
    """Where the channels are last: behind a mean."""

    eps: float

    macro = "layer_norm"
    operators: ClassVar = {"native_layer_norm": "layer_norm"}
    called = "normalisation"
    mixes_channels = True

    @classmethod
    def lower(cls, reader: Reader) -> LayerNorm[Expr] | None:
        kind = ChannelNorm if reader.inputs.sizes else LayerNorm
        return kind(**reader.base, outputs=reader.inputs, eps=reader.share("eps"))

    @property
    def statistics(self) -> Any:
        """How many means, and as many deviations: one of each at a position."""
        inputs: Any = self.inputs
        return math.prod(inputs.positions, start=math.prod(inputs.sizes))

    def count(self) -> Cost[Any]:
        size: Any = self.inputs.elements
        channels: Any = self.inputs.channels
        return Cost(params=2 * channels, layer_norm_elements=size, moved=2 * size + 2 * channels)

    def constraints(self) -> Constraints:
        yield from ()

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "in_channels", self.inputs.channels

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {**numbers, **({"eps": repr(self.eps)} if self.eps != 1e-5 else {})}

    def backward(self, walk: Backward) -> None:
        """Its input, and the mean and deviation of every position."""
        walk.keep()
        walk.own(2 * FLOAT * self.statistics)
        walk.make(self.outputs.elements)
        walk.trains = 1

    def forward(self, live: Live) -> None:
        """The statistics too, though nobody asks."""
        live.at(self.outputs.elements, 2 * self.statistics)
        live.make(self.outputs.elements)

    def tensors(self) -> Iterator[NamedShape]:
        for name in ("weight", "bias"):
            yield name, (self.inputs.channels,)

    def operations(self) -> Iterator[Operation]:
        yield "layer_norm", [*self.outputs.numbers], {"eps": self.eps}


@dataclass(frozen=True)
class ChannelNorm(LayerNorm[N]):
    """Where the channels are first, as they are before a mean."""

    macro = "channel_norm"
    helper = "ChannelNorm"

    def operations(self) -> Iterator[Operation]:
        channels, *sizes = self.outputs.numbers
        yield "permute", [*sizes, channels], {}
        yield "layer_norm", [*sizes, channels], {"eps": self.eps}
        yield "permute", [channels, *sizes], {}
