"""What every kind of layer has and must say; a kind is one class in a file of its own beside this one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from x3dspec.language.expressions import Expr
from x3dspec.language.paths import Path
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers.backward import Backward, any_of, times
from x3dspec.network.layers.live import Live
from x3dspec.network.layers.reader import Reader

N = TypeVar("N")

#: What torch runs: a name, the shape of the result without the batch, and the numbers that it takes.
Operation = tuple[str, list[Any], Mapping[str, Any]]

#: A tensor of a state dict: its name behind its module's, and its shape.
NamedShape = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Shape(Generic[N]):
    """Channels, and the sizes after them: (T, H, W), (H, W), or nothing after a mean.

    Behind the mean over windows there are channels at every one of `positions`, and no sizes.
    """

    channels: N
    sizes: tuple[N, ...]
    positions: tuple[N, ...] = ()

    @property
    def numbers(self) -> tuple[N, ...]:
        """Positions, channels and sizes, in the order of a tensor's dimensions."""
        return (*self.positions, self.channels, *self.sizes)

    @property
    def elements(self) -> Any:
        """Elements of one sample's tensor."""
        sizes: Any = self.sizes + self.positions
        return math.prod(sizes) * self.channels


@dataclass(frozen=True)
class Layer(ABC, Generic[N]):
    """One layer: every number is an expression before binding and an integer after.

    `when` is 1 where the layer is there and 0 where it is not. What a kind must say, it says in the
    methods below; what it need not say has a default here.
    """

    name: str
    origin: Path
    when: N
    inputs: Shape[N]
    outputs: Shape[N]

    #: The macro of ``templates/layers.jinja`` that writes it.
    macro: ClassVar[str]
    #: What people call the kind where costs are told by kind.
    called: ClassVar[str] = "without a count"
    #: The class of the emitted file that it is built from, where torch has none, without its dimensions.
    helper: ClassVar[str] = ""
    #: Whether it is a module with a name, and not a line of forward alone.
    is_module: ClassVar[bool] = True
    #: The operations that torch runs for it: its dispatcher's name, and ours.
    operators: ClassVar[Mapping[str, str]] = {}
    #: Whether each channel of its result depends on other channels, though it has no weights between them.
    mixes_channels: ClassVar[bool] = False
    #: Whether its result is another tensor than its input, while training too.
    makes_tensor: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def lower(cls, reader: Reader) -> Layer[Expr] | None:
        """The shape rule: the layer that the keys of a document say; None where it is reported."""

    @abstractmethod
    def count(self) -> Cost[Any]:
        """The cost rule, for one clip, where the layer is there."""

    @abstractmethod
    def constraints(self) -> Constraints:
        """What must hold of its numbers, where it is there; see :mod:`x3dspec.network.conditions`."""

    @abstractmethod
    def backward(self, walk: Backward) -> None:
        """What training keeps of it, and what it makes, where it is there."""

    @abstractmethod
    def operations(self) -> Iterator[Operation]:
        """What torch runs for it; asked of integers."""

    def cost(self) -> Cost[Any]:
        """What it costs; nothing where its condition is 0."""
        cost = self.count()
        return cost if self.when == 1 else cost.times(self.when)

    def walk_backward(self, walk: Backward) -> None:
        """The same under its condition."""
        with walk.under(self.when):
            self.backward(walk)

    def whole_clip(self) -> str:
        """What of it takes the clip as one, so that no form can give it a frame at a time; in words."""
        return ""

    def forward(self, live: Live) -> None:
        """What is alive while it runs at inference, where it is there; most make a tensor."""
        live.make(self.outputs.elements)

    def walk_forward(self, live: Live) -> None:
        """The same under its condition; whoever comes next may overwrite what it made."""
        live.before = None
        with live.under(self.when):
            self.forward(live)
        live.fresh = any_of(live.fresh, times(live.uses.always(self.origin), int(self.makes_tensor)))

    def tensors(self) -> Iterator[NamedShape]:
        """What a state dict holds of it: names behind its own, and shapes."""
        yield from ()

    def kind(self) -> str:
        """What people call it."""
        return self.called

    def filter(self) -> tuple[str, N | None] | None:
        """What the paper's column of filters says of it: a window, and its channels."""
        return None

    def numbers(self) -> Iterator[tuple[str, Any]]:
        """The numbers of its constructor in which the uses of a block may differ, by name."""
        yield from ()

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        """The arguments of its constructor as text, without those at torch's defaults.

        `numbers` has those of :meth:`numbers` as the class spells them: literals, or parameters.
        """
        return dict(numbers)


def window(kernel: tuple[int, ...]) -> str:
    """(1, 3, 3) -> 1x3^2, as the paper writes it; (3, 3) -> 3^2."""
    *time, height, width = kernel
    space = f"{height}^2" if height == width else f"{height}x{width}"
    return "x".join([*map(str, time), space])


def weights(
    out: Any, channels: Any, kernel: tuple[int, ...], bias: bool, name: str = ""
) -> Iterator[NamedShape]:
    """The tensors of a convolution or linear layer, below `name` where it is not the module itself."""
    yield f"{name}weight", (out, channels, *kernel)
    if bias:
        yield f"{name}bias", (out,)


def moving(inputs: Shape[Any], outputs: Shape[Any]) -> Cost[Any]:
    """The cost of a layer that only reads and writes."""
    return Cost(moved=inputs.elements + outputs.elements)
