"""The layers of a stream that remember: no key of a spec says them, the rewrite in ``stream`` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import Expr
from x3dspec.network import layers as net
from x3dspec.network.conditions import Constraints
from x3dspec.network.cost import Cost
from x3dspec.network.layers import windows
from x3dspec.network.layers.backward import Backward
from x3dspec.network.layers.conv import flag
from x3dspec.network.layers.layer import Operation, moving
from x3dspec.network.layers.reader import Reader


@dataclass(frozen=True)
class StepConv(net.Conv[net.N]):
    """A convolution over frames, of which a step sees one: kernel (T, H, W), stride and padding (H, W).

    It remembers T - 1 inputs, or as many partial sums of its output; its input is `delay` steps late.
    """

    delay: int
    keeps_inputs: bool

    macro = "step_conv"

    @property
    def remembered(self) -> int:
        """Numbers of a sample."""
        size: int = (self.inputs if self.keeps_inputs else self.outputs).elements
        return (self.kernel[0] - 1) * size

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "in_channels", self.inputs.channels
        yield "out_channels", self.outputs.channels
        yield "frames", self.kernel[0]
        yield "delay", self.delay
        yield from windows.numbers(self.kernel[1:], self.stride, self.padding)
        yield "groups", self.groups
        yield "bias", int(self.bias)
        yield "keeps_inputs", int(self.keeps_inputs)

    def arguments(self, numbers: Mapping[str, str]) -> dict[str, str]:
        given = {**super().arguments(numbers), **windows.picked(numbers, "frames", "delay")}
        keeps = flag(numbers["keeps_inputs"])
        return given if keeps == "False" else {**given, "keeps_inputs": keeps}


@dataclass(frozen=True)
class Delay(net.Layer[net.N]):
    """Its input of `steps` steps before."""

    steps: int

    macro = "delay"
    makes_tensor = False

    @classmethod
    def lower(cls, reader: Reader) -> net.Layer[Expr] | None:
        """No key of a spec says it."""
        return None

    @property
    def remembered(self) -> int:
        """Numbers of a sample."""
        size: int = self.inputs.elements
        return self.steps * size

    def count(self) -> Cost[Any]:
        return moving(self.inputs, self.outputs)

    def constraints(self) -> Constraints:
        yield from ()

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "steps", self.steps

    def backward(self, walk: Backward) -> None:
        """Nothing: a stream is not trained."""

    def operations(self) -> Iterator[Operation]:
        yield from ()


@dataclass(frozen=True)
class RunningMean(net.Mean[net.N]):
    """The mean of the last `window` frames, of which a step sees one; its input is `delay` steps late."""

    window: int
    delay: int

    macro = "running_mean"
    is_module = True

    @property
    def remembered(self) -> int:
        """Numbers of a sample."""
        channels: Any = self.inputs.channels
        return (self.window - 1) * int(channels)

    def numbers(self) -> Iterator[tuple[str, Any]]:
        yield "window", self.window
        yield "delay", self.delay
