"""A stream's figures in closed form: what a step costs, what is remembered, how late it answers.

They are read from the clip's network, of expressions before binding and of integers after; what
:mod:`x3dspec.network.stream` makes of a bound network is the other account of them, and tests hold the two
together. Every time that is counted in frames is one of the input's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from x3dspec.language.errors import BadArgument
from x3dspec.language.expressions import Expr, lift, maximum, minimum
from x3dspec.language.paths import Path
from x3dspec.network import layers as net
from x3dspec.network.cost import occurrences
from x3dspec.network.layers.backward import times

Body = tuple[net.Layer[Any], ...]


def one_frame(network: net.Network[Any]) -> net.Network[Any]:
    """The network of a single frame: what its layers cost is what a step's do."""
    stages = (
        replace(stage, first=_frames(stage.first), rest=tuple(map(_frames, stage.rest)))
        for stage in _streams(network)
    )
    return replace(network, stages=tuple(stages))


def delay(network: net.Network[Any]) -> Iterator[Any]:
    """How many frames late an answer is, by stage."""
    for stage in _streams(network):
        yield _summed(stage, _late)


def frames_seen(network: net.Network[Any]) -> Iterator[Any]:
    """Frames that one position of the last convolution sees, twice the delay and one."""
    for index, late in enumerate(delay(network)):
        yield times(2, late) + (1 if index == 0 else 0)


def state(network: net.Network[Any]) -> Iterator[Any]:
    """Numbers that are remembered of a sample, by stage.

    All instances of a sum wait on the same side of their layers, where their tensors together are smaller:
    what they remember is told of the first stage that has one.
    """
    waits: dict[Path, tuple[str, Any, Any]] = {}
    stages = list(_streams(network))
    for stage in stages:
        for place in dict.fromkeys(place for body in (stage.first, *stage.rest) for place in _waits(body)):
            first, *sums = waits.get(place, (stage.name, 0, 0))
            before, behind = (
                total + _summed(stage, partial(_waiting, place, side)) for side, total in enumerate(sums)
            )
            waits[place] = (first, before, behind)
    for stage in stages:
        own = _summed(stage, lambda body: _kept(body, network.frames))
        yield sum((_least(*sums) for first, *sums in waits.values() if first == stage.name), own)


def refusal(layer: net.Layer[Any]) -> str:
    """Why a layer cannot stream, or nothing."""
    if layer.whole_clip():
        return f"{layer.name}: a stream takes no {layer.whole_clip()}"
    if not isinstance(layer, (net.Conv, net.Pool)):
        return ""
    frames, what = layer.kernel[0], f"{layer.name}: a stream takes no"
    if layer.stride[0] != 1:
        return f"{what} stride in time"
    if isinstance(layer, net.Pool) and frames != 1:
        return f"{what} pooling in time"
    centred = 2 * layer.padding[0] == frames - 1
    return "" if centred else f"{what} kernel in time that is not in the middle of its padding"


NO_FRAMES = "this network is 2-D: it has no frames to stream"


def _streams(network: net.Network[Any]) -> Iterator[net.Stage[Any]]:
    """The stages of a network that can stream.

    Raises:
        BadArgument: it cannot.
    """
    if network.frames is None:
        raise BadArgument("form", NO_FRAMES)
    for stage in network.stages:
        for layer in net.walk(stage):
            if layer.when != 0 and (why := refusal(layer)):
                raise BadArgument("form", why)
    yield from network.stages


def _summed(stage: net.Stage[Any], of_body: Callable[[Body], Any]) -> Any:
    """What all blocks of a stage have together."""
    first, others = of_body(stage.first), [of_body(body) for body in stage.rest]
    if others and all(each is others[0] for each in others):
        if first is others[0]:
            return times(stage.repeat, first)
        return first + times(stage.repeat - 1, others[0])
    counts = (occurrences(stage.repeat, residue, len(others)) for residue in range(len(others)))
    return first + sum(times(count, each) for count, each in zip(counts, others, strict=True))


def _frames(body: Body) -> Body:
    """The same layers, of one frame."""
    return tuple(map(_frame, body))


def _frame(layer: net.Layer[Any]) -> net.Layer[Any]:
    layer = replace(layer, inputs=_plane(layer.inputs), outputs=_plane(layer.outputs))
    if isinstance(layer, net.Residual):
        return replace(layer, branch=_frames(layer.branch), shortcut=_frames(layer.shortcut))
    return layer


def _plane(shape: net.Shape[Any]) -> net.Shape[Any]:
    return replace(shape, sizes=shape.sizes[1:])


def _late(body: Iterable[net.Layer[Any]]) -> Any:
    """By how many frames a body's answers come late."""
    late: Any = 0
    for layer in body:
        if isinstance(layer, net.Residual):
            late = late + _largest(_late(layer.branch), _late(layer.shortcut))
        elif isinstance(layer, net.Conv) and layer.kernel[0] > 1:
            late = late + times(layer.when, layer.kernel[0] // 2)
    return late


def _kept(body: Iterable[net.Layer[Any]], frames: Any) -> Any:
    """What convolutions over frames and the head's mean remember."""
    kept: Any = 0
    for layer in net.layers(tuple(body)):
        if isinstance(layer, net.Conv) and layer.kernel[0] > 1:
            kept = kept + times(layer.when, times(layer.kernel[0] - 1, _smaller(layer)))
        elif isinstance(layer, net.Mean):
            kept = kept + (frames - 1) * layer.inputs.channels
    return kept


def _smaller(layer: net.Conv[Any]) -> Any:
    """The size of the smaller side; it is the output where channels stay and windows are half padded."""
    shapes = _plane(layer.inputs).elements, _plane(layer.outputs).elements
    half = all(2 * padding < size for padding, size in zip(layer.padding, layer.kernel, strict=True))
    return shapes[1] if half and layer.inputs.channels is layer.outputs.channels else _least(*shapes)


def _waits(body: Iterable[net.Layer[Any]]) -> dict[Path, tuple[Any, Any]]:
    """For every path of a sum that waits, the numbers before its layers and behind them."""
    waits: dict[Path, tuple[Any, Any]] = {}
    for layer in body:
        if isinstance(layer, net.Residual):
            waits |= _waits((*layer.branch, *layer.shortcut))
            paths = {"branch": _late(layer.branch), "shortcut": _late(layer.shortcut)}
            both = _largest(*paths.values())
            for path, late in paths.items():
                steps = times(layer.when, both + times(-1, late))
                if steps != 0:
                    sizes = (_plane(shape).elements for shape in (layer.inputs, layer.outputs))
                    before, behind = (times(steps, size) for size in sizes)
                    place: Path = (*layer.origin, path)
                    waits[place] = before, behind
    return waits


def _waiting(place: Path, side: int, body: Body) -> Any:
    """The numbers of one place, before its layers (0) or behind them (1)."""
    return _waits(body).get(place, (0, 0))[side]


def _largest(a: Any, b: Any) -> Any:
    return maximum(lift(a), lift(b)) if isinstance(a, Expr) or isinstance(b, Expr) else max(a, b)


def _least(a: Any, b: Any) -> Any:
    return minimum(lift(a), lift(b)) if isinstance(a, Expr) or isinstance(b, Expr) else min(a, b)
