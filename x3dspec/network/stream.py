"""The stream of a network: one frame a step, and a memory instead of the frames before.

A convolution of k frames is k 2-D ones of the newest frame. What they add to answers that are still to
come is remembered, k - 1 partial sums, or else k - 1 inputs where these are smaller. A centred kernel
answers k // 2 steps late; the shortcut beside it waits as long. Zero padding is each layer's own, so that
the first and the last frames are those of the clip. Two means of the clip cannot be: squeeze-excitation
sees each frame's mean, the head that of as many last frames as the clip has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from x3dspec.language.errors import SpecError
from x3dspec.language.paths import Path
from x3dspec.network import layers as net
from x3dspec.network import receptive
from x3dspec.network.architecture import Resolved
from x3dspec.network.stream_layers import Delay, RunningMean, StepConv
from x3dspec.network.stream_quantities import NO_FRAMES, refusal

Body = tuple[net.Layer[int], ...]
#: Where a shortcut waits among its layers: before all of them, or behind.
_BEFORE, _BEHIND = -1, 1_000_000


@dataclass(frozen=True)
class Memory:
    """What a stream remembers, in numbers a sample, and how late and from how many frames it answers."""

    convolutions: int
    shortcuts: int
    head: int
    delay: int
    frames: int

    @property
    def numbers(self) -> int:
        return self.convolutions + self.shortcuts + self.head


def streamed(resolved: Resolved) -> Resolved:
    """The network of one step: 2-D layers, and those that remember.

    Raises:
        SpecError: no frames, or layers that cannot stream, such as a stride in time; each is named.
    """
    return replace(resolved, network=_Streaming(resolved).network())


def trainable(network: net.Network[int]) -> net.Network[int]:
    """The clip's network that a stream runs: squeeze-excitation by frame."""

    def changed(layer: net.Layer[int]) -> net.Layer[int]:
        if isinstance(layer, net.Residual):
            return replace(layer, branch=_each(layer.branch), shortcut=_each(layer.shortcut))
        return replace(layer, over="frame") if isinstance(layer, net.SqueezeExcite) else layer

    def _each(body: Body) -> Body:
        return tuple(map(changed, body))

    stages = (
        replace(stage, first=_each(stage.first), rest=tuple(map(_each, stage.rest)))
        for stage in network.stages
    )
    return replace(network, stages=tuple(stages))


def memory(network: net.Network[int]) -> Memory:
    """What a streamed network remembers."""
    kept = {StepConv: 0, Delay: 0, RunningMean: 0}
    delay = 0
    for layer in _layers(network):
        if isinstance(layer, (StepConv, Delay, RunningMean)):
            kept[type(layer)] += layer.remembered
        if isinstance(layer, RunningMean):
            delay = layer.delay
    convolutions, shortcuts, head = kept.values()
    return Memory(convolutions, shortcuts, head, delay, receptive.seen(network)[0])


def _layers(network: net.Network[int]) -> Iterator[net.Layer[int]]:
    for stage in network.stages:
        for body, _ in net.blocks(stage):
            yield from net.layers(body)


