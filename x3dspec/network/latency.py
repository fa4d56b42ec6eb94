"""What one clip takes on a machine, in nanoseconds: a formula like every other cost.

A network takes what its layers take, one after another; a layer of a kind takes a call, and of what its
multiply-accumulates and its bytes take the greater (or both). The laws are a machine file's, which
``x3dspec calibrate`` fits to layers timed by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import ZERO, Expr, ceil, equal, floor, lift, maximum
from x3dspec.language.machine_file import Law, Machine
from x3dspec.network import layers as net
from x3dspec.network.cost import Cost, occurrences
from x3dspec.network.layers.backward import opposite, times

Body = tuple[net.Layer[Any], ...]
#: Kinds by the class of their layer; convolutions, functions and pools have names of their own.
_NAMES: dict[type[net.Layer[Any]], str] = {
    net.Norm: "norm",
    net.SqueezeExcite: "squeeze-excitation",
    net.Mean: "mean",
    net.Linear: "linear",
    net.Residual: "sum",
}
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
#: The deploy form's own kinds: a pointwise convolution to fewer channels, and the clip put in order.
PROJECTION, COPY = "projection", "copy"


@dataclass(frozen=True)
class Work:
    """What a layer asks of a machine: its kind, multiply-accumulates, bytes, and how many are there."""

    kind: str
    macs: Any
    bytes: Any
    count: Any


def by_stage(network: net.Network[Any]) -> Iterator[Any]:
    """Whole nanoseconds of each stage, on the network's machine; the first also puts the clip in order.

    Raises:
        SpecError: no machine, or one whose file has no law for a kind of layer.
    """
    machine = network.machine
    if machine is None:
        message = "needs a machine: x3dspec calibrate -o machine.json, then --machine machine.json"
        raise SpecError.at("ms", message)
    for index, stage in enumerate(network.stages):
        parts = list(works(stage, machine))
        if not index and machine.form == "deploy":
            parts.append(_copy(network, machine))
        total: Any = sum(times(work.count, takes(machine.law(work.kind), work)) for work in parts)
        yield floor(lift(total)) if isinstance(total, Expr) else math.floor(total)


def takes(law: Law, work: Work) -> Any:
    """Nanoseconds of one layer."""
    compute, memory = times(law.mac, work.macs), times(law.byte, work.bytes)
    if law.added or not law.mac or not law.byte:
        return compute + memory + law.call
    if isinstance(compute, Expr) or isinstance(memory, Expr):
        return maximum(lift(compute), lift(memory)) + law.call
    return max(compute, memory) + law.call


def works(stage: net.Stage[Any], machine: Machine) -> Iterator[Work]:
    """What a stage asks of a machine."""
    bodies = [(stage.first, 1)]
    for residue, body in enumerate(stage.rest):
        bodies.append((body, occurrences(stage.repeat, residue, len(stage.rest))))
    for body, count in bodies:
        for layer in _run(body, machine.form == "deploy"):
            for name, there in _kinds(layer, machine.form):
                often = times(count, times(layer.when, there))
                if often is not ZERO and not (isinstance(often, int) and often == 0):
                    granularity = machine.law(name).granularity
                    yield Work(name, *work(layer, granularity, machine.batch, machine.dtype), often)


def _run(body: Body, deploy: bool) -> Iterator[net.Layer[Any]]:
    """The layers that run: at deployment without the norms that convolutions have taken in."""
    for before, layer in pairwise((None, *body)):
        if isinstance(layer, net.Residual):
            yield from _run(layer.branch, deploy)
            yield from _run(layer.shortcut, deploy)
        folded = isinstance(layer, net.Norm) and isinstance(before, net.Conv) and not before.bias
        if layer is not None and not isinstance(layer, net.Dropout) and not (deploy and folded):
            yield layer


def _kinds(layer: net.Layer[Any], form: str) -> Iterator[tuple[str, Any]]:
    """Its kind; of the deploy form's pointwise convolutions each with the condition for it."""
    narrow = narrows(layer) if form == "deploy" else 0
    yield kind(layer), opposite(narrow)
    yield PROJECTION, narrow


def narrows(layer: net.Layer[Any]) -> Any:
    """1 for a pointwise convolution to fewer channels."""
    if not isinstance(layer, net.Conv) or kind(layer) != "pointwise convolution" or set(layer.stride) != {1}:
        return 0
    return _less(layer.outputs.channels, layer.inputs.channels)


def _less(a: Any, b: Any) -> Any:
    if isinstance(a, Expr) or isinstance(b, Expr):
        return opposite(equal(maximum(lift(a), lift(b)), lift(a)))
    return int(a < b)


def kind(layer: net.Layer[Any]) -> str:
    """The name under which a machine file has its law."""
    if isinstance(layer, net.Activation):
        return layer.function
    if isinstance(layer, net.Pool):
        return f"{layer.function}_pool"
    if not isinstance(layer, net.Conv):
        return _NAMES.get(type(layer), type(layer).__name__.lower())
    if len(layer.kernel) == 2:
        return f"2-d {layer.kind()}"
    if layer.kernel[0] > 1 and set(layer.kernel[1:]) == {1}:
        return f"{layer.kind()} in time"
    return (
        f"{layer.kind()} of frames"
        if layer.kind() == "convolution" and layer.kernel[0] == 1
        else layer.kind()
    )


def work(layer: net.Layer[Any], granularity: int, batch: int, dtype: str) -> tuple[Any, Any]:
    """The multiply-accumulates and the bytes of one layer; parameters are read once for a whole batch."""
    cost = layer.count()
    numbers = times(cost.moved - cost.params, batch) + cost.params
    return times(_padded(layer, cost, granularity), batch), times(BYTES[dtype], numbers)


def _padded(layer: net.Layer[Any], cost: Cost[Any], granularity: int) -> Any:
    """Its multiply-accumulates with channels in whole groups, as vector units take them."""
    if granularity == 1 or not isinstance(layer, net.Conv | net.Linear):
        return cost.macs
    inputs, outputs = (_up(shape.channels, granularity) for shape in (layer.inputs, layer.outputs))
    if isinstance(layer, net.Linear):
        return times(inputs, outputs)
    share = 1 if "channel-wise" in layer.kind() else inputs
    if layer.kind() == "grouped convolution":
        return cost.macs
    positions = math.prod(layer.outputs.sizes)
    return times(times(math.prod(layer.kernel), positions), times(outputs, share))


def _up(channels: Any, granularity: int) -> Any:
    if isinstance(channels, Expr):
        return ceil(channels * Fraction(1, granularity)) * granularity
    return -(-channels // granularity) * granularity


def _copy(network: net.Network[Any], machine: Machine) -> Work:
    size = times(BYTES[machine.dtype] * machine.batch, network.inputs.elements)
    return Work(COPY, 0, times(2, size), 1)
