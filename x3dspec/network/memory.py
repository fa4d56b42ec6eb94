"""Training memory: what is kept for the backward pass, exactly, symbolic like every other cost.

Counted in train mode, in 32-bit floats, as torch's own saved-tensor hooks see the emitted module.
With checkpointing a repeated block keeps its input alone; while it is computed again, what it keeps
besides comes on top (`recomputed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class _Walk:
    stage: net.Stage[Any]
    checkpointing: bool

    def parts(self, state: _State) -> Iterator[_Part]:
        """The first block, the others, and last of all nothing with the state that the stage leaves."""
        first = self._body(self.stage.first, self.stage.inputs, state)
        yield first
        rest, repeat = self.stage.rest, self.stage.repeat
        if not rest:
            return
        bodies = self._rest(first.state)
        for residue in range(len(rest)):
            before = bodies[residue - 1].state
            part = self._body(rest[residue], self.stage.outputs, before)
            yield part.times(occurrences(repeat, residue, len(rest)))
        # The block after the first gets what the first leaves, and not what the others do.
        index = 1 % len(rest)
        yield self._difference(
            self._body(rest[index], self.stage.outputs, first.state),
            self._body(rest[index], self.stage.outputs, bodies[index - 1].state),
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
                placed[residue] = self._body(self.stage.rest[residue], self.stage.outputs, state)
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

    def _body(self, body: Body, inputs: net.Shape[Any], state: _State) -> _Part:
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
