"""How much of a long clip one position of the last convolution sees: the receptive field.

Squeeze-excitation, which sees all of it, does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from x3dspec.network import layers as net

Sizes = tuple[int, ...]
_POINT: Sizes = (1, 1, 1)


@dataclass(frozen=True)
class Seen:
    """Frames, or pixels a side, of the clip, and how many of a long one are seen."""

    given: int
    seen: int


def seen(network: net.Network[int]) -> Sizes:
    """Frames, rows and columns that it sees; one frame of a 2-D network.

    Of a network that a stream runs it is the frames of all its steps.
    """
    field, apart = _POINT, _POINT
    for stage in network.stages:
        for body, _ in net.blocks(stage):
            field, apart = _through(body, field, apart)
    return field


def _through(body: Iterable[net.Layer[int]], field: Sizes, apart: Sizes) -> tuple[Sizes, Sizes]:
    """The field behind a body, and how far apart neighbours behind it are in the clip."""
    for layer in body:
        if isinstance(layer, net.Residual):
            other, _ = _through(layer.shortcut, field, apart)
            field, apart = _through(layer.branch, field, apart)
            field = tuple(map(max, field, other))
        elif isinstance(layer, (net.Conv, net.Pool)):
            kernel, stride = ((1,) * (3 - len(each)) + each for each in (layer.reach, layer.stride))
            field = tuple(f + (k - 1) * a for f, k, a in zip(field, kernel, apart, strict=True))
            apart = tuple(a * s for a, s in zip(apart, stride, strict=True))
    return field, apart
