"""The tensors of a network's state dict: their names in the emitted module, and their shapes.

As everywhere, before binding a shape is a tuple of expressions, and after it of integers.
``tests/pytorch/test_identify.py`` holds this against the emitted modules themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

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
            for name, shape in layer.tensors():
                yield Tensor(f"{prefix}{layer.name}.{name}", shape, layer.when)


def of_network(network: net.Network[int]) -> Iterator[Tensor[int]]:
    """The tensors of a bound network."""
    for stage in network.stages:
        yield from of_stage(stage, stage.repeat)
