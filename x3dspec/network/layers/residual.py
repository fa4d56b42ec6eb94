"""The sum of two paths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from x3dspec.language.expressions import ONE, ZERO, Expr, equal
from x3dspec.network.conditions import Constraints, must
from x3dspec.network.cost import Cost, total
from x3dspec.network.layers.backward import Backward, any_of
from x3dspec.network.layers.layer import Layer, N, Operation
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Residual(Layer[N]):
    """The sum of two paths. An empty shortcut is the identity; without `when`, branch alone."""

    branch: tuple[Layer[N], ...]
    shortcut: tuple[Layer[N], ...]

    macro = ""  # no call of its own: a line of forward
    operators: ClassVar = {"add": "sum"}
    is_module = False

    @classmethod
    def lower(cls, reader: Reader) -> Residual[Expr] | None:
        keys, path = reader.keys, (*reader.origin, "shortcut")
        if "shortcut" in reader.origin:
            reader.report(reader.origin, "a shortcut cannot hold a residual")
        branch, outputs = reader.body(keys.branch, (*reader.origin, "branch"), ONE)
        shortcut: tuple[Layer[Expr], ...] = ()
        if keys.shortcut is not None and reader.base["when"] is not ZERO:
            when = ONE if keys.shortcut.when is None else reader.build(keys.shortcut.when, (*path, "when"))
            shortcut, _ = reader.body(keys.shortcut.layers, (*path, "layers"), when)
        return Residual(**reader.base, outputs=outputs, branch=branch, shortcut=shortcut)

    def cost(self) -> Cost[Any]:
        """Both paths are there whether or not they are added."""
        paths = total(layer.cost() for layer in (*self.branch, *self.shortcut))
        return paths + self.count().times(self.when)

    def count(self) -> Cost[Any]:
        """The sum alone: it reads two tensors and writes one."""
        return Cost(moved=3 * self.outputs.elements)

    def constraints(self: Residual[Expr]) -> Constraints:
        """Both paths give the same shape."""
        shape = self.shortcut[-1].outputs if self.shortcut else self.inputs
        if shape == self.outputs:
            return
        branch, other = self.outputs.numbers, shape.numbers
        same = math.prod(map(equal, branch, other), start=ONE) if len(branch) == len(other) else ZERO
        places = [f"{{{index}}}" for index in range(len(branch) + len(other))]
        gives, goes = " x ".join(places[: len(branch)]), " x ".join(places[len(branch) :])
        message = f"its branch gives {gives}, its shortcut {goes}: they cannot be added"
        yield from must(self.origin, same, message, (*branch, *other), given=(*branch, *other))

    def backward(self, walk: Backward) -> None:
        """A sum keeps nothing."""
        walk.make(self.outputs.elements)

    def walk_backward(self, walk: Backward) -> None:
        given, trains = walk.tensor, walk.trains
        for layer in self.branch:
            layer.walk_backward(walk)
        branch, branch_trains = walk.tensor, walk.trains
        walk.tensor, walk.trains = given, trains
        for layer in self.shortcut:
            layer.walk_backward(walk)
        both = any_of(branch_trains, walk.trains)
        walk.tensor, walk.trains = branch, branch_trains
        with walk.under(self.when):
            self.backward(walk)
            walk.trains = both

    def walk_forward(self, live: Live) -> None:
        live.add(self.origin, self.when, self.branch, self.shortcut, self.outputs.elements)

    def operations(self) -> Iterator[Operation]:
        yield "sum", [*self.outputs.numbers], {}
