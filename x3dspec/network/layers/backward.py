"""What torch keeps for the backward pass, while a network is walked layer by layer.

Autograd keeps tensors, and what two layers keep of one tensor is kept once. Overwriting an input in
place saves nothing: a function whose gradient needs its input then keeps a copy. A layer says what it keeps
(its input, its result, something of its own) and what it makes; this sums the bytes. Everything is an
integer or an expression: a layer that may be absent keeps with the condition for it, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from x3dspec.language.expressions import ONE, Expr, either, equal, lift

#: Bytes of a 32-bit float and of an index of a pooling.
FLOAT, INDEX = 4, 8


@dataclass(eq=False)
class Tensor:
    """A tensor by its elements; `kept` is 1 where the backward pass needs it."""

    elements: Any
    kept: Any = 0


@dataclass
class Backward:
    """Where the walk stands.

    Attributes:
        tensor: what the next layer gets: tensors, each with the condition that it is the one.
        trains: whether that tensor has a gradient.
        clip: bytes for each clip that belong to no tensor passed on.
        batch: bytes that do not grow with the number of clips.
        when: the condition under which the layer at hand is there.
    """

    tensor: list[tuple[Tensor, Any]]
    trains: Any
    clip: Any = 0
    batch: Any = 0
    when: Any = 1
    made: list[Tensor] = field(default_factory=list)

    def keep(self, condition: Any = 1) -> None:
        """The layer's input is needed for its gradient."""
        for tensor, chosen in self.tensor:
            tensor.kept = any_of(tensor.kept, times(times(self.when, condition), chosen))

    def own(self, size: Any, condition: Any = 1) -> None:
        """Bytes of the layer's own, for each clip."""
        self.clip = self.clip + times(times(self.when, condition), size)

    def statistics(self, size: Any) -> None:
        """Bytes of the layer's own, however many clips there are."""
        self.batch = self.batch + times(self.when, size)

    def make(self, elements: Any) -> None:
        """The layer's result is a tensor of its own."""
        self.tensor = [(Tensor(elements), 1)]
        self.made.append(self.tensor[0][0])

    @contextmanager
    def under(self, when: Any) -> Iterator[None]:
        """Within, a layer that is there where `when` is 1; what reached it goes on where it is 0."""
        before, trains, outer = self.tensor, self.trains, self.when
        self.when = times(outer, when)
        yield
        if when != 1:
            absent = opposite(when)
            there = [(tensor, times(when, chosen)) for tensor, chosen in self.tensor]
            self.tensor = there + [(tensor, times(absent, chosen)) for tensor, chosen in before]
            self.trains = times(when, self.trains) + times(absent, trains)
        self.when = outer

    def total(self) -> Any:
        """The bytes for each clip so far."""
        sizes = (times(tensor.kept, FLOAT * tensor.elements) for tensor in self.made)
        return sum(sizes, self.clip)


def times(a: Any, b: Any) -> Any:
    """A product; of integers and expressions alike."""
    return a * b if isinstance(a, Expr) or not isinstance(b, Expr) else b * a


def opposite(a: Any) -> Any:
    return lift(1) - a if isinstance(a, Expr) else 1 - a


def is_one(a: Any) -> Any:
    """1 where it is 1."""
    return equal(a, ONE) if isinstance(a, Expr) else int(a == 1)


def any_of(a: Any, b: Any) -> Any:
    """1 where either is."""
    if a is b or (not isinstance(a, Expr) and not isinstance(b, Expr)):
        return a or b
    return either(lift(a), lift(b))
