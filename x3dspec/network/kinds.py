"""What each kind of layer costs: on expressions and on integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from x3dspec.network import layers as net
from x3dspec.network.cost import ZERO, Cost, occurrences


def costs(network: net.Network[Any]) -> dict[str, Cost[Any]]:
    """What each kind of layer costs, in the order in which they appear."""
    costs: dict[str, Cost[Any]] = {}
    for stage in network.stages:
        for layer, times in _occurrences(stage):
            kind = layer.kind()
            costs[kind] = costs.get(kind, ZERO) + layer.cost().times(times)
    return costs


def _occurrences(stage: net.Stage[Any]) -> Iterator[tuple[net.Layer[Any], Any]]:
    """Every layer that is not made of others, and how often the stage has it."""
    bodies = [(stage.first, 1)]
    for residue, body in enumerate(stage.rest):
        bodies.append((body, occurrences(stage.repeat, residue, len(stage.rest))))
    for body, times in bodies:
        for layer in net.layers(body):
            if not isinstance(layer, net.Residual):
                yield layer, times
