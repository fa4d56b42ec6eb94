"""What torch must execute for one clip of a network, as ``verify`` expects it."""

from __future__ import annotations

from collections.abc import Iterator

from x3dspec.network import layers as net
from x3dspec.pytorch import probe

#: What the probe calls torch's operations, and the numbers that functions have of themselves.
NAMES = {
    "operators": {name: ours for layer in net.KINDS.values() for name, ours in layer.operators.items()},
    "numbers": {name: list(function.numbers) for name, function in net.FUNCTIONS.items()},
}


def operations(network: net.Network[int]) -> Iterator[tuple[str, str]]:
    """What torch must execute for one clip: stages, and operations as :func:`probe.described` has them."""
    for stage in network.stages:
        for body, _ in net.blocks(stage):
            for layer in executed(body):
                for name, shape, numbers in layer.operations():
                    yield stage.name, probe.described(name, shape, **numbers)


def executed(body: tuple[net.Layer[int], ...]) -> Iterator[net.Layer[int]]:
    """Every layer in the order of execution: a sum's branch, its shortcut, the sum."""
    for layer in body:
        if isinstance(layer, net.Residual):
            yield from executed((*layer.branch, *layer.shortcut))
        yield layer
