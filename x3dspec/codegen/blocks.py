"""The classes of a network's blocks, and the calls that build each stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from x3dspec.codegen.classes import Class, Instance
from x3dspec.codegen.unify import unify
from x3dspec.language.identifiers import class_name
from x3dspec.network import layers as net


@dataclass(frozen=True)
class Blocks:
    """The classes of the network's blocks, and for every stage the calls that build it."""

    classes: dict[str, Class]
    calls: dict[str, list[str]]


def blocks_of(network: net.Network[int]) -> Blocks:
    """The blocks in the order of their first use, each with one class for all its uses."""
    instances: dict[str, list[Instance]] = {}
    stages: dict[str, list[tuple[str, int]]] = {}
    for stage in network.stages:
        for instance in _uses(stage):
            uses = instances.setdefault(stage.block or "", [])
            stages.setdefault(stage.name, []).append((stage.block or "", len(uses)))
            uses.append(instance)
    first = network.stages[0].block
    classes = {name: unify(uses, name == first) for name, uses in instances.items()}
    calls = {
        stage: [f"{class_name(block)}({', '.join(classes[block].calls[i])})" for block, i in uses]
        for stage, uses in stages.items()
    }
    return Blocks(classes, calls)


def _uses(stage: net.Stage[int]) -> Iterator[Instance]:
    """Every block of the stage with the integer arguments that it has there."""
    if stage.block is None:
        return
    for body, arguments in net.blocks(stage):
        whole = tuple((name, value) for name, value in arguments if isinstance(value, int))
        yield Instance(body, (("width_in", body[0].inputs.channels), *whole))
