"""What torch must execute for one clip of a network, as ``verify`` expects it."""

from __future__ import annotations

from collections.abc import Iterator

from x3dspec.network import layers as net
from x3dspec.pytorch import probe


def operations(network: net.Network[int]) -> Iterator[tuple[str, str]]:
    """What torch must execute for one clip: stages, and operations as :func:`probe.described` has them."""
    for stage in network.stages:
        for body, _ in net.blocks(stage):
            for layer in executed(body):
                yield from ((stage.name, each) for each in _operations(layer))


def executed(body: tuple[net.Layer[int], ...]) -> Iterator[net.Layer[int]]:
    """Every layer in the order of execution: a sum's branch, its shortcut, the sum."""
    for layer in body:
        if isinstance(layer, net.Residual):
            yield from executed((*layer.branch, *layer.shortcut))
        yield layer


def _operations(layer: net.Layer[int]) -> Iterator[str]:
    shape = [layer.outputs.channels, *layer.outputs.sizes]
    if isinstance(layer, net.Residual):
        yield probe.described("sum", shape)
    elif isinstance(layer, net.SqueezeExcite):
        yield from _squeeze_excite(layer, shape)
    elif isinstance(layer, net.Conv):
        numbers = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
        yield probe.described("conv", shape, kernel=layer.kernel, **numbers, bias=layer.bias)
    elif isinstance(layer, net.Norm):
        yield probe.described("norm", shape, eps=layer.eps, momentum=layer.momentum)
    elif isinstance(layer, net.Activation):
        yield probe.described(layer.function, shape)
    elif isinstance(layer, net.Pool):
        numbers = {"kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding}
        yield probe.described(f"{layer.function}_pool", shape, **numbers)
    elif isinstance(layer, net.Mean):
        yield probe.described("mean", shape)
    elif isinstance(layer, net.Linear):
        yield probe.described("linear", shape, bias=layer.bias)


def _squeeze_excite(layer: net.SqueezeExcite[int], shape: list[int]) -> Iterator[str]:
    one = [1] * (len(shape) - 1)
    zero = [0] * len(one)
    gate, hidden = [shape[0], *one], [layer.hidden, *one]
    conv = {"kernel": one, "stride": one, "padding": zero, "groups": 1, "bias": True}
    yield probe.described("mean", gate)
    yield probe.described("conv", hidden, **conv)
    yield probe.described(layer.activation, hidden)
    yield probe.described("conv", gate, **conv)
    yield probe.described(layer.gate, gate)
    yield probe.described("product", shape)
