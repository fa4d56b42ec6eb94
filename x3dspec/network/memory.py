"""Training memory: what is kept for the backward pass, exactly, symbolic like every other cost.

Counted in train mode, in 32-bit floats, as torch's own saved-tensor hooks see the emitted module.
With checkpointing a repeated block keeps its input alone; while it is computed again, what it keeps
besides comes on top (`recomputed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from x3dspec.language.errors import SpecError, unknown
from x3dspec.language.expressions import ONE, Expr, equal
from x3dspec.network import layers as net
from x3dspec.network.cost import occurrences
from x3dspec.network.layers.backward import FLOAT, Backward, Tensor, opposite, times

Body = tuple[net.Layer[Any], ...]


@dataclass(frozen=True)
class Saved:
    """Bytes that are kept for the backward pass.

    Attributes:
        clip: for each clip of a batch.
        batch: however many clips there are: the means and variances of a batch.
    """

    clip: Any
    batch: Any

    @property
    def one_clip(self) -> Any:
        """What a batch of a single clip keeps."""
        return self.clip + self.batch


@dataclass(frozen=True)
class _State:
    """What a body gets from the one before it: whether that is kept already, and has a gradient."""

    kept: Any
    trains: Any


@dataclass(frozen=True)
class _Part:
    """What a body keeps, and the state that it leaves."""

    clip: Any
    batch: Any
    state: _State

    def times(self, count: Any) -> _Part:
        return _Part(times(count, self.clip), times(count, self.batch), self.state)


def saved(network: net.Network[Any], checkpointing: bool = False) -> Saved:
    """What the whole network keeps."""
    parts = list(by_stage(network, checkpointing))
    return Saved(sum(part.clip for part in parts), sum(part.batch for part in parts))


def by_stage(network: net.Network[Any], checkpointing: bool = False) -> Iterator[Saved]:
    """What each stage keeps. Its input counts where the stage is the first to keep it."""
    state = _State(0, 0)
    for stage in network.stages:
        walk = _Walk(stage, checkpointing and stage.sequence)
        parts = list(walk.parts(state))
        yield Saved(sum(part.clip for part in parts), sum(part.batch for part in parts))
        state = parts[-1].state


#: Numbers that an optimiser keeps of each parameter, beside its value and its gradient.
OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2}
#: Bytes of the count of batches that every norm keeps.
COUNTER = 8


@dataclass(frozen=True)
class Batch:
    """The largest batch whose training fits in `limit` bytes: `fixed` bytes, and `clip` for each clip."""

    limit: int
    optimizer: str
    checkpointing: bool
    clips: int
    clip: int
    fixed: int


def largest_batch(
    network: net.Network[int], limit: int, optimizer: str = "momentum", *, checkpointing: bool = False
) -> Batch:
    """How many clips can be trained on at once in `limit` bytes, in 32-bit floats.

    Counted are parameters, gradients, what the optimiser keeps, the norms' statistics, and what is kept
    for the backward pass; with checkpointing also what the largest block keeps while it is computed
    again. Not counted: gradients on their way, the kernels' own workspace. No larger batch fits.

    Raises:
        SpecError: an unknown optimiser.
    """
    if optimizer not in OPTIMIZERS:
        raise SpecError.at("--optimizer", unknown("optimizer", optimizer, OPTIMIZERS, "the optimizers are"))
    kept = saved(network, checkpointing)
    clip, batch = kept.clip, kept.batch
    if checkpointing:
        block = max(_recomputed(network), key=lambda part: part.clip, default=Saved(0, 0))
        clip, batch = clip + block.clip, batch + block.batch
    numbers = (2 + OPTIMIZERS[optimizer]) * network.cost().params
    fixed = FLOAT * numbers + _buffers(network) + batch
    return Batch(limit, optimizer, checkpointing, max(limit - fixed, 0) // clip, clip, fixed)


def _recomputed(network: net.Network[int]) -> Iterator[Saved]:
    """What each checkpointed block keeps while it is computed again; its input is kept already."""
    for stage in network.stages:
        walk = _Walk(stage, checkpointing=False)
        for body, inputs in ((stage.first, stage.inputs), *((each, stage.outputs) for each in stage.rest)):
            if stage.sequence:
                part = walk.body(body, inputs, _State(1, 1))
                yield Saved(part.clip, part.batch)


def _buffers(network: net.Network[int]) -> int:
    """Bytes of running means and variances, and of their counters."""
    return sum(
        2 * FLOAT * layer.inputs.channels + COUNTER
        for stage in network.stages
        for body, _ in net.blocks(stage)
        for layer in net.layers(body)
        if isinstance(layer, net.Norm)
    )


@dataclass(frozen=True)
class _Walk:
    stage: net.Stage[Any]
    checkpointing: bool

    def parts(self, state: _State) -> Iterator[_Part]:
        """The first block, the others, and last of all nothing with the state that the stage leaves."""
        first = self.body(self.stage.first, self.stage.inputs, state)
        yield first
        rest, repeat = self.stage.rest, self.stage.repeat
        if not rest:
            return
        bodies = self._rest(first.state)
        for residue in range(len(rest)):
            before = bodies[residue - 1].state
            part = self.body(rest[residue], self.stage.outputs, before)
            yield part.times(occurrences(repeat, residue, len(rest)))
        # The block after the first gets what the first leaves, and not what the others do.
        index = 1 % len(rest)
        yield self._difference(
            self.body(rest[index], self.stage.outputs, first.state),
            self.body(rest[index], self.stage.outputs, bodies[index - 1].state),
            _several(repeat),
        )
        yield _Part(0, 0, self._last(first.state, [part.state for part in bodies]))

    def _rest(self, state: _State) -> list[_Part]:
        """The blocks of each phase, in a state that no longer depends on where the stage began."""
        bodies: list[_Part] = []
        for _ in range(2):
            order = [*range(1, len(self.stage.rest)), 0]
            placed = {}
            for residue in order:
                placed[residue] = self.body(self.stage.rest[residue], self.stage.outputs, state)
                state = placed[residue].state
            bodies = [placed[residue] for residue in range(len(self.stage.rest))]
        return bodies

    def _difference(self, part: _Part, other: _Part, when: Any) -> _Part:
        if part == other:
            return _Part(0, 0, part.state)
        return _Part(part.clip - other.clip, part.batch - other.batch, part.state).times(when)

    def _last(self, first: _State, states: list[_State]) -> _State:
        """The state behind the last block, whichever that is."""
        if all(state == first for state in states):
            return first
        period, repeat = len(states), self.stage.repeat
        chosen = [(opposite(_several(repeat)), first)]
        for residue, state in enumerate(states):
            ends = occurrences(repeat, residue, period) - occurrences(repeat - 1, residue, period)
            chosen.append((times(_several(repeat), ends), state))
        return _State(
            sum(times(when, state.kept) for when, state in chosen),
            sum(times(when, state.trains) for when, state in chosen),
        )

    def body(self, body: Body, inputs: net.Shape[Any], state: _State) -> _Part:
        """What one block keeps, its input included where it is the first to keep that."""
        given = Tensor(inputs.elements, state.kept)
        walk = Backward([(given, 1)], state.trains)
        if self.checkpointing:
            walk.keep()
        kept = given.kept
        for layer in body:
            layer.walk_backward(walk)
        if self.checkpointing:
            new = times(opposite(state.kept), FLOAT * given.elements) if kept is not state.kept else 0
            return _Part(new, 0, _State(0, walk.trains))
        new = times(given.kept - state.kept, FLOAT * given.elements)
        leaves = sum(times(chosen, tensor.kept) for tensor, chosen in walk.tensor)
        return _Part(walk.total() + new, walk.batch, _State(leaves, walk.trains))


def _several(repeat: Any) -> Any:
    """1 where a stage has more than one block."""
    return opposite(equal(repeat, ONE)) if isinstance(repeat, Expr) else int(repeat > 1)
