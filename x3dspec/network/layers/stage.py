"""Stages, and networks of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from x3dspec.language.machine_file import Machine
from x3dspec.language.numbers import Exact
from x3dspec.language.paths import Path
from x3dspec.language.source import Identity
from x3dspec.network.cost import Cost, occurrences, of_body, total
from x3dspec.network.layers.layer import Layer, N, Shape
from x3dspec.network.layers.residual import Residual

Setting = Mapping[str, Exact]


@dataclass(frozen=True)
class Stage(Generic[N]):
    """A line of the stage table: `first`, then ``repeat - 1`` blocks that take `rest` in turn.

    Block i > 0 is ``rest[i % len(rest)]``: a block whose layers alternate has one entry a phase.
    `sequence` says that the spec gives a repeat, be it 1: the stage is then a sequence of blocks.
    """

    name: str
    block: str | None
    origin: Path
    arguments: tuple[tuple[str, N], ...]
    repeat: N
    sequence: bool
    first: tuple[Layer[N], ...]
    rest: tuple[tuple[Layer[N], ...], ...]
    rest_arguments: tuple[tuple[tuple[str, N], ...], ...]
    inputs: Shape[N]
    outputs: Shape[N]

    def argument(self, name: str) -> N | None:
        return dict(self.arguments).get(name)

    def cost(self) -> Cost[N]:
        """The first block, and each alternative of the rest as often as it occurs."""
        cost: Cost[Any] = of_body(self.first)
        for residue, body in enumerate(self.rest):
            cost += of_body(body).times(occurrences(self.repeat, residue, len(self.rest)))
        return cost


@dataclass(frozen=True)
class Factor:
    """A declared factor. `derived` where it follows from others instead of being set."""

    name: str
    grid: Exact
    low: Exact | None
    high: Exact | None
    derived: bool
    doc: str


@dataclass(frozen=True)
class Network(Generic[N]):
    """A network whose clip is `inputs`: channels and (T, S, S) or (S, S). `stride` is in frames.

    `machine` is the one that it is timed on, if any.
    """

    identity: Identity
    inputs: Shape[N]
    stride: N | None
    classes: int
    stages: tuple[Stage[N], ...]
    machine: Machine | None = None

    def cost(self) -> Cost[N]:
        """What one clip costs: closed forms before binding, counts after."""
        return total(stage.cost() for stage in self.stages)

    @property
    def frames(self) -> N | None:
        return self.inputs.sizes[0] if len(self.inputs.sizes) == 3 else None

    @property
    def size(self) -> N:
        return self.inputs.sizes[-1]


def blocks(stage: Stage[int]) -> Iterator[tuple[tuple[Layer[int], ...], tuple[tuple[str, int], ...]]]:
    """The blocks of a bound stage in order, each with the arguments that it was given."""
    yield stage.first, stage.arguments
    for index in range(1, stage.repeat):
        phase = index % len(stage.rest)
        yield stage.rest[phase], stage.rest_arguments[phase]


def layers(body: tuple[Layer[N], ...]) -> Iterator[Layer[N]]:
    """Every layer of a body, those inside residuals included, in the order of execution."""
    for layer in body:
        if isinstance(layer, Residual):
            yield from layers(layer.shortcut)
            yield from layers(layer.branch)
        yield layer


def walk(stage: Stage[N]) -> Iterator[Layer[N]]:
    """Every layer of the stage's distinct blocks."""
    for body in (stage.first, *stage.rest):
        yield from layers(body)
