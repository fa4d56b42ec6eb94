"""What torch keeps for the backward pass of an emitted module, by its own hooks, on the meta device."""

from __future__ import annotations

from typing import Any

import emitted
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from x3dspec.network.architecture import Resolved
from x3dspec.network.memory import Saved


def hooked(resolved: Resolved, checkpointing: bool) -> Saved:
    """What torch keeps: every storage once that is neither a parameter's nor a buffer's."""
    model = emitted.on_meta(resolved).train()
    if checkpointing and any(stage.sequence for stage in resolved.network.stages):
        model.set_grad_checkpointing()  # type: ignore[operator]
    one, two = (_bytes(model, resolved, clips, checkpointing) for clips in (2, 3))
    return Saved(two - one, 3 * one - 2 * two)


def _bytes(model: nn.Module, resolved: Resolved, clips: int, checkpointing: bool) -> int:
    own = {t.untyped_storage()._cdata for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, Any] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    def entered(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        keep(inputs[0])

    # A checkpoint holds its block's input itself, where no hook is asked.
    blocks = [b for m in model.modules() if isinstance(m, nn.Sequential) for b in m if checkpointing]
    handles = [block.register_forward_pre_hook(entered) for block in blocks]
    network = resolved.network
    clip = torch.empty(clips, *network.inputs.numbers, device="meta")
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        result = model(clip)
    for handle in handles:
        handle.remove()
    assert result.requires_grad
    return sum(storage.nbytes() for storage in kept.values())
