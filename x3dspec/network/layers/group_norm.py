"""Group normalisation: of groups of channels, over all positions of a clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import ONE, Expr, floor, maximum
from x3dspec.network.conditions import Constraints, count, is_whole, must
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import FLOAT, Backward
from x3dspec.network.layers.layer import Layer, N, NamedShape, Operation
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class GroupNorm(Layer[N]):
    """`groups` divides the channels; one group is a layer normalisation over channels and positions."""

    groups: N
    eps: float

    macro = "group_norm"
    operators: ClassVar = {"native_group_norm": "group_norm"}
    called = "normalisation"
    mixes_channels = True

    @classmethod
    def lower(cls, reader: Reader) -> GroupNorm[Expr] | None:
        if not reader.spatial():
            return None
        groups, eps = reader.expression("groups"), reader.share("eps")
        return GroupNorm(**reader.base, outputs=reader.inputs, groups=groups, eps=eps)

    def count(self) -> Cost[Any]:
        size: Any = self.inputs.elements
        channels: Any = self.inputs.channels
        return Cost(params=2 * channels, layer_norm_elements=size, moved=2 * size + 2 * channels)

    def constraints(self: GroupNorm[Expr]) -> Constraints:
        path, channels = (*self.origin, "groups"), self.inputs.channels
        yield from count(path, "groups", self.groups)
        share = floor(channels) / maximum(floor(self.groups), ONE)
        message = "{0} groups do not divide {1} channels"
        yield from must(path, is_whole(share), message, (self.groups, channels), given=(self.groups,))

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "groups", self.groups
        yield "in_channels", self.inputs.channels

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {**numbers, **({"eps": repr(self.eps)} if self.eps != 1e-5 else {})}

    def backward(self, walk: Backward) -> None:
        """Its input, and the mean and deviation of every group."""
        walk.keep()
        walk.own(2 * FLOAT * self.groups)  # type: ignore[operator]
        walk.make(self.outputs.elements)
        walk.trains = 1

    def forward(self, live: Live) -> None:
        """The statistics too, though nobody asks."""
        live.at(self.outputs.elements, 2 * self.groups)  # type: ignore[operator]
        live.make(self.outputs.elements)

    def whole_clip(self) -> str:
        return "norm over all of the clip"

    def tensors(self) -> Iterator[NamedShape]:
        for name in ("weight", "bias"):
            yield name, (self.inputs.channels,)

    def operations(self) -> Iterator[Operation]:
        yield "group_norm", [*self.outputs.numbers], {"groups": self.groups, "eps": self.eps}
