"""Pointwise non-linearities: a table of functions, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.layer import Layer, N, Operation, moving
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Function:
    """A function of torch: its module, and the function that a forward calls."""

    module: str
    call: str
    is_layer: bool = True


#: Every function, by its key in a spec; some are no layers of their own, but gates.
FUNCTIONS = {
    "relu": Function("ReLU", "F.relu"),
    "relu6": Function("ReLU6", "F.relu6"),
    "swish": Function("SiLU", "F.silu"),
    "hard_swish": Function("Hardswish", "F.hardswish"),
    "sigmoid": Function("Sigmoid", "torch.sigmoid", is_layer=False),
    "hard_sigmoid": Function("Hardsigmoid", "F.hardsigmoid", is_layer=False),
}


@dataclass(frozen=True)
class Activation(Layer[N]):
    """One of :data:`FUNCTIONS` applied to every element."""

    function: str

    macro = "activation"
    is_module = False

    @classmethod
    def lower(cls, reader: Reader) -> Activation[Expr] | None:
        return Activation(**reader.base, outputs=reader.inputs, function=reader.kind)

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs)

    def constraints(self) -> Constraints:
        yield from ()

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        return {"function": self.function}

    def operations(self) -> Iterator[Operation]:
        yield self.function, [*self.outputs.numbers], {}
