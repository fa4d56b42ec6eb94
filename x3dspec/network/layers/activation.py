"""Pointwise non-linearities: a table of functions, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

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
        inplace: whether it can overwrite its input and keep what `keeps` says.
        given: further arguments of both, as text.
        numbers: what torch's operator is given of itself.
        renamed: what torch's dispatcher calls it, where that is not the name of its call.
    """

    module: str
    call: str
    keeps: str
    inplace: bool = True
    given: str = ""
    numbers: Mapping[str, object] = field(default_factory=dict)
    renamed: str = ""

    @property
    def operator(self) -> str:
        """What torch's dispatcher calls it."""
        return self.renamed or self.call.rpartition(".")[2]


#: Every function, by its key in a spec.
FUNCTIONS = {
    "relu": Function("ReLU", "F.relu", "result"),
    "relu6": Function("ReLU6", "F.relu6", "input", renamed="hardtanh"),
    "swish": Function("SiLU", "F.silu", "input"),
    "hard_swish": Function("Hardswish", "F.hardswish", "input"),
    "sigmoid": Function("Sigmoid", "torch.sigmoid", "result", inplace=False),
    "hard_sigmoid": Function("Hardsigmoid", "F.hardsigmoid", "input"),
    "tanh": Function("Tanh", "torch.tanh", "result", inplace=False),
    "gelu": Function("GELU", "F.gelu", "input", inplace=False),
    "gelu_tanh": Function("GELU", "F.gelu", "input", inplace=False, given='approximate="tanh"'),
    "mish": Function("Mish", "F.mish", "input"),
    "elu": Function("ELU", "F.elu", "input", inplace=False, numbers={"alpha": 1.0}),
    "leaky_relu": Function(
        "LeakyReLU", "F.leaky_relu", "input", inplace=False, numbers={"negative_slope": 0.01}
    ),
}


@dataclass(frozen=True)
class Activation(Layer[N]):
    """One of :data:`FUNCTIONS` applied to every element."""

    function: str

    macro = "activation"
    operators: ClassVar = {each.operator: name for name, each in FUNCTIONS.items() if not each.given}
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
        inplace = int(FUNCTIONS[self.function].inplace)
        live.function(self.origin, self.when, self.outputs.elements, inplace)

    def operations(self) -> Iterator[Operation]:
        yield self.function, [*self.outputs.numbers], FUNCTIONS[self.function].numbers
