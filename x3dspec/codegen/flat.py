"""The flat form of a network: the clip as a batch of frames, in tensors of rank 4 or less.

The runtimes of phones have no 3-D convolution, or none in groups, and no tensors of rank 5. Here the
frames of one clip are the batch, so that what has no extent in time is a 2-D layer as it is. A convolution
over k frames is k 2-D ones, each of the frames in its place, their answers summed; pooling likewise. The
means of squeeze-excitation and of the head are over the batch too.

Decisions are taken for a place of the document, as in ``deploy``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from x3dspec.codegen import deploy
from x3dspec.language.errors import SpecError
from x3dspec.language.paths import Path
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.network.layers import N


@dataclass(frozen=True)
class ClipConv(net.Conv[N]):
    """A convolution over frames, of a batch of frames: kernel, stride, padding are (T, H, W)."""

    macro = "clip_conv"


@dataclass(frozen=True)
class ClipPool(net.Pool[N]):
    """Pooling over frames, of a batch of frames: kernel, stride, padding are (T, H, W)."""

    macro = "clip_pool"


@dataclass(frozen=True)
class ClipMean(net.Mean[N]):
    """The mean over a batch of frames, their height and width."""

    macro = "clip_mean"


def flattened(resolved: Resolved) -> net.Network[int]:
    """The network of one clip as a batch of frames: the shapes of its layers are those of a frame.

    Raises:
        SpecError: a 2-D network, which has no frames, or a layer that takes the clip as one.
    """
    network, document = resolved.network, resolved.architecture.source.document
    if network.frames is None:
        message = "this network is 2-D: every form of it has tensors of rank 4 or less"
        raise SpecError([document.problem(("input",), message)])
    layers = (layer for stage in network.stages for layer in net.walk(stage))
    refused = {
        layer.origin: f"{layer.name}: a flat form takes no {why}"
        for layer in layers
        if (why := layer.whole_clip())
    }
    if refused:
        raise SpecError([document.problem(*each) for each in refused.items()])
    in_time = set(_in_time(network))
    changed = deploy.mapped(network, lambda body: tuple(_flat(layer, in_time) for layer in body))
    stages = tuple(
        replace(stage, inputs=_frame(stage.inputs), outputs=_frame(stage.outputs)) for stage in changed.stages
    )
    return replace(changed, inputs=_frame(network.inputs), stages=stages)


def _in_time(network: net.Network[int]) -> Iterator[Path]:
    """Where frames meet, in some instance of the block."""
    for stage in network.stages:
        windows = (layer for layer in net.walk(stage) if isinstance(layer, (net.Conv, net.Pool)))
        for layer in windows:
            if (layer.kernel[0], layer.stride[0], layer.padding[0]) != (1, 1, 0):
                yield layer.origin


def _flat(layer: net.Layer[int], in_time: set[Path]) -> net.Layer[int]:
    layer = replace(layer, inputs=_frame(layer.inputs), outputs=_frame(layer.outputs))
    if isinstance(layer, net.Mean):
        return ClipMean(**vars(layer))
    if not isinstance(layer, (net.Conv, net.Pool)):
        return layer
    if layer.origin in in_time:
        return ClipConv(**vars(layer)) if isinstance(layer, net.Conv) else ClipPool(**vars(layer))
    plane = replace(layer, kernel=layer.kernel[1:], stride=layer.stride[1:], padding=layer.padding[1:])
    return replace(plane, dilation=plane.dilation[1:]) if isinstance(plane, net.Conv) else plane


def _frame(shape: net.Shape[int]) -> net.Shape[int]:
    return net.Shape(shape.channels, shape.sizes[1:])
