"""Layers by what people call them, and what each kind costs: on expressions and on integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from x3dspec.language.expressions import ONE, lift
from x3dspec.network import cost
from x3dspec.network import layers as net


def costs(network: net.Network[Any]) -> dict[str, cost.Tally[Any]]:
    """What each kind of layer costs, in the order in which they appear."""
    tallies: dict[str, cost.Tally[Any]] = {}
    for stage in network.stages:
        for layer, times in _occurrences(stage):
            tally = cost.of_layer(layer).times(times)
            tallies[kind(layer)] = tallies.get(kind(layer), cost.ZERO) + tally
    return tallies


def kind(layer: net.Layer[Any]) -> str:
    """What people call it."""
    if isinstance(layer, net.Conv):
        return _convolution(layer)
    return {
        net.Linear: "linear",
        net.SqueezeExcite: "squeeze-excitation",
        net.Norm: "normalisation",
    }.get(type(layer), "without a count")


def _convolution(layer: net.Conv[Any]) -> str:
    groups = lift(layer.groups)
    if groups is lift(layer.inputs.channels) and groups is not ONE:
        return "channel-wise convolution"
    if groups is not ONE:
        return "grouped convolution"
    return "pointwise convolution" if set(layer.kernel) == {1} else "convolution"


def _occurrences(stage: net.Stage[Any]) -> Iterator[tuple[net.Layer[Any], Any]]:
    """Every layer that is not made of others, and how often the stage has it."""
    bodies = [(stage.first, 1)]
    for residue, body in enumerate(stage.rest):
        bodies.append((body, cost.occurrences(stage.repeat, residue, len(stage.rest))))
    for body, times in bodies:
        for layer in net.layers(body):
            if not isinstance(layer, net.Residual):
                yield layer, times
