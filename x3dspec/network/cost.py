"""What a network costs: one walk, on expressions and on integers.

Each layer kind has one rule, plain arithmetic on its shapes. On a lowered network the walk returns
closed forms, on a bound one it returns counts; nothing else in x3dspec computes a cost.

A multiply-accumulate (MAC) is one multiplication and the addition that goes with it. What other
tools report as FLOPs are sums of the same tallies, named in :data:`CONVENTIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from x3dspec.language.expressions import Expr, residues
from x3dspec.network import layers as net

N = TypeVar("N")

BYTES_PER_NUMBER = 4


@dataclass(frozen=True)
class Tally(Generic[N]):
    """What is counted, for one clip.

    Attributes:
        macs: multiply-accumulates of convolutions and linear layers.
        params: trainable parameters.
        weights: those of them that are weights of convolutions and linear layers, without biases.
        activations: elements that convolutions and linear layers produce, as pycls counts them.
        norm_elements: elements that pass through a normalisation.
        moved: numbers read and written when every layer runs by itself: input, parameters, output.
    """

    macs: N
    params: N
    weights: N
    activations: N
    norm_elements: N
    moved: N

    def __add__(self, other: Any) -> Tally[N]:
        return Tally(
            self.macs + other.macs,
            self.params + other.params,
            self.weights + other.weights,
            self.activations + other.activations,
            self.norm_elements + other.norm_elements,
            self.moved + other.moved,
        )

    def times(self, count: Any) -> Tally[N]:
        return Tally(
            count * self.macs,
            count * self.params,
            count * self.weights,
            count * self.activations,
            count * self.norm_elements,
            count * self.moved,
        )

    @property
    def bytes(self) -> N:
        """Bytes moved in 32-bit floats."""
        moved: Any = self.moved
        return cast(N, BYTES_PER_NUMBER * moved)


ZERO: Tally[Any] = Tally(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Convention:
    """A way of counting operations, as a sum over a tally. `unit` is what one of them is called."""

    name: str
    per_mac: int
    per_norm_element: int
    unit: str
    doc: str

    def of(self, tally: Tally[N]) -> N:
        macs: Any = tally.macs
        norm_elements: Any = tally.norm_elements
        return cast(N, self.per_mac * macs + self.per_norm_element * norm_elements)


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention(
            "paper",
            1,
            0,
            "MACs",
            "multiply-accumulates of convolutions and linear layers, which the paper calls FLOPs",
        ),
        Convention("torch", 2, 0, "FLOPs", "2 per multiply-accumulate, as torch's FlopCounterMode"),
        Convention("fvcore", 1, 2, "flops", "MACs and 2 per norm element, as fvcore in eval mode"),
        Convention(
            "ptv-zoo",
            1,
            5,
            "flops",
            "MACs and 5 per norm element, as fvcore in train mode: pytorchvideo's zoo",
        ),
    )
}

#: The quantities that a formula or a limit may be about.
QUANTITIES = ("macs", "params", "activations", "weights", "bytes")


def of_network(network: net.Network[N]) -> Tally[N]:
    return _sum(of_stage(stage) for stage in network.stages)


def of_stage(stage: net.Stage[N]) -> Tally[N]:
    """The first block, and each alternative of the rest as often as it occurs."""
    total = of_body(stage.first)
    for residue, body in enumerate(stage.rest):
        total += of_body(body).times(occurrences(stage.repeat, residue, len(stage.rest)))
    return total


def occurrences(repeat: Any, residue: int, period: int) -> Any:
    """How many of the blocks 1 .. repeat - 1 have this residue; block 0 is the first."""
    if isinstance(repeat, Expr):
        count = residues(repeat, residue, period)
        return count - 1 if residue == 0 else count
    return len(range(residue or period, repeat, period))


def of_body(body: Iterable[net.Layer[N]]) -> Tally[N]:
    return _sum(of_layer(layer) for layer in body)


def of_layer(layer: net.Layer[N]) -> Tally[N]:
    """The cost of one layer; nothing where its condition is 0."""
    if isinstance(layer, net.Residual):
        return of_body(layer.branch) + of_body(layer.shortcut) + _addition(layer).times(layer.when)
    tally = _RULES[type(layer)](layer)
    return tally if layer.when == 1 else tally.times(layer.when)


def _sum(tallies: Iterable[Tally[N]]) -> Tally[N]:
    return sum(tallies, ZERO)


def elements(shape: net.Shape[Any]) -> Any:
    """Elements of one sample's tensor."""
    return math.prod(shape.sizes) * shape.channels


def _share(channels: Any, groups: Any) -> Any:
    return channels / groups if isinstance(channels, Expr) else channels // groups


def _weighted(weights: Any, biases: Any, positions: Any, layer: net.Layer[Any]) -> Tally[Any]:
    """A layer whose every weight is used once at each of its output positions."""
    out = elements(layer.outputs)
    params = weights + biases
    return Tally(positions * weights, params, weights, out, 0, elements(layer.inputs) + params + out)


def _conv(layer: net.Conv[Any]) -> Tally[Any]:
    out = layer.outputs.channels
    weights = math.prod(layer.kernel) * (out * _share(layer.inputs.channels, layer.groups))
    return _weighted(weights, out if layer.bias else 0, math.prod(layer.outputs.sizes), layer)


def _linear(layer: net.Linear[Any]) -> Tally[Any]:
    out = layer.outputs.channels
    return _weighted(layer.inputs.channels * out, out if layer.bias else 0, 1, layer)


def _norm(layer: net.Norm[Any]) -> Tally[Any]:
    size, channels = elements(layer.inputs), layer.inputs.channels
    return Tally(0, 2 * channels, 0, 0, size, 2 * size + 4 * channels)


def _squeeze_excite(layer: net.SqueezeExcite[Any]) -> Tally[Any]:
    """Mean, convolution, activation, convolution, gate, product: the convolutions see one position a mean."""
    size, channels, hidden = elements(layer.inputs), layer.inputs.channels, layer.hidden
    weights = 2 * (channels * hidden)
    params = weights + channels + hidden
    means = layer.inputs.sizes[0] if layer.over == "frame" else 1
    moved = 3 * size + means * (6 * channels + 4 * hidden) + params
    return Tally(means * weights, params, weights, means * (channels + hidden), 0, moved)


def _moving(layer: net.Layer[Any]) -> Tally[Any]:
    return Tally(0, 0, 0, 0, 0, elements(layer.inputs) + elements(layer.outputs))


def _addition(layer: net.Layer[Any]) -> Tally[Any]:
    return Tally(0, 0, 0, 0, 0, 3 * elements(layer.outputs))


def _free(_: net.Layer[Any]) -> Tally[Any]:
    """Dropout: nothing at inference."""
    return ZERO


_RULES: dict[type[Any], Callable[[Any], Tally[Any]]] = {
    net.Conv: _conv,
    net.StepConv: _conv,
    net.Norm: _norm,
    net.Activation: _moving,
    net.SqueezeExcite: _squeeze_excite,
    net.Pool: _moving,
    net.Mean: _moving,
    net.RunningMean: _moving,
    net.Delay: _moving,
    net.Linear: _linear,
    net.Dropout: _free,
}
