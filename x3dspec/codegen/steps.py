"""A block's layers in the order in which forward meets them, and which of them own their input."""

from __future__ import annotations

from x3dspec.codegen.classes import Step
from x3dspec.codegen.slots import Slot
from x3dspec.network import layers as net


def steps_of(slots: list[Slot]) -> tuple[Step, ...]:
    """The steps of a block whose conditions are known."""
    paths = [slot.origin for slot in slots]
    top = [slot for slot in slots if not any(slot.is_below(path) for path in paths)]
    return _chain(slots, top, owned=False)[0]


def _chain(slots: list[Slot], chain: list[Slot], owned: bool) -> tuple[tuple[Step, ...], bool]:
    """The steps of some slots that follow each other, and whether nothing else reads their result."""
    steps = []
    for slot in chain:
        layer = slot.sample
        if isinstance(layer, net.Residual):
            branch, owns_branch = _chain(slots, _children(slots, slot, "branch"), owned=False)
            shortcut, _ = _chain(slots, _children(slots, slot, "shortcut"), owned=False)
            step = Step(layer.name, "residual", "", owned, branch, shortcut, slot.condition, owns_branch)
            owned = owns_branch or slot.condition is None
        else:
            kind = slot.kind if slot.condition else layer.macro
            step = Step(layer.name, kind, _function(layer), owned)
            if isinstance(layer, net.Activation):
                owned = False  # its gradient may need what it returned
            else:
                owned = owned or (slot.condition is None and layer.makes_tensor)
        steps.append(step)
    return tuple(steps), owned


def _children(slots: list[Slot], parent: Slot, path: str) -> list[Slot]:
    """The layers of a residual's path, without those inside residuals of that path."""
    below = [slot for slot in slots if slot.is_below((*parent.origin, path))]
    nested = [slot.origin for slot in below if isinstance(slot.sample, net.Residual)]
    return [slot for slot in below if not any(slot.is_below(origin) for origin in nested)]


def _function(layer: net.Layer[int]) -> str:
    if isinstance(layer, (net.Activation, net.Pool)):
        return layer.function
    return "positions" if isinstance(layer, net.Mean) and layer.inputs.positions else ""
