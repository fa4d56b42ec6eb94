"""The tensors of a network's state dict: their names in the emitted module, and their shapes.

As everywhere, before binding a shape is a tuple of expressions, and after it of integers.
``tests/pytorch/test_identify.py`` holds this against the emitted modules themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, cast

from x3dspec.network import layers as net
from x3dspec.network.layers import N


@dataclass(frozen=True)
class Tensor(Generic[N]):
    """One tensor: its name and shape, and 1 as `when` where it is there."""

    name: str
    shape: tuple[N | int, ...]
    when: N | int


def of_stage(stage: net.Stage[N], repeat: int) -> Iterator[Tensor[N]]:
    """The tensors of a stage that has so many blocks."""
    for index in range(repeat):
        body = stage.rest[index % len(stage.rest)] if index and stage.rest else stage.first
        if stage.block is None:
            prefix = ""
        else:
            prefix = f"{stage.name}.{index}." if stage.sequence else f"{stage.name}."
        for layer in net.layers(body):
            for name, shape in _of_layer(layer):
                yield Tensor(f"{prefix}{name}", shape, layer.when)


def of_network(network: net.Network[int]) -> Iterator[Tensor[int]]:
    """The tensors of a bound network."""
    for stage in network.stages:
        yield from of_stage(stage, stage.repeat)


def _of_layer(layer: net.Layer[N]) -> Iterator[tuple[str, tuple[N | int, ...]]]:
    channels, out = layer.inputs.channels, layer.outputs.channels
    if isinstance(layer, net.Norm):
        for name in ("weight", "bias", "running_mean", "running_var"):
            yield f"{layer.name}.{name}", (channels,)
        yield f"{layer.name}.num_batches_tracked", ()
    elif isinstance(layer, net.Conv):
        yield from _weights(layer.name, out, _share(channels, layer.groups), layer.kernel, layer.bias)
    elif isinstance(layer, net.Linear):
        yield from _weights(layer.name, out, channels, (), layer.bias)
    elif isinstance(layer, net.SqueezeExcite):
        ones = (1,) * len(layer.inputs.sizes)
        yield from _weights(f"{layer.name}.reduce", layer.hidden, channels, ones, True)
        yield from _weights(f"{layer.name}.expand", channels, layer.hidden, ones, True)


def _share(channels: N, groups: N) -> N:
    """The input channels of one group; of integers that are a network's, a division without a rest."""
    share: Any = channels // groups if isinstance(channels, int) else channels / groups  # type: ignore[operator]
    return cast(N, share)


def _weights(
    name: str, out: N, channels: N, kernel: tuple[int, ...], bias: bool
) -> Iterator[tuple[str, tuple[N | int, ...]]]:
    yield f"{name}.weight", (out, channels, *kernel)
    if bias:
        yield f"{name}.bias", (out,)
