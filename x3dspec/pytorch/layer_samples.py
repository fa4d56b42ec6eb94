"""The layers that `calibrate` times: of each kind some fifty, over shapes that are the same everywhere.

Widths are multiples of 16, of 8 alone, and of neither; maps are from 4 x 4 to 112 x 112, of 1 to 16 frames.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from x3dspec.codegen.module import source
from x3dspec.network import architecture, latency
from x3dspec.network import layers as net
from x3dspec.network.layers.activation import Function
from x3dspec.pytorch.probe import loaded

SAMPLES = 48
WIDTHS = (8, 12, 16, 24, 27, 32, 40, 48, 54, 64, 72, 80, 96, 108, 128, 162, 192, 216, 256, 300, 384, 432, 512)
FRAMES = (1, 2, 4, 5, 8, 13, 16)
SIZES = (4, 5, 7, 8, 10, 12, 14, 20, 28, 40, 56, 80, 112)
#: No layer is larger: elements of a tensor, multiply-accumulates.
MOST_ELEMENTS, MOST_MACS = 8 * 10**6, 4 * 10**8
#: The functions that overwrite their input at inference.
_FUNCTIONS = tuple(net.FUNCTIONS)
#: What has every class that a form's emitted modules have of their own.
_EXAMPLE = "x3d_s"


@dataclass(frozen=True)
class Sample:
    """A layer, the name of its law, and its shape as a text that is the same for the same layer."""

    kind: str
    layer: net.Layer[int] | None
    inputs: tuple[int, ...]

    def work(self, granularity: int, batch: int, dtype: str) -> tuple[int, int]:
        """Multiply-accumulates and bytes, as the formula has them."""
        if self.layer is None:
            return 0, 2 * batch * latency.BYTES[dtype] * math.prod(self.inputs)
        macs, size = latency.work(self.layer, granularity, batch, dtype)
        return int(macs), int(size)


def samples(form: str, count: int = SAMPLES) -> list[Sample]:
    """Every layer to time, kinds in turn, so that what was timed when is in no law."""
    kinds = [list(_drawn(kind, form, count)) for kind in kinds_of(form)]
    return [sample for group in zip(*kinds, strict=True) for sample in group]


def kinds_of(form: str) -> tuple[str, ...]:
    """The kinds that a form has."""
    own = (latency.PROJECTION, latency.COPY) if form == "deploy" else ()
    return (*_CONVOLUTIONS, *own, *_OTHERS, *_FUNCTIONS)


_OTHERS = ("norm", "squeeze-excitation", "linear", "mean", "sum", "max_pool", "avg_pool")
#: Kernel, groups (0 for as many as channels).
_CONVOLUTIONS = {
    "pointwise convolution": ((1, 1, 1), 1),
    "channel-wise convolution": ((3, 3, 3), 0),
    "channel-wise convolution in time": ((5, 1, 1), 0),
    "convolution of frames": ((1, 3, 3), 1),
    "convolution in time": ((3, 1, 1), 1),
    "convolution": ((3, 3, 3), 1),
    "grouped convolution": ((3, 3, 3), 4),
}


def _drawn(kind: str, form: str, count: int) -> Iterator[Sample]:
    chance = random.Random(kind)
    drawn = 0
    while drawn < count:
        shape = net.Shape(chance.choice(WIDTHS), (chance.choice(FRAMES), *[chance.choice(SIZES)] * 2))
        layer = _layer(kind, form, shape, chance)
        if layer is not None and _small(layer, shape):
            yield Sample(kind, None if kind == latency.COPY else layer, shape.numbers)
            drawn += 1


def _small(layer: net.Layer[int], shape: net.Shape[int]) -> bool:
    elements = max(shape.elements, layer.outputs.elements)
    return bool(elements <= MOST_ELEMENTS and layer.count().macs <= MOST_MACS)


def _layer(kind: str, form: str, shape: net.Shape[int], chance: random.Random) -> net.Layer[int] | None:
    base: dict[str, Any] = {"name": "layer", "origin": (), "when": 1, "inputs": shape, "outputs": shape}
    flat = net.Shape(shape.channels, ())
    if kind in _CONVOLUTIONS or kind == latency.PROJECTION:
        return _convolution(kind, form, base, chance)
    if kind in net.FUNCTIONS:
        return net.Activation(**base, function=kind)
    if kind.endswith("_pool"):
        return _pool(kind, base)
    if kind == "linear":
        outputs = net.Shape(chance.choice((2, 4, 8)) * chance.choice(WIDTHS), ())
        return net.Linear(**{**base, "inputs": flat, "outputs": outputs}, bias=True)
    if kind == "squeeze-excitation":
        hidden = max(8, shape.channels // 16)
        return net.SqueezeExcite(**base, hidden=hidden, activation="relu", gate="sigmoid")
    if kind == "mean":
        return net.Mean(**{**base, "outputs": flat})
    if kind == "norm":
        return net.Norm(**base, eps=1e-5, momentum=0.1, zero_init=False)
    return net.Residual(**base, branch=(), shortcut=())


def _convolution(kind: str, form: str, base: dict[str, Any], chance: random.Random) -> net.Layer[int] | None:
    """One of a kind; of every third the stride in space is 2."""
    kernel, groups = _CONVOLUTIONS.get(kind, ((1, 1, 1), 1))
    inputs: net.Shape[int] = base["inputs"]
    out = inputs.channels if groups == 0 else chance.choice(WIDTHS)
    groups = groups or inputs.channels
    stride = (1, *[2 if chance.random() < 0.33 and kernel[1:] != (1, 1) else 1] * 2)
    narrows = out < inputs.channels
    if inputs.channels % groups or out % groups or (kind == latency.PROJECTION and not narrows):
        return None
    if kind == "pointwise convolution" and form == "deploy" and narrows:
        return None
    padding = tuple(size // 2 for size in kernel)
    sizes = tuple(-(-size // step) for size, step in zip(inputs.sizes, stride, strict=True))
    outputs = net.Shape(out, sizes)
    given = {**base, "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}
    return net.Conv(**given, groups=groups, bias=form == "deploy")


def _pool(kind: str, base: dict[str, Any]) -> net.Layer[int]:
    inputs: net.Shape[int] = base["inputs"]
    window: dict[str, Any] = {"kernel": (1, 3, 3), "stride": (1, 2, 2), "padding": (0, 1, 1)}
    sizes = (inputs.sizes[0], *(-(-size // 2) for size in inputs.sizes[1:]))
    outputs = net.Shape(inputs.channels, sizes)
    return net.Pool(**{**base, "outputs": outputs}, function=kind.removesuffix("_pool"), **window)


@dataclass(frozen=True)
class Steps:
    """What is timed of a sample; before it, its input is written anew, as by the layer before."""

    before: Callable[[], object]
    run: Callable[[], object]


class Builder:
    """Samples as torch runs them in the emitted modules of a form."""

    def __init__(self, form: str, batch: int, dtype: torch.dtype, device: torch.device) -> None:
        self.form, self.batch, self.dtype, self.device = form, batch, dtype, device
        text = source(architecture.load(_EXAMPLE).resolve(), _EXAMPLE, form)
        self.classes: Any = loaded(text, f"{_EXAMPLE}.py")

    def steps(self, sample: Sample) -> Steps:
        """A sample with tensors of random numbers."""
        x = self._tensor(sample.layer.inputs.numbers if sample.layer else sample.inputs)
        x = x.contiguous() if sample.layer is None else x
        written = x.clone()
        call = self._call(sample.layer, x)
        return Steps(lambda: x.copy_(written), lambda: call(x))

    def _tensor(self, numbers: tuple[int, ...]) -> Tensor:
        x = torch.randn(self.batch, *numbers, dtype=self.dtype, device=self.device)
        last = self.form == "deploy" and x.dim() == 5
        return x.contiguous(memory_format=torch.channels_last_3d) if last else x

    def _call(self, layer: net.Layer[int] | None, x: Tensor) -> Callable[[Tensor], object]:
        if layer is None:
            return lambda y: y.contiguous(memory_format=torch.channels_last_3d)
        if isinstance(layer, net.Activation):
            return self._function(net.FUNCTIONS[layer.function])
        if isinstance(layer, net.Residual):
            other = torch.randn_like(x)
            return (lambda y: y.add_(other)) if self.form == "deploy" else (lambda y: y + other)
        if isinstance(layer, net.Mean):
            return lambda y: y.mean(dim=(2, 3, 4))
        return self._module(layer).to(self.device, self.dtype).eval()

    def _function(self, function: Function) -> Callable[[Tensor], object]:
        """In place, where it can be."""
        home, _, name = function.call.partition(".")
        call = getattr(functional if home == "F" else torch, name)
        keywords: dict[str, Any] = {"approximate": "tanh"} if function.given else {}
        keywords |= {"inplace": True} if function.inplace else {}
        return lambda y: call(y, **keywords)

    def _module(self, layer: net.Layer[int]) -> nn.Module:
        channels, out = layer.inputs.channels, layer.outputs.channels
        if isinstance(layer, net.Conv):
            return self._convolution(layer)
        if isinstance(layer, net.Linear):
            return nn.Linear(channels, out)
        if isinstance(layer, net.SqueezeExcite):
            module: nn.Module = self.classes.SqueezeExcite(channels, layer.hidden)
            return module
        if isinstance(layer, net.Norm):
            return nn.BatchNorm3d(channels)
        assert isinstance(layer, net.Pool)
        kind = nn.MaxPool3d if layer.function == "max" else nn.AvgPool3d
        return kind(layer.kernel, layer.stride, layer.padding)  # type: ignore[arg-type]

    def _convolution(self, layer: net.Conv[int]) -> nn.Module:
        """As ``codegen.deploy`` spells it, or as it is."""
        channels, out, groups = layer.inputs.channels, layer.outputs.channels, layer.groups
        sizes = (layer.kernel, layer.stride, layer.padding)
        module: nn.Module
        if self.form == "deploy" and latency.narrows(layer):
            module = self.classes.Projection(channels, out)
        elif self.form == "deploy" and (layer.kernel[0], layer.stride[0]) == (1, 1):
            module = self.classes.FrameConv(channels, out, *(size[1:] for size in sizes), groups=groups)
        elif self.form == "deploy" and {*layer.kernel[1:], *layer.stride[1:]} == {1}:
            along = [(size[0], rest) for size, rest in zip(sizes, (1, 1, 0), strict=True)]
            module = self.classes.TimeConv(channels, out, *along, groups=groups)
        else:
            module = nn.Conv3d(channels, out, *sizes, groups=groups, bias=layer.bias)  # type: ignore[arg-type]
        if self.form == "deploy":
            for weight in module.parameters():
                if weight.dim() == 5:
                    weight.data = weight.contiguous(memory_format=torch.channels_last_3d)
        return module
