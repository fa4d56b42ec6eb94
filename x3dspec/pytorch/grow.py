"""Weights of a network become weights of a larger one that computes the same.

Spaces of channels (``channel_spaces``) grow by one of two methods:

``duplicate``
    a new channel is a copy of an old one, and what reads the copies shares the old weight between them,
    unequally, so that they can part (Net2Net, 1511.05641; LEMON, 2310.07999);
``zero``
    a new channel is initialised as in a new network, and the weights that read it are zero.

Blocks that are appended begin as the identity: the last norm of their branch is zero. A copy has its
original's batch statistics, so that all this holds in train mode too. What a loss says of a copy is its
share of what it says of the original: so gradients grow, and what an optimiser keeps of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import torch
from torch import Tensor

from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.channel_spaces import Rule, Space, compared
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.expected import network as emitted


class Method(str, Enum):
    duplicate = "duplicate"
    zero = "zero"


class Growth:
    """The way from one network's tensors to a larger one's.

    Args:
        small: the network whose tensors are given.
        large: a network of the same family, no factor of which is smaller.
        method: how new channels begin.
        seed: of what is copied how often, and of new channels.

    Raises:
        SpecError: the layer at which the larger network cannot begin as the smaller one.
    """

    def __init__(
        self, small: Resolved, large: Resolved, method: Method = Method.duplicate, seed: int = 0
    ) -> None:
        self._difference = compared(small.network, large.network)
        self._fresh = emitted(large).module.state_dict()
        self._method = method
        generator = torch.Generator().manual_seed(seed)
        for space in self._difference.spaces:
            _draw(space.root, generator)

    def weights(self, state: Mapping[str, Tensor]) -> State:
        """The larger network's state dict, of the same function where sizes and strides are the same."""
        kind = next(tensor.dtype for tensor in state.values() if tensor.is_floating_point())
        grown = {}
        for key, tensor in self._fresh.items():
            rule = self._difference.rules.get(key)
            if rule is not None:
                grown[key] = self._weight(rule, state[rule.source], tensor)
                continue
            new = tensor.to(kind) if tensor.is_floating_point() else tensor.clone()
            grown[key] = torch.zeros_like(new) if key in self._difference.zeroed else new
        return grown

    def gradients(self, state: Mapping[str, Tensor], power: int = 1) -> State:
        """Gradients of parameters as those of the larger network's, without its appended blocks.

        Args:
            state: gradients, or means of them, by the parameters' names; some may be missing.
            power: 2 where they are squares of gradients.
        """
        rules = self._difference.rules
        return {
            key: self._gradient(rule, state[rule.source], self._fresh[key], power)
            for key, rule in rules.items()
            if key in self._fresh and rule.source in state
        }

    def _weight(self, rule: Rule, tensor: Tensor, fresh: Tensor) -> Tensor:
        if self._method is Method.zero:
            grown = fresh.to(tensor.dtype, copy=True)
            if rule.read is not None:
                grown[:, tensor.shape[1] :] = 0
            return _cornered(grown, tensor)
        grown = _copied(rule, tensor)
        if rule.read is not None and _grows(rule.read.root):
            grown = _times(grown, rule.read.root.share, 1)
        return grown

    def _gradient(self, rule: Rule, tensor: Tensor, fresh: Tensor, power: int) -> Tensor:
        if self._method is Method.zero:
            return _cornered(torch.zeros_like(fresh, dtype=tensor.dtype), tensor)
        grown = _copied(rule, tensor)
        if rule.out is not None and _grows(rule.out.root):
            grown = _times(grown, rule.out.root.share**power, 0)
        return grown


def grow(
    state: Mapping[str, Tensor],
    small: Resolved,
    large: Resolved,
    method: Method = Method.duplicate,
    seed: int = 0,
) -> State:
    """The larger network's state dict, by our names: see :class:`Growth`."""
    return Growth(small, large, method, seed).weights(state)


def notes(small: Resolved, large: Resolved) -> list[str]:
    """What makes the larger network another function all the same."""
    before, after = small.network, large.network
    if before.inputs.sizes == after.inputs.sizes and before.stride == after.stride:
        return []
    return [
        "frames, size or stride differ: the weights are kept, but what the network sees is not the same; "
        "--recalibrate recomputes the norms' running statistics on clips of the new kind"
    ]


def _grows(space: Space) -> bool:
    return space.old != space.new


def _draw(space: Space, generator: torch.Generator) -> None:
    """Choose which old channel each channel copies, and its share of what reads that."""
    if len(space.origin):
        return
    more = torch.randint(space.old, (space.new - space.old,), generator=generator)
    space.origin = torch.cat([torch.arange(space.old), more])
    part = torch.rand(space.new, generator=generator, dtype=torch.double) + 0.5
    whole = torch.zeros(space.old, dtype=torch.double).index_add(0, space.origin, part)
    space.share = part / whole[space.origin]


def _copied(rule: Rule, tensor: Tensor) -> Tensor:
    grown = tensor if rule.out is None else tensor.index_select(0, rule.out.root.origin)
    return grown.clone() if rule.read is None else grown.index_select(1, rule.read.root.origin)


def _times(tensor: Tensor, shares: Tensor, dimension: int) -> Tensor:
    shape = [1] * tensor.ndim
    shape[dimension] = -1
    return (tensor.double() * shares.view(shape)).to(tensor.dtype)


def _cornered(grown: Tensor, tensor: Tensor) -> Tensor:
    """The old tensor in the corner of a new one."""
    grown[tuple(slice(size) for size in tensor.shape)] = tensor
    return grown
