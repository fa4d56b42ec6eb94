"""The deploy form of a network: what runs at inference, in the memory order that runs fast.

Two steps, both from networks to networks. :func:`folded` takes every norm into the convolution
before it and leaves dropout out: that is what is counted. :func:`laid_out` then spells convolutions
in the form that PyTorch's CPU kernels are fast in, with the channels last in memory: a 2-D
convolution of each frame, a 2-D convolution along time, a linear layer over the channels.

Decisions are taken for a place of the document, not for a layer: all instances of a block are one
class in the emitted file, and a norm or a form is the same in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from x3dspec.language.paths import Path
from x3dspec.network import layers as net
from x3dspec.network.layers import N

Body = tuple[net.Layer[int], ...]
#: The fields of a convolution that have a number a dimension, and what they are where it has no extent.
_WINDOW = {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}


@dataclass(frozen=True)
class FrameConv(net.Conv[N]):
    """A convolution without extent in time, as a 2-D one: kernel, stride, padding are (H, W)."""

    macro = "frame_conv"


@dataclass(frozen=True)
class TimeConv(net.Conv[N]):
    """A convolution along time alone, as a 2-D one over (T, H * W)."""

    macro = "time_conv"


@dataclass(frozen=True)
class Projection(net.Conv[N]):
    """A 1x1x1 convolution to fewer channels, as a linear layer: without kernel, stride, padding."""

    macro = "projection"


@dataclass(frozen=True)
class Fold:
    """A norm that its convolution has taken in, by their names."""

    conv: str
    norm: str
    eps: float


def folded(network: net.Network[int]) -> net.Network[int]:
    """The network without dropout, its norms in the convolutions before them.

    A norm stays where some instance of its block has it after anything but one convolution without
    a bias of its own.
    """
    gone = _pairs(network)
    biased = set(gone.values())

    def inference(body: Body) -> Iterator[net.Layer[int]]:
        for layer, after in zip(body, (*body, None)[1:], strict=True):
            if isinstance(layer, net.Dropout) or layer.origin in gone:
                continue
            if isinstance(layer, net.Conv) and layer.origin in biased:
                yield replace(layer, bias=after is not None and after.origin in gone)
            else:
                yield layer

    return mapped(network, lambda body: tuple(inference(body)))


def folds(network: net.Network[int]) -> dict[str | None, tuple[Fold, ...]]:
    """What :func:`folded` does to each block's class, and (under None) to the stages without a block."""
    gone = _pairs(network)
    classes: dict[str | None, dict[Path, Fold]] = {}
    for stage in network.stages:
        for body in (stage.first, *stage.rest):
            for conv, norm in chain.from_iterable(map(pairwise, _chains(body))):
                if isinstance(norm, net.Norm) and norm.origin in gone:
                    of_class = classes.setdefault(stage.block, {})
                    of_class[norm.origin] = Fold(conv.name, norm.name, norm.eps)
    return {block: tuple(folds[origin] for origin in sorted(folds)) for block, folds in classes.items()}


def laid_out(network: net.Network[int]) -> net.Network[int]:
    """The network with each convolution in the form that is fast where the channels come last."""
    if network.frames is None:
        return network  # PyTorch's 2-D convolutions are fast as they are
    at: dict[Path, list[net.Conv[int]]] = {}
    for layer in _all(network):
        if isinstance(layer, net.Conv):
            at.setdefault(layer.origin, []).append(layer)
    forms = {origin: _form(convolutions) for origin, convolutions in at.items()}

    def spelled(layer: net.Layer[int]) -> net.Layer[int]:
        return forms[layer.origin](layer) if isinstance(layer, net.Conv) else layer

    return mapped(network, lambda body: tuple(map(spelled, body)))


def _form(convolutions: list[net.Conv[int]]) -> Callable[[net.Conv[int]], net.Conv[int]]:
    """The first form that all of them can have.

    To fewer channels, a linear layer wins: its extra pass that writes the bias is over the smaller
    tensor. To more, the 2-D convolution does. (benchmarks/deploy.py)
    """
    if any(isinstance(conv, net.SameConv) for conv in convolutions):
        return _same
    if all(_is_pointwise(conv) and conv.outputs.channels < conv.inputs.channels for conv in convolutions):
        return _projection
    if all((conv.kernel[0], conv.stride[0]) == (1, 1) for conv in convolutions):
        return _frame_conv
    if all((*conv.kernel[1:], *conv.stride[1:]) == (1, 1, 1, 1) for conv in convolutions):
        return _time_conv
    return _same


def _is_pointwise(conv: net.Conv[int]) -> bool:
    return {*conv.kernel, *conv.stride, conv.groups} == {1}


def _projection(conv: net.Conv[int]) -> net.Conv[int]:
    return Projection(**{**vars(conv), "kernel": (), "stride": (), "padding": (), "dilation": ()})


def _frame_conv(conv: net.Conv[int]) -> net.Conv[int]:
    return FrameConv(**{**vars(conv), **{name: getattr(conv, name)[1:] for name in _WINDOW}})


def _time_conv(conv: net.Conv[int]) -> net.Conv[int]:
    return TimeConv(
        **{**vars(conv), **{name: (getattr(conv, name)[0], rest) for name, rest in _WINDOW.items()}}
    )


def _same(conv: net.Conv[int]) -> net.Conv[int]:
    return conv


def _pairs(network: net.Network[int]) -> dict[Path, Path]:
    """For each norm that can be folded, by its place, the place of its convolution."""
    before: dict[Path, set[Path | None]] = {}
    after: dict[Path, set[Path | None]] = {}
    for stage in network.stages:
        for body in (stage.first, *stage.rest):
            for one, other in _neighbours(body):
                if isinstance(other, net.Norm):
                    plain = isinstance(one, net.Conv) and not one.bias
                    before.setdefault(other.origin, set()).add(one.origin if one and plain else None)
                if isinstance(one, net.Conv):
                    is_norm = isinstance(other, net.Norm)
                    after.setdefault(one.origin, set()).add(other.origin if other and is_norm else None)
    pairs = {}
    for norm, convolutions in before.items():
        first = next(iter(convolutions))
        if first is not None and len(convolutions) == 1 and after[first] <= {norm, None}:
            pairs[norm] = first
    return pairs


def _neighbours(body: Body) -> Iterator[tuple[net.Layer[int] | None, net.Layer[int] | None]]:
    for each in _chains(body):
        yield from pairwise((None, *each, None))


def _chains(body: Body) -> Iterator[Body]:
    """The body itself and every path of its sums: within one, each layer gets what the last one made."""
    yield body
    for layer in body:
        if isinstance(layer, net.Residual):
            yield from _chains(layer.branch)
            yield from _chains(layer.shortcut)


def _all(network: net.Network[int]) -> Iterator[net.Layer[int]]:
    for stage in network.stages:
        yield from net.walk(stage)


def mapped(network: net.Network[int], change: Callable[[Body], Body]) -> net.Network[int]:
    """The network with every chain of layers changed, those inside sums first."""

    def changed(body: Body) -> Body:
        return change(tuple(map(inside, body)))

    def inside(layer: net.Layer[int]) -> net.Layer[int]:
        if not isinstance(layer, net.Residual):
            return layer
        return replace(layer, branch=changed(layer.branch), shortcut=changed(layer.shortcut))

    stages = tuple(
        replace(stage, first=changed(stage.first), rest=tuple(map(changed, stage.rest)))
        for stage in network.stages
    )
    return replace(network, stages=stages)
