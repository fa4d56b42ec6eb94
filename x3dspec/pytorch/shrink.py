"""Weights of a network become weights of a smaller one: those of the channels and blocks that matter most.

A channel matters as much as the weights of its norms are far from zero, summed over all of them (network
slimming, 1708.06519); one that no norm follows, as the filters that make it are (their L1 norm, 1608.08710).
A block matters as much as the mean over the channels of the norm that ends its branch. What is
computed is then another function, and is trained further.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.channel_spaces import Space, compared
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.expected import network as emitted

NOTE = (
    "not the same function: kept are the channels of the largest norm weights, and such blocks; train it on"
)


def shrink(state: Mapping[str, Tensor], large: Resolved, small: Resolved) -> State:
    """The smaller network's state dict.

    Args:
        state: of the larger network, by our names.
        large: the network that it is of.
        small: a network of the same family, no factor of which is larger.

    Raises:
        SpecError: the layer that the smaller network cannot take from the larger one.
    """
    kept = {
        after.name: _blocks(state, before, after)
        for before, after in zip(large.network.stages, small.network.stages, strict=False)
    }
    difference = compared(large.network, small.network, kept)
    for space in difference.spaces:
        _choose(space.root, state)
    shrunk = {}
    for key in emitted(small).shapes:
        rule = difference.rules[key]
        tensor = state[rule.source]
        for dimension, of in enumerate((rule.out, rule.read)):
            if of is not None:
                tensor = tensor.index_select(dimension, of.root.origin)
        shrunk[key] = tensor.clone()
    return shrunk


def _blocks(state: Mapping[str, Tensor], given: net.Stage[int], wanted: net.Stage[int]) -> list[int]:
    """The blocks that are kept, in the places of the smaller stage: of each kind the most important."""
    if wanted.repeat > given.repeat:
        raise SpecError.at(wanted.name, f"has {wanted.repeat} blocks, and only {given.repeat} were there")
    phases = len(given.rest)
    kept = [0] * wanted.repeat
    for phase in range(phases):
        places = [index for index in range(1, wanted.repeat) if index % phases == phase]
        there = [index for index in range(1, given.repeat) if index % phases == phase]
        there.sort(key=lambda index: -_importance(state, given, index))
        for place, index in zip(places, sorted(there[: len(places)]), strict=True):
            kept[place] = index
    return kept


def _importance(state: Mapping[str, Tensor], stage: net.Stage[int], index: int) -> float:
    body = stage.rest[index % len(stage.rest)]
    branch = next((layer.branch for layer in body if isinstance(layer, net.Residual)), body)
    weight = state.get(f"{stage.name}.{index}.{branch[-1].name}.weight")
    return 0.0 if weight is None else float(weight.double().abs().mean())


def _choose(space: Space, state: Mapping[str, Tensor]) -> None:
    if len(space.origin):
        return
    weights = [state[name].double().abs() for name in space.norms or space.writers]
    scores = torch.zeros(space.old, dtype=torch.double)
    for weight in weights:
        scores += weight.reshape(space.old, -1).sum(1)
    order = scores.argsort(descending=True, stable=True)
    space.origin = order[: space.new].sort().values
