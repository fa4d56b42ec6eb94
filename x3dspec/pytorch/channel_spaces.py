"""Two networks of one family side by side: which of their tensors' dimensions are the same channels.

A convolution reads one space of channels and makes one, a channel-wise one and a norm keep theirs, and the
two sides of a sum are one space. A space that changes its size does so alike wherever it is read or written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net

Body = tuple[net.Layer[int], ...]

#: Activations that change nothing where they have been applied already.
_IDEMPOTENT = ("relu", "relu6")


@dataclass(eq=False)
class Space:
    """Channels that change together. Two spaces that are added are one: `into` says which.

    Attributes:
        old: how many there are in the network whose weights are given.
        new: and in the one whose weights are wanted.
        origin: of each new channel, the old one that it is.
        share: of each new channel, its part of what reads its origin.
        norms: the weights of the norms of these channels, by name in the given network.
        writers: the weights that make them.
    """

    old: int
    new: int
    into: Space | None = None
    origin: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    share: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.double))
    norms: list[str] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)

    @property
    def root(self) -> Space:
        return self if self.into is None else self.into.root

    def tie(self, other: Space) -> None:
        if self.root is not other.root:
            other.root.norms += self.root.norms
            other.root.writers += self.root.writers
            self.root.into = other.root


@dataclass(frozen=True)
class Rule:
    """Whence one tensor comes: its first dimension is of the space `out`, its second of `read`, if any."""

    source: str
    out: Space | None
    read: Space | None = None


@dataclass(frozen=True)
class Difference:
    """What becomes of one network's tensors in another.

    Attributes:
        spaces: in the order in which they are met.
        rules: of the wanted network's tensors that the given one has, by name.
        zeroed: of those that it has not, what must be zero so that an appended block is the identity.
    """

    spaces: tuple[Space, ...]
    rules: Mapping[str, Rule]
    zeroed: frozenset[str]


def compared(
    given: net.Network[int], wanted: net.Network[int], kept: Mapping[str, Sequence[int]] | None = None
) -> Difference:
    """Walk both networks.

    Args:
        kept: of each stage, the given network's blocks that are wanted; without it no space and no stage
            may be smaller than it was, with it none larger.

    Raises:
        SpecError: the layer that cannot become the other network's.
    """
    walk = _Walk(kept)
    walk.network(given, wanted)
    return Difference(tuple(walk.spaces), walk.rules, frozenset(walk.zeroed))


class _Walk:
    def __init__(self, kept: Mapping[str, Sequence[int]] | None) -> None:
        self.kept = kept
        self.spaces: list[Space] = []
        self.rules: dict[str, Rule] = {}
        self.zeroed: set[str] = set()

    def network(self, given: net.Network[int], wanted: net.Network[int]) -> None:
        if [s.name for s in given.stages] != [s.name for s in wanted.stages]:
            raise SpecError.at("grow", "the two networks do not have the same stages")
        space = self._space("the input", given.inputs.channels, wanted.inputs.channels, fixed=True)
        for before, after in zip(given.stages, wanted.stages, strict=True):
            space = self._stage(before, after, space)
        if space.old != space.new:
            raise SpecError.at(
                wanted.stages[-1].name, "has other classes: convert-weights --num-classes first"
            )

    def _space(self, name: str, old: int, new: int, *, fixed: bool = False) -> Space:
        if (new > old if self.kept else new < old) or (fixed and new != old):
            how = "shrink" if self.kept else "grow"
            raise SpecError.at(
                name, f"has {old} channels, and {new} in the other network: it cannot {how} so"
            )
        self.spaces.append(Space(old, new))
        return self.spaces[-1]

    def _stage(self, given: net.Stage[int], wanted: net.Stage[int], space: Space) -> Space:
        if self.kept is None and given.repeat > wanted.repeat:
            raise SpecError.at(
                given.name, f"has {given.repeat} blocks, and only {wanted.repeat} in the larger network"
            )
        bodies = [body for body, _ in net.blocks(given)]
        sources = range(len(bodies)) if self.kept is None else self.kept[given.name]
        for index, (body, _) in enumerate(net.blocks(wanted)):
            prefix = _prefix(wanted, index)
            if index < len(sources):
                place = (_prefix(given, sources[index]), prefix)
                space = self._body(place, bodies[sources[index]], body, space)
            else:
                self._append(prefix, body)
        return space

    def _append(self, prefix: str, body: Body) -> None:
        """A block behind those there were: the identity at first."""
        residual, *rest = body
        if not isinstance(residual, net.Residual) or residual.shortcut:
            message = "is no identity plus a branch: nothing can be appended there"
            raise SpecError.at(prefix.rstrip("."), message)
        for layer in rest:
            if not isinstance(layer, net.Activation) or layer.function not in _IDEMPOTENT:
                raise SpecError.at(
                    f"{prefix}{layer.name}", "is behind the sum and changes what passes it twice"
                )
        last = residual.branch[-1]
        if not isinstance(last, net.Norm | net.Conv | net.Scale):
            raise SpecError.at(f"{prefix}{last.name}", "ends an appended branch, and cannot be zero")
        self.zeroed |= {f"{prefix}{last.name}.weight", f"{prefix}{last.name}.bias"}

    def _body(self, place: tuple[str, str], given: Body, wanted: Body, space: Space) -> Space:
        for before, after in _pairs(place[1], given, wanted):
            if isinstance(before, net.Residual) and isinstance(after, net.Residual):
                branch = self._body(place, before.branch, after.branch, space)
                branch.tie(self._body(place, before.shortcut, after.shortcut, space))
                space = branch
            else:
                names = (f"{place[0]}{before.name}", f"{place[1]}{after.name}")
                space = self._layer(names, before, after, space)
        return space

    def _layer(
        self, names: tuple[str, str], given: net.Layer[int], wanted: net.Layer[int], space: Space
    ) -> Space:
        source, name = names
        if isinstance(wanted, net.Norm):
            for buffer in ("weight", "bias", "running_mean", "running_var"):
                self.rules[f"{name}.{buffer}"] = Rule(f"{source}.{buffer}", space)
            self.rules[f"{name}.num_batches_tracked"] = Rule(f"{source}.num_batches_tracked", None)
            space.root.norms.append(f"{source}.weight")
        elif isinstance(wanted, net.SqueezeExcite) and isinstance(given, net.SqueezeExcite):
            hidden = self._space(f"{name}.reduce", given.hidden, wanted.hidden)
            self._weights((f"{source}.reduce", f"{name}.reduce"), hidden, space)
            self._weights((f"{source}.expand", f"{name}.expand"), space, hidden)
        elif isinstance(wanted, net.Conv) and isinstance(given, net.Conv):
            return self._conv(names, given, wanted, space)
        elif isinstance(wanted, net.Linear):
            out = self._space(name, given.outputs.channels, wanted.outputs.channels)
            self._weights(names, out, space)
            return out
        else:
            self._of_channels(names, wanted, space)
        return space

    def _of_channels(self, names: tuple[str, str], wanted: net.Layer[int], space: Space) -> None:
        """Tensors that have a number of each channel, or one of all."""
        if wanted.mixes_channels and space.old != space.new:
            raise SpecError.at(names[1], "takes its mean over channels, which copies of some would change")
        for tensor, shape in wanted.tensors():
            own = space if shape == (wanted.inputs.channels,) else None
            self.rules[f"{names[1]}.{tensor}"] = Rule(f"{names[0]}.{tensor}", own)

    def _conv(
        self, names: tuple[str, str], given: net.Conv[int], wanted: net.Conv[int], space: Space
    ) -> Space:
        name = names[1]
        if given.kernel != wanted.kernel:
            raise SpecError.at(
                name, f"has the kernel {given.kernel}, and {wanted.kernel} in the other network"
            )
        if _channelwise(given) and _channelwise(wanted):
            self._weights(names, space, None)
            return space
        out = self._space(name, given.outputs.channels, wanted.outputs.channels)
        if given.groups == wanted.groups == 1:
            self._weights(names, out, space)
        elif given.groups == wanted.groups and out.old == out.new and space.old == space.new:
            self._weights(names, out, None)
        else:
            raise SpecError.at(name, "has groups of channels, whose copies would be of another group")
        return out

    def _weights(self, names: tuple[str, str], out: Space, read: Space | None) -> None:
        source, name = names
        self.rules[f"{name}.weight"] = Rule(f"{source}.weight", out, read)
        self.rules[f"{name}.bias"] = Rule(f"{source}.bias", out)
        out.root.writers.append(f"{source}.weight")


def _pairs(prefix: str, given: Body, wanted: Body) -> Iterator[tuple[net.Layer[int], net.Layer[int]]]:
    """The layers of two bodies, which must be the same but for their numbers."""
    for index in range(max(len(given), len(wanted))):
        before, after = (body[index] if index < len(body) else None for body in (given, wanted))
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
