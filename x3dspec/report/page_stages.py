"""The page's stage table, and its costs by kind of layer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from x3dspec.language.expressions import Expr, lift
from x3dspec.network import kinds
from x3dspec.network.breakdown import filters
from x3dspec.network.layers import Layer, Shape, Stage
from x3dspec.network.quantities import ALWAYS
from x3dspec.report.subject import Subject, spelled


def stages(subject: Subject) -> list[dict[str, Any]]:
    """The rows of the table, in the order of the network."""
    stages = subject.network.stages
    inputs = [subject.network.inputs, *(stage.outputs for stage in stages)]
    return [_row(subject, stage, shape) for stage, shape in zip(stages, inputs, strict=False)]


def costs(subject: Subject) -> list[dict[str, Any]]:
    """What each kind of layer costs, in the order in which they appear."""
    costs = {
        kind: {name: lift(getattr(cost, name)) for name in ALWAYS}
        for kind, cost in kinds.costs(subject.network).items()
    }
    return [
        {"name": kind, "cost": {name: subject.slot(node) for name, node in cost.items()}}
        for kind, cost in costs.items()
        if any(node.value != 0 for node in cost.values())
    ]


def _row(subject: Subject, stage: Stage[Expr], inputs: Shape[Expr]) -> dict[str, Any]:
    sizes = stage.outputs.sizes
    return {
        "name": stage.name,
        "repeat": subject.slot(stage.repeat),
        "width": subject.slot(stage.outputs.channels),
        "inner": subject.slot_or_none(stage.argument("inner")),
        "frames": subject.slot_or_none(sizes[0] if len(sizes) == 3 else None),
        "size": subject.slot_or_none(sizes[-1] if sizes else None),
        "filters": list(_filters(subject, stage)),
        "arguments": [
            (name, subject.written((*stage.origin, name), value))
            for name, value in stage.arguments
            if name in ("width", "inner")
        ],
        "times": subject.written((*stage.origin, "repeat"), stage.repeat) if stage.sequence else "1",
        "output": _output(inputs, stage.outputs),
        "cost": subject.counts(stage.cost()),
    }


def _filters(subject: Subject, stage: Stage[Expr]) -> Iterator[dict[str, Any]]:
    layer: Layer[Expr]
    for layer, window, channels in filters(stage.first):
        symbol = None if channels is None else subject.written((*layer.origin, "out"), channels)
        yield {
            "window": _window(window),
            "channels": subject.slot_or_none(channels),
            "when": subject.slot(layer.when),
            "symbol": symbol,
        }


def _output(before: Shape[Expr], after: Shape[Expr]) -> str | None:
    """A stage's output in the sizes of its input, T and S; nothing to say behind the global mean."""
    if not before.sizes:
        return None
    if not after.sizes:
        return "1"
    known = dict(zip(before.sizes, "TSS" if len(before.sizes) == 3 else "SS", strict=True))
    *frames, _, side = [spelled(size, known) for size in after.sizes]
    squared = f"{side}²" if side == "S" or side.isdigit() or side.endswith(")") else f"({side})²"
    return " × ".join([*frames, squared])


def _window(text: str) -> str:
    """1x3^2 with the characters that a page has."""
    return re.sub(r"(?<=\d)x(?=\d)", "×", text).replace("^2", "²")
