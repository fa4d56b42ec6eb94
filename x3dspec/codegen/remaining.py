"""Which layers may be left after the rewrite that makes a form: the specification, and who breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from x3dspec.codegen.deploy import FrameConv, Projection, TimeConv
from x3dspec.codegen.flat import ClipConv, ClipMean, ClipPool
from x3dspec.network import layers as net
from x3dspec.network.stream_layers import Delay, RunningMean, StepConv

Kinds = frozenset[type[net.Layer[int]]]
_WRITTEN: Kinds = frozenset(net.KINDS.values())
_INFERENCE = _WRITTEN - {net.Dropout}
_MEANS: Kinds = frozenset({net.Mean, net.WindowMean})


@dataclass(frozen=True)
class Rule:
    """The kinds of layers that a form has, and the rank of its largest tensor, the batch counted."""

    kinds: Kinds
    rank: int


RULES = {
    "train": Rule(_WRITTEN, 5),
    "deploy": Rule(_INFERENCE | {FrameConv, TimeConv, Projection}, 5),
    "flat": Rule(_INFERENCE - _MEANS | {ClipConv, ClipPool, ClipMean}, 4),
    "stream": Rule(_INFERENCE - _MEANS | {StepConv, Delay, RunningMean}, 4),
    "stream_train": Rule(_WRITTEN, 5),
}


def strangers(form: str, network: net.Network[int]) -> Iterator[net.Layer[int]]:
    """The layers of a rewritten network that its form may not have."""
    rule = RULES[form]
    for stage in network.stages:
        for layer in net.walk(stage):
            ranks = [1 + len(shape.numbers) for shape in (layer.inputs, layer.outputs)]
            if type(layer) in (net.Conv, net.Pool):
                ranks.append(2 + len(vars(layer)["kernel"]))
            if type(layer) not in rule.kinds or max(ranks) > rule.rank:
                yield layer
