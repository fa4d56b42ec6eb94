"""What an emitted module tells of itself, under the names that timm's users know."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved


@dataclass(frozen=True)
class Feature:
    """A stage before the mean: its name, its channels, and how far it reduces height and width."""

    name: str
    channels: int
    reduction: int
    sequence: bool


def features(network: net.Network[int]) -> list[Feature]:
    """Every stage that still has frames or pixels, in order."""
    features = []
    reduction = 1
    for stage in network.stages:
        if not stage.outputs.sizes:
            break
        reduction *= math.prod(_strides(stage.first))
        features.append(Feature(stage.name, stage.outputs.channels, reduction, stage.sequence))
    return features


def _strides(body: tuple[net.Layer[int], ...]) -> Iterator[int]:
    """The spatial strides along the main path; only a stage's first block has any."""
    for layer in body:
        if isinstance(layer, net.Residual):
            yield from _strides(layer.branch)
        elif isinstance(layer, (net.Conv, net.Pool)):
            yield layer.stride[-1]


def default_cfg(resolved: Resolved) -> dict[str, str]:
    """What the network is fed: keys as timm has them, values as Python source."""
    network, given = resolved.network, resolved.architecture.source.network.input
    channels = network.inputs.channels
    sizes = ", ".join(map(str, (channels, *network.inputs.sizes)))
    cfg = {"input_size": f"({sizes})"}
    if network.stride is not None:
        cfg["frame_stride"] = str(network.stride)
    for name, values in (("mean", given.mean), ("std", given.std)):
        if values:
            each = values * channels if len(values) == 1 else values
            cfg[name] = f"({', '.join(map(repr, each))}{',' if len(each) == 1 else ''})"
    return cfg
