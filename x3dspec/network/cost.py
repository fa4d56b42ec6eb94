"""What a network costs: closed forms on expressions, counts on integers.

Each layer kind has one cost rule, plain arithmetic on its shapes (:mod:`x3dspec.network.layers`); nothing
else in x3dspec computes a cost. A multiply-accumulate (MAC) is one multiplication and the addition that
goes with it. What other tools report as FLOPs are sums of the same quantities, named in
:data:`CONVENTIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Protocol, TypeVar, cast

from x3dspec.language.errors import BadArgument, unknown
from x3dspec.language.expressions import Expr, residues

N = TypeVar("N")

BYTES_PER_NUMBER = 4
_NOTHING: Any = 0


@dataclass(frozen=True)
class Cost(Generic[N]):
    """What is counted, for one clip.

    Attributes:
        macs: multiply-accumulates of convolutions and linear layers.
        params: trainable parameters.
        weights: those of them that are weights of convolutions and linear layers, without biases.
        activations: elements that convolutions and linear layers produce, as pycls counts them.
        norm_elements: elements that pass through a batch normalisation.
        moved: numbers read and written when every layer runs by itself: input, parameters, output.
        layer_norm_elements: elements that pass through a layer or group normalisation.
        convention: by which `operations` are counted.
    """

    macs: N = _NOTHING
    params: N = _NOTHING
    weights: N = _NOTHING
    activations: N = _NOTHING
    norm_elements: N = _NOTHING
    moved: N = _NOTHING
    layer_norm_elements: N = _NOTHING
    convention: str = "paper"

    def __add__(self, other: Cost[Any]) -> Cost[Any]:
        return Cost(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    def times(self, count: Any) -> Cost[Any]:
        return Cost(*(count * getattr(self, name) for name in _FIELDS))

    @property
    def bytes(self) -> N:
        """Bytes moved in 32-bit floats."""
        moved: Any = self.moved
        return cast(N, BYTES_PER_NUMBER * moved)

    @property
    def operations(self) -> N:
        """What the convention counts."""
        return CONVENTIONS[self.convention].of(self)

    def by(self, convention: str) -> Cost[N]:
        """The same cost with its operations counted by another convention.

        Raises:
            SpecError: an unknown convention.
        """
        if convention not in CONVENTIONS:
            message = unknown("convention", convention, CONVENTIONS, "the conventions are")
            raise BadArgument("convention", message)
        return replace(self, convention=convention)


_FIELDS = tuple(field.name for field in fields(Cost) if field.name != "convention")
ZERO: Cost[Any] = Cost()


@dataclass(frozen=True)
class Convention:
    """A way of counting operations, as a sum of quantities. `unit` is what one of them is called."""

    name: str
    per_mac: int
    per_norm_element: int
    per_layer_norm_element: int
    unit: str
    doc: str

    def of(self, cost: Cost[N]) -> N:
        macs: Any = cost.macs
        norm_elements: Any = cost.norm_elements
        layer_norm_elements: Any = cost.layer_norm_elements
        norms = self.per_norm_element * norm_elements + self.per_layer_norm_element * layer_norm_elements
        return cast(N, self.per_mac * macs + norms)


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention(
            "paper",
            1,
            0,
            0,
            "MACs",
            "multiply-accumulates of convolutions and linear layers, which the paper calls FLOPs",
        ),
        Convention("torch", 2, 0, 0, "FLOPs", "2 per multiply-accumulate, as torch's FlopCounterMode"),
        Convention("fvcore", 1, 2, 5, "flops", "MACs and 2 per norm element, as fvcore in eval mode"),
        Convention(
            "ptv-zoo",
            1,
            5,
            5,
            "flops",
            "MACs and 5 per norm element, as fvcore in train mode: pytorchvideo's zoo",
        ),
    )
}


class Costed(Protocol):
    """Whatever says what it costs: a layer, a stage."""

    def cost(self) -> Cost[Any]: ...


def total(costs: Iterable[Cost[Any]]) -> Cost[Any]:
    return sum(costs, ZERO)


def of_body(body: Iterable[Costed]) -> Cost[Any]:
    """What a sequence of layers costs."""
    return total(layer.cost() for layer in body)


def occurrences(repeat: Any, residue: int, period: int) -> Any:
    """How many of the blocks 1 .. repeat - 1 have this residue; block 0 is the first."""
    if isinstance(repeat, Expr):
        count = residues(repeat, residue, period)
        return count - 1 if residue == 0 else count
    return len(range(residue or period, repeat, period))
