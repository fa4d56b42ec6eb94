"""A checkpoint as one of another network of its family, in the names of its own code base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import clips, optimizer_state, shrink
from x3dspec.pytorch.checkpoint import Checkpoint, State
from x3dspec.pytorch.grow import Growth, Method, notes
from x3dspec.pytorch.naming import Naming
from x3dspec.pytorch.recalibrate import recalibrated


@dataclass(frozen=True)
class Way:
    """How it goes to the other network.

    Attributes:
        method: how new channels begin.
        shrinking: the other network is the smaller one.
        optimizer: whether the optimiser's state in the checkpoint goes along.
        clips: over which the norms' statistics are recomputed.
    """

    method: Method = Method.duplicate
    shrinking: bool = False
    optimizer: bool = False
    clips: Path | None = None


@dataclass(frozen=True)
class Transferred:
    """The other network's checkpoint: its tensors, their key, what is beside them, and what is to be said."""

    state: State
    nesting: str | None
    beside: Mapping[str, object]
    notes: tuple[str, ...]


def transferred(given: Checkpoint, label: str, first: Resolved, second: Resolved, way: Way) -> Transferred:
    """The checkpoint of the second network.

    Args:
        given: a checkpoint of the first network.
        label: what messages call it.

    Raises:
        SpecError: every tensor that does not fit; the layer that cannot become the other network's; clips or
            an optimiser's state that cannot be used.
    """
    naming = Naming.of(first.architecture, given.state, label)
    ours = naming.ours(given.state, first, label, given.names)
    if way.shrinking:
        growth, state, said = None, shrink.shrink(ours, first, second), [shrink.NOTE]
    else:
        growth = Growth(first, second, way.method)
        state, said = growth.weights(ours), notes(first, second)
    if way.clips is not None:
        state, said = recalibrated(state, second, clips.batches(way.clips, second)), said[:0]
        said = [f"the norms' statistics are those of {way.clips}", *([shrink.NOTE] if way.shrinking else [])]
    written, nesting = naming.theirs(state, second)
    beside: dict[str, object] = {}
    if way.optimizer and growth is not None:
        name, held = optimizer_state.find(given.rest, label)
        optimizer = optimizer_state.OptimizerState(held, given.state, label)
        beside[name] = optimizer.grown(given.state, naming, growth, (first, second), written)
    return Transferred(written, nesting, beside, tuple(said))