class _Streaming:
    """One walk in the order of execution, which knows how late it is."""

    def __init__(self, resolved: Resolved) -> None:
        self.clip = resolved.network
        self.document = resolved.architecture.source.document
        self.refused: dict[Path, str] = {}
        self.delay = 0
        self.waits: dict[Path, tuple[int, int]] = {}
        # All instances of a block are one class: where one is over frames, all are, be it over one.
        self.in_time = {
            layer.origin
            for layer in _layers(self.clip)
            if isinstance(layer, net.Conv) and len(layer.kernel) == 3 and layer.kernel[0] > 1
        }

    def network(self) -> net.Network[int]:
        if self.clip.frames is None:
            raise SpecError([self.document.problem(("input",), NO_FRAMES)])
        tuple(map(self._stage, self.clip.stages))  # to learn where something waits
        if self.refused:
            raise SpecError([self.document.problem(path, why) for path, why in self.refused.items()])
        self.delay = 0
        stages = tuple(map(self._stage, self.clip.stages))
        return replace(self.clip, inputs=_frame(self.clip.inputs), stages=stages)

    def _stage(self, stage: net.Stage[int]) -> net.Stage[int]:
        """Its blocks one by one: each is later than the one before."""
        bodies = [self._body(body) for body, _ in net.blocks(stage)]
        arguments = tuple(arguments for _, arguments in net.blocks(stage))
        rest = (tuple(bodies), arguments) if len(bodies) > 1 else ((), ())
        return replace(
            stage,
            first=bodies[0],
            rest=rest[0],
            rest_arguments=rest[1],
            inputs=_frame(stage.inputs),
            outputs=_frame(stage.outputs),
        )

    def _body(self, body: Body) -> Body:
        return tuple(layer for each in body for layer in self._layer(each))

    def _layer(self, layer: net.Layer[int]) -> Iterator[net.Layer[int]]:
        inputs, outputs = _frame(layer.inputs), _frame(layer.outputs)
        if isinstance(layer, net.Dropout):
            return
        if why := refusal(layer):
            self.refused[layer.origin] = why
        elif isinstance(layer, (net.Conv, net.Pool)):
            layer = self._window(layer)
        elif isinstance(layer, net.Mean):
            assert self.clip.frames is not None
            layer = RunningMean(**vars(layer), window=self.clip.frames, delay=self.delay)
        layer = replace(layer, inputs=inputs, outputs=outputs)
        yield self._residual(layer) if isinstance(layer, net.Residual) else layer

    def _window(self, layer: net.Conv[int] | net.Pool[int]) -> net.Layer[int]:
        plane = replace(layer, kernel=layer.kernel[1:], stride=layer.stride[1:], padding=layer.padding[1:])
        if not isinstance(layer, net.Conv):
            return plane
        if layer.origin not in self.in_time:
            return net.Conv(**{**vars(plane), "dilation": layer.dilation[1:]})
        frames = layer.kernel[0]
        delay, self.delay = self.delay, self.delay + frames // 2
        smaller = _frame(layer.inputs).elements < _frame(layer.outputs).elements
        given = {**vars(plane), "kernel": layer.kernel, "dilation": layer.dilation}
        return StepConv(**given, delay=delay, keeps_inputs=smaller and frames > 1)

    def _residual(self, layer: net.Residual[int]) -> net.Residual[int]:
        start = self.delay
        branch = self._body(layer.branch)
        end, self.delay = self.delay, start
        shortcut = self._body(layer.shortcut)
        waits = end - self.delay
        self.delay = max(end, self.delay)
        return replace(
            layer,
            branch=self._waiting(branch, layer, "branch", max(-waits, 0)),
            shortcut=self._waiting(shortcut, layer, "shortcut", max(waits, 0)),
        )

    def _waiting(self, body: Body, layer: net.Residual[int], path: str, steps: int) -> Body:
        """A path of a sum that waits for the other one, where its tensors are the smaller ones.

        Where one instance of a block waits, all have the layer, be it for no step.
        """
        place = (*layer.origin, path)
        if steps:
            before, after = self.waits.get(place, (0, 0))
            sizes = layer.inputs.elements, layer.outputs.elements
            self.waits[place] = before + steps * sizes[0], after + steps * sizes[1]
        if place not in self.waits:
            return body
        behind = self.waits[place][1] <= self.waits[place][0]
        shape = layer.outputs if behind else layer.inputs
        origin = (*place, "layers", _BEHIND if behind else _BEFORE, "delay")
        wait = Delay(f"{path}_delay", origin, 1, shape, shape, steps)
        return (*body, wait) if behind else (wait, *body)


def _frame(shape: net.Shape[int]) -> net.Shape[int]:
    return net.Shape(shape.channels, shape.sizes[1:])
