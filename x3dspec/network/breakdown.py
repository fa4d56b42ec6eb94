"""The stage table of one network, line by line, as the paper prints it: for the terminal, for the
header of an emitted file, for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.network.cost import Cost
from x3dspec.network.layers import N


@dataclass(frozen=True)
class Row:
    """One stage. `filters` has one entry per convolution or pooling of its first block.

    `width` is what the stage gives on, `inner` its block's inner width where it has one; `frames`
    and `size` are those of its output, None after the global mean. Counts are for one clip;
    `operations` is in the convention asked for, `share` is its part of the network's.
    """

    name: str
    filters: tuple[str, ...]
    repeat: int
    width: int
    inner: int | None
    frames: int | None
    size: int | None
    macs: int
    params: int
    activations: int
    operations: int
    share: float


def rows(resolved: Resolved, convention: str = "paper") -> list[Row]:
    """The table of a network, counted by a convention."""
    total = resolved.cost(convention).operations
    counts = resolved.stage_costs(convention)
    return [_row(*each, total) for each in zip(resolved.network.stages, counts, strict=True)]


def _row(stage: net.Stage[int], count: Cost[int], total: int) -> Row:
    sizes = stage.outputs.sizes
    return Row(
        name=stage.name,
        filters=tuple(_filters(stage.first)),
        repeat=stage.repeat,
        width=stage.outputs.channels,
        inner=stage.argument("inner"),
        frames=sizes[0] if len(sizes) == 3 else None,
        size=sizes[-1] if sizes else None,
        macs=count.macs,
        params=count.params,
        activations=count.activations,
        operations=count.operations,
        share=count.operations / total if total else 0.0,
    )


def _filters(body: tuple[net.Layer[int], ...]) -> Iterator[str]:
    for _, window, channels in filters(body):
        yield window if channels is None else f"{window}, {channels}"


def filters(body: Iterable[net.Layer[N]]) -> Iterator[tuple[net.Layer[N], str, N | None]]:
    """What the paper's column says: the windows of the main path, and their channels."""
    for layer in body:
        if isinstance(layer, net.Residual):
            yield from filters(layer.branch)
        elif said := layer.filter():
            yield (layer, *said)


def extent(row: Row) -> str:
    """T x S^2 of a stage's output; 1 after the global mean."""
    if row.size is None:
        return "1"
    return f"{row.size}^2" if row.frames is None else f"{row.frames} x {row.size}^2"


def short(count: int | float | Fraction) -> str:
    """A count in three or four digits: 4.73 G, 3.79 M."""
    value = float(count)
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * 0.99995:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g}"
