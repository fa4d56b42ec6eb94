"""The network as data, at two temperatures.

Every number of a :class:`Network` is an expression over factors before :func:`bind`, an integer
after it. The classes are the same, and so is the code that walks them: what ``cost`` says of an
expression is the closed form, what it says of integers is the count.

Layers are the alphabet. Which layers make a block, and which blocks a stage, comes from the spec.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Generic, TypeVar

from x3dspec.language.document import Path
from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact
from x3dspec.language.source import Identity

N = TypeVar("N")
Setting = Mapping[str, Exact]


@dataclass(frozen=True)
class Shape(Generic[N]):
    """Channels, and the sizes after them: (T, H, W), (H, W), or nothing after the global mean."""

    channels: N
    sizes: tuple[N, ...]


@dataclass(frozen=True)
class Layer(Generic[N]):
    """What every layer has. `when` is 1 where the layer is there and 0 where it is not."""

    name: str
    origin: Path
    when: N
    inputs: Shape[N]
    outputs: Shape[N]


@dataclass(frozen=True)
class Conv(Layer[N]):
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    groups: N
    bias: bool


@dataclass(frozen=True)
class Norm(Layer[N]):
    eps: float
    momentum: float
    zero_init: bool


@dataclass(frozen=True)
class Activation(Layer[N]):
    function: str


@dataclass(frozen=True)
class SqueezeExcite(Layer[N]):
    """Channel attention. Its means are over the whole clip, or over each frame of it."""

    hidden: N
    activation: str
    gate: str
    over: str = "clip"


@dataclass(frozen=True)
class Pool(Layer[N]):
    function: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]


@dataclass(frozen=True)
class Mean(Layer[N]):
    pass


@dataclass(frozen=True)
class Linear(Layer[N]):
    bias: bool


@dataclass(frozen=True)
class Dropout(Layer[N]):
    rate: float


@dataclass(frozen=True)
class Residual(Layer[N]):
    """The sum of two paths. An empty shortcut is the identity; without `when`, branch alone."""

    branch: tuple[Layer[N], ...]
    shortcut: tuple[Layer[N], ...]


@dataclass(frozen=True)
class StepConv(Conv[N]):
    """A convolution over frames, of which a step sees one: kernel (T, H, W), stride and padding (H, W).

    It remembers T - 1 inputs, or as many partial sums of its output; its input is `delay` steps late.
    """

    delay: int
    keeps_inputs: bool


@dataclass(frozen=True)
class Delay(Layer[N]):
    """Its input of `steps` steps before."""

    steps: int


@dataclass(frozen=True)
class RunningMean(Mean[N]):
    """The mean of the last `window` frames, of which a step sees one; its input is `delay` steps late."""

    window: int
    delay: int


@dataclass(frozen=True)
class Stage(Generic[N]):
    """A line of the stage table: `first`, then ``repeat - 1`` blocks that take `rest` in turn.

    Block i > 0 is ``rest[i % len(rest)]``: a block whose layers alternate has one entry a phase.
    `sequence` says that the spec gives a repeat, be it 1: the stage is then a sequence of blocks.
    """

    name: str
    block: str | None
    origin: Path
    arguments: tuple[tuple[str, N], ...]
    repeat: N
    sequence: bool
    first: tuple[Layer[N], ...]
    rest: tuple[tuple[Layer[N], ...], ...]
    rest_arguments: tuple[tuple[tuple[str, N], ...], ...]
    inputs: Shape[N]
    outputs: Shape[N]

    def argument(self, name: str) -> N | None:
        return dict(self.arguments).get(name)


@dataclass(frozen=True)
class Factor:
    """A declared factor. `derived` where it follows from others instead of being set."""

    name: str
    grid: Exact
    low: Exact | None
    high: Exact | None
    derived: bool
    doc: str


@dataclass(frozen=True)
class Network(Generic[N]):
    """A network whose clip is `inputs`: channels and (T, S, S) or (S, S). `stride` is in frames."""

    identity: Identity
    inputs: Shape[N]
    stride: N | None
    classes: int
    stages: tuple[Stage[N], ...]

    @property
    def frames(self) -> N | None:
        return self.inputs.sizes[0] if len(self.inputs.sizes) == 3 else None

    @property
    def size(self) -> N:
        return self.inputs.sizes[-1]


def blocks(stage: Stage[int]) -> Iterator[tuple[tuple[Layer[int], ...], tuple[tuple[str, int], ...]]]:
    """The blocks of a bound stage in order, each with the arguments that it was given."""
    yield stage.first, stage.arguments
    for index in range(1, stage.repeat):
        phase = index % len(stage.rest)
        yield stage.rest[phase], stage.rest_arguments[phase]


def layers(body: tuple[Layer[N], ...]) -> Iterator[Layer[N]]:
    """Every layer of a body, those inside residuals included, in the order of execution."""
    for layer in body:
        if isinstance(layer, Residual):
            yield from layers(layer.shortcut)
            yield from layers(layer.branch)
        yield layer


def walk(stage: Stage[N]) -> Iterator[Layer[N]]:
    """Every layer of the stage's distinct blocks."""
    for body in (stage.first, *stage.rest):
        yield from layers(body)


def expressions(part: Any) -> Iterator[Expr]:
    """Every expression in a network or a part of one."""
    if isinstance(part, Expr):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from expressions(item)
    elif dataclasses.is_dataclass(part):
        for name in _fields(part.__class__):
            yield from expressions(getattr(part, name))


def substitute(part: Any, values: Mapping[Expr, Any]) -> Any:
    """The same part with each expression replaced by its value."""
    return _Substitution(values).of(part)


class _Substitution:
    """One walk; a shape that two layers share is replaced once."""

    def __init__(self, values: Mapping[Expr, Any]) -> None:
        self.values = values
        self.done: dict[int, Any] = {}

    def of(self, part: Any) -> Any:
        kind: type = type(part)
        if kind is Expr:
            return self.values[part]
        if kind is tuple:
            return tuple(map(self.of, part))
        names = _fields(kind)
        if not names:
            return part
        if id(part) not in self.done:
            self.done[id(part)] = kind(*[self.of(getattr(part, name)) for name in names])
        return self.done[id(part)]


@lru_cache(maxsize=64)
def _fields(kind: type) -> tuple[str, ...]:
    """The field names of a dataclass; none for what is no dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


def whole(value: Any) -> int | None:
    """The integer that an exact value is, or None."""
    if isinstance(value, int):
        return value
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else None
