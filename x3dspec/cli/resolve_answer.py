"""A network as JSON has it."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.language import numbers
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import Row
from x3dspec.network.evaluator import Evaluator

Snapped = Mapping[str, Exact | None]


class Input(TypedDict):
    """The clip. `frames` is null for a 2-D network, `stride` where a spec says nothing of it."""

    channels: int
    frames: int | None
    size: int
    stride: int | None


class Costs(TypedDict):
    """`macs` are multiply-accumulates always; `operations` is the convention's figure. `saved` are the bytes
    kept for the backward pass of one clip, in train mode, 32-bit floats, without checkpointing; `peak` of the
    greatest live activations of one clip at inference, null for a stream; `ms` are those of a step on
    the machine of ``--machine``, in its form."""

    macs: int
    params: int
    activations: int
    weights: int
    bytes: int
    saved: int
    peak: int | None
    ms: float | None
    operations: int
    convention: str


class Stage(TypedDict):
    """A line of the stage table: its output's size, and what all its blocks together cost."""

    name: str
    repeat: int
    width: int
    inner: int | None
    frames: int | None
    size: int | None
    macs: int
    params: int
    activations: int
    operations: int


class Network(output.Factored):
    """A network. `factors_snapped` are its factors on their grid."""

    name: str
    title: str
    factors_snapped: dict[str, str | None]
    options: dict[str, int | str]
    input: Input
    cost: Costs
    stages: list[Stage]


def content(
    resolved: Resolved, table: list[Row], near: Snapped, convention: str, form: str = "train"
) -> Network:
    """A network as JSON has it."""
    network, source = resolved.network, resolved.architecture.source
    return {
        "name": network.identity.name,
        "title": network.identity.title,
        **output.factored(resolved.factors),
        "factors_snapped": {n: None if v is None else numbers.text(v) for n, v in near.items()},
        "options": {**source.options, "classes": source.classes},
        "input": {
            "channels": network.inputs.channels,
            "frames": network.frames,
            "size": network.size,
            "stride": network.stride,
        },
        "cost": costs(resolved, convention, form),
        "stages": [output.picked(Stage, row) for row in table],
    }


def costs(resolved: Resolved, convention: str, form: str) -> Costs:
    cost = resolved.cost(convention)
    return {
        "macs": cost.macs,
        "params": cost.params,
        "activations": cost.activations,
        "weights": cost.weights,
        "bytes": cost.bytes,
        "saved": saved(resolved),
        "peak": peak(resolved, form),
        "ms": milliseconds(resolved),
        "operations": cost.operations,
        "convention": convention,
    }


def saved(resolved: Resolved) -> int:
    """Training keeps what the train form keeps, whichever form is counted."""
    kept: int = resolved.architecture.at(resolved.setting).saved().one_clip
    return kept


def milliseconds(resolved: Resolved) -> float | None:
    """What a step takes on the machine, if there is one: of the spec itself, whichever form is counted."""
    if resolved.architecture.source.machine is None:
        return None
    return Evaluator.of(resolved.architecture, "ms").counts(resolved.setting)["ms"] / 1e6


def peak(resolved: Resolved, form: str) -> int | None:
    """A stream holds more between steps than within one: see what it remembers."""
    return None if form == "stream" else resolved.peak(form)
