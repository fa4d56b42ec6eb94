"""The greatest live activations of one clip at inference, exactly, symbolic like every other cost.

Counted are the tensors of the emitted forward in 32-bit floats, batch 1, in eval mode: the clip, which the
caller holds, and every tensor that a variable, a call or an operation holds, as
:mod:`x3dspec.network.layers.live` says. Not counted: parameters, and what a kernel allocates for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from x3dspec.language.expressions import ZERO, Expr, equal, lift, maximum
from x3dspec.language.paths import Path
from x3dspec.network import layers as net
from x3dspec.network.cost import occurrences
from x3dspec.network.layers.backward import FLOAT, opposite, times
from x3dspec.network.layers.live import Alive, Live, Moment, Uses, Value

Body = tuple[net.Layer[Any], ...]
#: Moments of a body that are compared with each other, to leave out those that others contain.
MAX_COMPARED = 256


def peak(network: net.Network[Any], form: str = "train") -> Any:
    """Bytes at the worst moment: an integer, or the closed form.

    Args:
        network: as it is emitted; for the deploy form, with its norms folded.
        form: ``train``, or ``deploy``, which keeps the channels last in memory.
    """
    walk = _Walk(network, form == "deploy", 0)
    moments = list(walk.moments())
    if walk.deploy and walk.gates and all(walk.gates):
        moments = list(_Walk(network, True, 1).moments())
    if not any(isinstance(value, Expr) for value in network.inputs.numbers):
        return FLOAT * max(times(occurs, _elements(moment)) for occurs, moment in moments)
    largest: Expr = ZERO
    for occurs, moment in dict.fromkeys((occurs, _elements(moment)) for occurs, moment in moments):
        largest = maximum(largest, lift(times(occurs, moment)))
    return FLOAT * largest


@dataclass
class _Walk:
    network: net.Network[Any]
    deploy: bool
    gates_overwrite: Any

    def __post_init__(self) -> None:
        self.gates: list[Any] = []
        self.uses = _uses(self.network)

    def moments(self) -> Iterator[tuple[Any, Moment]]:
        """Every moment of a forward, with the condition that it occurs."""
        clip: Value = ((Alive(self.network.inputs.elements), 1),)
        top = self._live(self.network.stages[0], [clip], self._ordered(clip))
        yield 1, {tensor: 1 for value in (clip, top.value) for tensor, _ in value}
        pooled = False
        for stage in self.network.stages:
            if not stage.outputs.sizes and not pooled:
                # The head is a function of its own, that is given the features alone.
                pooled = True
                yield from ((1, moment) for moment in _distinct(top.moments))
                top = self._live(stage, [clip], top.value)
            top.uses = self.uses[_class(stage)]
            top.fresh = 0
            if stage.block is None:
                top.run(stage.first, (*stage.origin, "layers"))
                top.assign()
            else:
                yield from self._blocks(stage, [clip, *top.variables.values()], top.value)
                top.value = ((Alive(stage.outputs.elements), 1),)
                top.assign()
        yield from ((1, moment) for moment in _distinct(top.moments))

    def _ordered(self, clip: Value) -> Value:
        """What the deploy form begins with: the clip in the order of its kernels, a copy."""
        if not self.deploy or 1 in (self.network.inputs.channels, _product(self.network.inputs.sizes)):
            return clip
        return ((Alive(self.network.inputs.elements), 1),)

    def _blocks(self, stage: net.Stage[Any], held: Sequence[Value], given: Value) -> Iterator[Any]:
        """The first block, which gets what its stage gets, and the others, while the stage's is held."""
        yield from ((1, moment) for moment in self._block(stage, stage.first, held, given))
        for residue, body in enumerate(stage.rest):
            occurs = _occurs(occurrences(stage.repeat, residue, len(stage.rest)))
            inner: Value = ((Alive(stage.outputs.elements), 1),)
            yield from ((occurs, moment) for moment in self._block(stage, body, [*held, given], inner))

    def _block(self, stage: net.Stage[Any], body: Body, held: Sequence[Value], given: Value) -> list[Moment]:
        live = self._live(stage, [*held, given], given)
        live.run(body, ("blocks", stage.block or "", "layers"))
        return _distinct(live.moments)

    def _live(self, stage: net.Stage[Any], held: Sequence[Value], value: Value) -> Live:
        uses = self.uses[_class(stage)]
        return Live(uses, held, value, self.deploy, self.gates_overwrite, gates=self.gates)


def _uses(network: net.Network[Any]) -> dict[str, Uses]:
    """For every class of blocks, and every stage without one, the bodies that share its forward."""
    bodies: dict[str, list[tuple[Any, dict[Path, Any]]]] = {}
    sums: dict[str, set[Path]] = {}
    functions: dict[str, set[Path]] = {}
    for stage in network.stages:
        period = len(stage.rest)
        rest = [(_occurs(occurrences(stage.repeat, r, period)), body) for r, body in enumerate(stage.rest)]
        for occurs, body in [(1, stage.first), *rest]:
            layers = list(net.layers(body))
            whens = {layer.origin: layer.when for layer in layers}
            bodies.setdefault(_class(stage), []).append((occurs, whens))
            for kind, paths in ((net.Residual, sums), (net.Activation, functions)):
                origins = {layer.origin for layer in layers if isinstance(layer, kind)}
                paths.setdefault(_class(stage), set()).update(origins)
    return {
        name: Uses(tuple(uses), frozenset(sums[name]), tuple(sorted(functions[name])))
        for name, uses in bodies.items()
    }


def _class(stage: net.Stage[Any]) -> str:
    """Names of stages and of blocks are identifiers: none has a space."""
    return f"stage {stage.name}" if stage.block is None else stage.block


def _occurs(count: Any) -> Any:
    return opposite(equal(count, ZERO)) if isinstance(count, Expr) else int(count > 0)


def _product(sizes: Iterable[Any]) -> Any:
    product: Any = 1
    for size in sizes:
        product = times(size, product)
    return product


def _elements(moment: Moment) -> Any:
    return sum(times(chosen, tensor.elements) for tensor, chosen in moment.items())


def _distinct(moments: list[Moment]) -> list[Moment]:
    """Without the moments at which nothing is alive that is not alive at another one too."""
    if len(moments) > MAX_COMPARED:
        return moments
    counted = [Counter((tensor.elements, chosen) for tensor, chosen in each.items()) for each in moments]
    chosen: list[int] = []
    for index, each in enumerate(counted):
        if not any(each < other or (each == other and i < index) for i, other in enumerate(counted)):
            chosen.append(index)
    return [moments[index] for index in chosen]
