"""The places of a block, and the layer that stands there in each of its instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from x3dspec.codegen.classes import Body, Instance
from x3dspec.language.paths import Path
from x3dspec.network import layers as net


@dataclass
class Slot:
    """A layer's place in the block's document.

    Attributes:
        origin: where it is written.
        layers: the layer in each instance; None where it is absent.
        condition: the expression in the class for its being there; None where it always is.
        arguments: its numbers as the class spells them, by key: literals, or parameters.
    """

    origin: Path
    layers: list[net.Layer[int] | None]
    condition: str | None = None
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def sample(self) -> net.Layer[int]:
        """The layer in some instance that has it."""
        return next(layer for layer in self.layers if layer is not None)

    @property
    def kind(self) -> str:
        """Its macro; a function that is there in some instances only has to be a module."""
        return "function" if isinstance(self.sample, net.Activation) else self.sample.macro

    @property
    def is_module(self) -> bool:
        """Whether the class has an attribute for it."""
        if isinstance(self.sample, net.Activation):
            return self.condition is not None
        return self.sample.is_module

    def numbers(self) -> dict[str, list[int | None]]:
        """Every number of the layer, by key, over all instances."""
        described = [None if layer is None else dict(layer.numbers()) for layer in self.layers]
        keys = dict.fromkeys(key for numbers in described if numbers for key in numbers)
        return {key: [None if n is None else n[key] for n in described] for key in keys}

    def is_below(self, path: Path) -> bool:
        return self.origin[: len(path)] == path and self.origin != path


def slots_of(instances: Sequence[Instance]) -> list[Slot]:
    """Every place that any instance fills, in the order of the document."""
    filled = [{layer.origin: layer for layer in net.layers(i.body)} for i in instances]
    origins = sorted({origin for layers in filled for origin in layers})
    return [Slot(origin, [layers.get(origin) for layers in filled]) for origin in origins]


def on_input(body: Body) -> tuple[set[Path], bool]:
    """The layers that no convolution stands before, and whether none is in the whole body."""
    paths: set[Path] = set()
    for layer in body:
        paths.add(layer.origin)
        if isinstance(layer, net.Conv):
            return paths, False
        if isinstance(layer, net.Residual):
            branch, through = on_input(layer.branch)
            paths |= branch | on_input(layer.shortcut)[0]
            if not through:
                return paths, False
    return paths, True
