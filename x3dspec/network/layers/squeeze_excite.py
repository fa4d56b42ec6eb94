"""Squeeze-excitation: channel attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints, count
from x3dspec.network.cost import Cost
from x3dspec.network.layers.activation import FUNCTIONS
from x3dspec.network.layers.backward import FLOAT, Backward
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation, weights
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class SqueezeExcite(Layer[N]):
    """Mean, convolution to `hidden`, activation, convolution back, gate, product.

    The mean is over the clip, or over each frame of it.
    """

    hidden: N
    activation: str
    gate: str
    over: str = "clip"

    macro = "squeeze_excite"
    operators: ClassVar = {"mul": "product"}
    called = "squeeze-excitation"

    @classmethod
    def lower(cls, reader: Reader) -> SqueezeExcite[Expr] | None:
        if not reader.spatial():
            return None
        hidden, keys = reader.expression("hidden"), reader.keys
        functions = {"activation": keys.activation, "gate": keys.gate}
        return SqueezeExcite(**reader.base, outputs=reader.inputs, hidden=hidden, **functions)

    def count(self) -> Cost[Any]:
        """Its convolutions see one position a mean."""
        size: Any = self.inputs.elements
        channels: Any = self.inputs.channels
        hidden: Any = self.hidden
        weights = 2 * (channels * hidden)
        params = weights + channels + hidden
        means: Any = self.inputs.sizes[0] if self.over == "frame" else 1
        moved = 3 * size + means * (6 * channels + 4 * hidden) + params
        outputs = means * (channels + hidden)
        return Cost(macs=means * weights, params=params, weights=weights, activations=outputs, moved=moved)

    def constraints(self: SqueezeExcite[Expr]) -> Constraints:
        yield from count((*self.origin, "hidden"), "hidden", self.hidden)

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "in_channels", self.inputs.channels
        yield "hidden", self.hidden

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {**numbers, "activation": self.activation, "gate": self.gate}

    def backward(self, walk: Backward) -> None:
        """The mean, what each function keeps, and both sides of the product."""
        channels: Any = self.inputs.channels
        hidden: Any = self.hidden
        activation, gate = FUNCTIONS[self.activation], FUNCTIONS[self.gate]
        walk.own(FLOAT * channels)  # the mean, for the first convolution
        walk.own(FLOAT * hidden)  # what the second convolution reads
        walk.own(FLOAT * hidden if activation.keeps == "input" else 0)
        walk.own(FLOAT * channels)  # what the gate reads or gives
        walk.own(FLOAT * channels if gate.keeps == "input" else 0, walk.trains)  # and the product, the other
        walk.keep()
        walk.make(self.outputs.elements)
        walk.trains = 1

    def walk_forward(self, live: Live) -> None:
        live.gates.append(live.fresh)
        super().walk_forward(live)

    def forward(self, live: Live) -> None:
        """The mean and what follows from it, each held until the next has its name; then the product."""
        frames: Any = self.inputs.sizes[0]
        means = frames if self.over == "frame" else 1
        channels: Any = self.inputs.channels
        gate, hidden = means * channels, means * self.hidden  # type: ignore[operator]
        if live.deploy and len(self.inputs.sizes) == 3:
            live.at(frames * channels, channels)  # the mean of each frame, and that of all
        live.at(gate, hidden)
        if not FUNCTIONS[self.activation].inplace:
            live.at(gate, hidden, hidden)
        live.at(hidden, gate, gate)
        with live.beside(gate, *(() if live.deploy else (hidden,))):
            live.make(self.outputs.elements, live.gates_overwrite)

    def tensors(self) -> Iterator[NamedShape]:
        channels, ones = self.inputs.channels, (1,) * len(self.inputs.sizes)
        yield from weights(self.hidden, channels, ones, True, "reduce.")
        yield from weights(channels, self.hidden, ones, True, "expand.")

    def operations(self) -> Iterator[Operation]:
        shape: list[Any] = [*self.outputs.numbers]
        one, zero = [1] * (len(shape) - 1), [0] * (len(shape) - 1)
        left = [shape[1], *one[1:]] if self.over == "frame" else one
        gate, hidden = [shape[0], *left], [self.hidden, *left]
        conv = {"kernel": one, "stride": one, "padding": zero, "dilation": one, "groups": 1, "bias": True}
        yield "mean", gate, {}
        yield "conv", hidden, conv
        yield self.activation, hidden, {}
        yield "conv", gate, conv
        yield self.gate, gate, {}
        yield "product", shape, {}
