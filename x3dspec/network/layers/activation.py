"""Pointwise non-linearities: a table of functions, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import Expr
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.layer import Layer, N, Operation, moving
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class Function:
    """A function of torch.

    Attributes:
        module: its module in ``torch.nn``.
        call: the function that a forward calls.
        keeps: what its gradient needs, ``input`` or ``result``.
        inplace: whether it can overwrite its input.
        is_layer: whether it is a layer of its own, and not only a gate.
    """

    module: str
    call: str
    keeps: str
    inplace: bool = True
    is_layer: bool = True


#: Every function, by its key in a spec; some are no layers of their own, but gates.
FUNCTIONS = {
    "relu": Function("ReLU", "F.relu", "result"),
    "relu6": Function("ReLU6", "F.relu6", "input"),
    "swish": Function("SiLU", "F.silu", "input"),
    "hard_swish": Function("Hardswish", "F.hardswish", "input"),
    "sigmoid": Function("Sigmoid", "torch.sigmoid", "result", inplace=False, is_layer=False),
    "hard_sigmoid": Function("Hardsigmoid", "F.hardsigmoid", "input", is_layer=False),
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

    def backward(self, walk: Backward) -> None:
        """Its input or its result, as torch's derivative has it."""
        keeps = FUNCTIONS[self.function].keeps
        if keeps == "input":
            walk.keep(walk.trains)
        walk.make(self.outputs.elements)
        if keeps == "result":
            walk.keep(walk.trains)

    def walk_forward(self, live: Live) -> None:
        live.function(self.origin, self.when, self.outputs.elements)

    def operations(self) -> Iterator[Operation]:
        yield self.function, [*self.outputs.numbers], {}
