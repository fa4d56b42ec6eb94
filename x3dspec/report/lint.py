"""What a reviewer would remark on a spec that is not wrong: slow shapes, lopsided costs.

A remark is a :class:`~x3dspec.language.errors.Problem` at the line that says it, so that an editor can jump
there; that it is a warning and not an error is the caller's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from x3dspec.language.errors import Problem
from x3dspec.language.paths import Path
from x3dspec.network import layers as net
from x3dspec.network import receptive
from x3dspec.network.architecture import Architecture, Resolved

#: Tensor cores and vector units read channels in groups of 8.
MULTIPLE = 8
#: Narrower than this, a convolution spends its time on moving numbers.
LEAST_INNER = 16
#: A stage above this share of the MACs decides the cost alone.
MOST_SHARE = Fraction(60, 100)
#: Activation memory over parameter memory above which a network is bound by memory.
RATIO = Fraction(16)


def remarks(architecture: Architecture, ratio: Fraction = RATIO) -> list[Problem]:
    """Everything to remark on the network that a spec starts from, in the order of the document.

    Raises:
        SpecError: the network cannot be built, so that there is nothing to remark on.
    """
    return sorted(set(_Reviewer(architecture.at({}), ratio).remarks()))


class _Reviewer:
    def __init__(self, resolved: Resolved, ratio: Fraction) -> None:
        self._resolved = resolved
        self._ratio = ratio

    def remarks(self) -> Iterator[Problem]:
        for stage in self._resolved.network.stages:
            yield from self._widths(stage)
            yield from self._strides(stage)
        yield from self._shares()
        yield from self._memory()
        yield from self._frames()

    def _say(self, path: Path, message: str) -> Problem:
        """A preset's remark stands in its base, which is fine by itself: so it names the preset."""
        source = self._resolved.architecture.source
        preset = f"{source.identity.name}: " if len(source.origins) > 1 else ""
        return source.document.problem(path, preset + message)

    def _widths(self, stage: net.Stage[int]) -> Iterator[Problem]:
        for name, path, width in _named_widths(stage):
            if width % MULTIPLE:
                yield self._say(
                    path,
                    f"stage {stage.name}: {name} {width} is not a multiple of {MULTIPLE}, as hardware is",
                )
            if name == "inner" and width < LEAST_INNER:
                yield self._say(
                    path,
                    f"stage {stage.name}: inner width {width} is under {LEAST_INNER}: "
                    "it moves more than it computes",
                )

    def _strides(self, stage: net.Stage[int]) -> Iterator[Problem]:
        """The first layer whose stride leaves something over; its shortcut would only repeat it."""
        for layer in net.layers(stage.first):
            if not isinstance(layer, (net.Conv, net.Pool)):
                continue
            for size, stride in zip(layer.inputs.sizes, layer.stride, strict=True):
                if size % stride:
                    where = "stride" if stage.argument("stride") else None
                    path = (*stage.origin, where) if where else (*layer.origin, "stride")
                    yield self._say(
                        path,
                        f"stage {stage.name}: size {size} does not divide evenly by its stride {stride}: "
                        "the border is padded unevenly",
                    )
                    return

    def _shares(self) -> Iterator[Problem]:
        total = self._resolved.cost().macs
        for stage, count in zip(self._resolved.network.stages, self._resolved.stage_costs(), strict=True):
            if count.macs > MOST_SHARE * total:
                yield self._say(
                    stage.origin,
                    f"stage {stage.name} has {100 * count.macs / total:.0f} % of the MACs, "
                    f"more than {100 * MOST_SHARE} %: nothing else changes the cost by much",
                )

    def _memory(self) -> Iterator[Problem]:
        cost = self._resolved.cost()
        if cost.activations > self._ratio * cost.params:
            yield self._say(
                ("input",),
                f"activation memory is {cost.activations / cost.params:.1f} times the parameter memory, "
                f"more than {float(self._ratio):g} times: memory may limit the batch",
            )

    def _frames(self) -> Iterator[Problem]:
        """The last layer's frames against the clip's; where nothing strides in time."""
        network = self._resolved.network
        if network.frames is None:
            return
        lasting = all(shape.sizes[:1] in ((), network.inputs.sizes[:1]) for shape in _outputs(network))
        seen = receptive.seen(network)[0]
        if lasting and seen > network.frames:
            message = f"its last layer sees {seen} frames, the clip has {network.frames}"
            yield self._say(("input", "frames"), message)


def _outputs(network: net.Network[int]) -> Iterator[net.Shape[int]]:
    return (stage.outputs for stage in network.stages)


def _named_widths(stage: net.Stage[int]) -> Iterator[tuple[str, Path, int]]:
    """What the stage calls a width; where it has no block, what its convolutions give."""
    if stage.block is not None:
        for name, value in stage.arguments:
            if name in ("width", "inner"):
                yield name, (*stage.origin, name), value
        return
    for layer in net.layers(stage.first):
        if isinstance(layer, net.Conv):
            yield "width", (*layer.origin, "out"), layer.outputs.channels
