"""Weights of a network become weights of a larger one that computes the same.

Both networks are walked side by side. Every tensor's dimension belongs to a space of channels: a
convolution reads one and makes one, a channel-wise one and a norm keep theirs, and the two sides of a
sum are one space. A space that grows does so alike wherever it is read or written, by one of two methods:

``duplicate``
    a new channel is a copy of an old one, and what reads the copies shares the old weight between them,
    unequally, so that they can part (Net2Net, 1511.05641; LEMON, 2310.07999);
``zero``
    a new channel is initialised as in a new network, and the weights that read it are zero.

Blocks that are appended begin as the identity: the last norm of their branch is zero. A copy has its
original's batch statistics, so that all this holds in train mode too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.expected import network as emitted

Body = tuple[net.Layer[int], ...]

#: Activations that change nothing where they have been applied already.
_IDEMPOTENT = ("relu", "relu6")


class Method(str, Enum):
    duplicate = "duplicate"
    zero = "zero"


def grow(
    state: Mapping[str, Tensor],
    small: Resolved,
    large: Resolved,
    method: Method = Method.duplicate,
    seed: int = 0,
) -> State:
    """The larger network's state dict, of the same function where frames, size and strides are the same.

    Args:
        state: of the smaller network, by our names; see ``convert``.
        small: the network that it is of.
        large: a network of the same family, no factor of which is smaller.
        method: how new channels begin.
        seed: of what is copied how often, and of new channels.

    Raises:
        SpecError: the layer at which the larger network cannot begin as the smaller one.
    """
    walk = _Walk()
    walk.network(small.network, large.network)
    fresh = emitted(large).module.state_dict()
    generator = torch.Generator().manual_seed(seed)
    for space in walk.spaces:
        space.root.draw(generator)
    grown = {}
    kinds = {key: tensor.dtype for key, tensor in state.items()}
    for key, tensor in fresh.items():
        rule = walk.rules.get(key)
        if rule is None:  # of an appended block
            kind = next(dtype for dtype in kinds.values() if dtype.is_floating_point)
            new = tensor.to(kind) if tensor.is_floating_point() else tensor.clone()
            grown[key] = torch.zeros_like(new) if key in walk.zeroed else new
        else:
            grown[key] = rule.applied(state[key], tensor, method)
    return grown


def notes(small: Resolved, large: Resolved) -> list[str]:
    """What makes the larger network another function all the same."""
    before, after = small.network, large.network
    if before.inputs.sizes == after.inputs.sizes and before.stride == after.stride:
        return []
    return [
        "frames, size or stride differ: the weights are kept, but what the network sees is not the same; "
        "recompute the norms' running statistics on clips of the new kind"
    ]


@dataclass(eq=False)
class _Space:
    """Channels that grow together. Two spaces that are added are one: `into` says which."""

    old: int
    new: int
    into: _Space | None = None
    origin: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    share: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.double))

    @property
    def root(self) -> _Space:
        return self if self.into is None else self.into.root

    @property
    def grows(self) -> bool:
        return self.old != self.new

    def tie(self, other: _Space) -> None:
        if self.root is not other.root:
            self.root.into = other.root

    def draw(self, generator: torch.Generator) -> None:
        """Choose which old channel each channel copies, and its share of what reads that."""
        if len(self.origin):
            return
        more = torch.randint(self.old, (self.new - self.old,), generator=generator)
        self.origin = torch.cat([torch.arange(self.old), more])
        part = torch.rand(self.new, generator=generator, dtype=torch.double) + 0.5
        whole = torch.zeros(self.old, dtype=torch.double).index_add(0, self.origin, part)
        self.share = part / whole[self.origin]


@dataclass(frozen=True)
class _Rule:
    """How one tensor grows: its first dimension is of the space `out`, its second of `read`, if any."""

    out: _Space | None
    read: _Space | None = None

    def applied(self, tensor: Tensor, fresh: Tensor, method: Method) -> Tensor:
        out = self.out.root if self.out else None
        read = self.read.root if self.read else None
        if method is Method.zero:
            return _extended(tensor, fresh, read)
        grown = tensor if out is None else tensor.index_select(0, out.origin)
        if read is None or not read.grows:
            return grown.clone()
        share = read.share.view(1, -1, *[1] * (tensor.ndim - 2))
        return (grown.index_select(1, read.origin).double() * share).to(tensor.dtype)


def _extended(tensor: Tensor, fresh: Tensor, read: _Space | None) -> Tensor:
    """The old tensor in the corner of a new one, which reads nothing of new channels there."""
    grown = fresh.to(tensor.dtype, copy=True)
    corner = tuple(slice(size) for size in tensor.shape)
    if read is not None:
        grown[:, tensor.shape[1] :] = 0
    grown[corner] = tensor
    return grown


class _Walk:
    """Both networks, layer by layer: a rule for every tensor, and the appended blocks' last norms."""

    def __init__(self) -> None:
        self.spaces: list[_Space] = []
        self.rules: dict[str, _Rule] = {}
        self.zeroed: set[str] = set()

    def network(self, small: net.Network[int], large: net.Network[int]) -> None:
        if [s.name for s in small.stages] != [s.name for s in large.stages]:
            raise SpecError.at("grow", "the two networks do not have the same stages")
        space = self._space("the input", small.inputs.channels, large.inputs.channels, fixed=True)
        for before, after in zip(small.stages, large.stages, strict=True):
            space = self._stage(before, after, space)
        if space.grows:
            raise SpecError.at(
                large.stages[-1].name, "has other classes: convert-weights --num-classes first"
            )

    def _space(self, name: str, old: int, new: int, *, fixed: bool = False) -> _Space:
        if new < old or (fixed and new != old):
            raise SpecError.at(name, f"has {old} channels, and {new} in the other network: it cannot grow so")
        self.spaces.append(_Space(old, new))
        return self.spaces[-1]

    def _stage(self, small: net.Stage[int], large: net.Stage[int], space: _Space) -> _Space:
        if small.repeat > large.repeat:
            raise SpecError.at(
                small.name, f"has {small.repeat} blocks, and only {large.repeat} in the larger network"
            )
        bodies = [body for body, _ in net.blocks(small)]
        for index, (body, _) in enumerate(net.blocks(large)):
            prefix = _prefix(large, index)
            if index < len(bodies):
                space = self._body(prefix, bodies[index], body, space)
            else:
                self._append(prefix, large, index, body)
        return space

    def _append(self, prefix: str, stage: net.Stage[int], index: int, body: Body) -> None:
        """A block behind those there were: the identity at first."""
        where = prefix.rstrip(".")
        residual, *rest = body
        if not isinstance(residual, net.Residual) or residual.shortcut:
            raise SpecError.at(where, "is no identity plus a branch: nothing can be appended there")
        for layer in rest:
            if not isinstance(layer, net.Activation) or layer.function not in _IDEMPOTENT:
                raise SpecError.at(
                    f"{prefix}{layer.name}", "is behind the sum and changes what passes it twice"
                )
        last = residual.branch[-1]
        if not isinstance(last, net.Norm | net.Conv):
            raise SpecError.at(f"{prefix}{last.name}", "ends an appended branch, and cannot be zero")
        self.zeroed |= {f"{prefix}{last.name}.weight", f"{prefix}{last.name}.bias"}

    def _body(self, prefix: str, small: Body, large: Body, space: _Space) -> _Space:
        for before, after in _pairs(prefix, small, large):
            name = f"{prefix}{after.name}"
            if isinstance(before, net.Residual) and isinstance(after, net.Residual):
                branch = self._body(prefix, before.branch, after.branch, space)
                branch.tie(self._body(prefix, before.shortcut, after.shortcut, space))
                space = branch
            else:
                space = self._layer(name, before, after, space)
        return space

    def _layer(self, name: str, small: net.Layer[int], large: net.Layer[int], space: _Space) -> _Space:
        if isinstance(large, net.SqueezeExcite) and isinstance(small, net.SqueezeExcite):
            hidden = self._space(f"{name}.reduce", small.hidden, large.hidden)
            self._weights(f"{name}.reduce", hidden, space)
            self._weights(f"{name}.expand", space, hidden)
        elif isinstance(large, net.Conv) and isinstance(small, net.Conv):
            return self._conv(name, small, large, space)
        elif isinstance(large, net.Linear):
            out = self._space(name, small.outputs.channels, large.outputs.channels)
            self._weights(name, out, space)
            return out
        else:
            for tensor, shape in large.tensors():  # a number of each channel, or one of all
                self.rules[f"{name}.{tensor}"] = _Rule(space if shape == (large.inputs.channels,) else None)
        return space

    def _conv(self, name: str, small: net.Conv[int], large: net.Conv[int], space: _Space) -> _Space:
        if small.kernel != large.kernel:
            raise SpecError.at(name, f"has the kernel {small.kernel}, in the larger network {large.kernel}")
        if _channelwise(small) and _channelwise(large):
            self._weights(name, space, None)
            return space
        out = self._space(name, small.outputs.channels, large.outputs.channels)
        if small.groups == large.groups == 1:
            self._weights(name, out, space)
        elif small.groups == large.groups and not out.grows and not space.grows:
            self._weights(name, out, None)
        else:
            raise SpecError.at(name, "has groups of channels, whose copies would be of another group")
        return out

    def _weights(self, name: str, out: _Space, read: _Space | None) -> None:
        self.rules[f"{name}.weight"] = _Rule(out, read)
        self.rules[f"{name}.bias"] = _Rule(out)


def _pairs(prefix: str, small: Body, large: Body) -> Iterator[tuple[net.Layer[int], net.Layer[int]]]:
    """The layers of two bodies, which must be the same but for their numbers."""
    for index in range(max(len(small), len(large))):
        before, after = (body[index] if index < len(body) else None for body in (small, large))
        if before is None or after is None or (type(before), before.name) != (type(after), after.name):
            layer = after or before
            assert layer is not None
            raise SpecError.at(f"{prefix}{layer.name}", "is in one of the two networks alone")
        yield before, after


def _channelwise(conv: net.Conv[int]) -> bool:
    return 1 < conv.groups == conv.inputs.channels == conv.outputs.channels


def _prefix(stage: net.Stage[int], index: int) -> str:
    if stage.block is None:
        return ""
    return f"{stage.name}.{index}." if stage.sequence else f"{stage.name}."
