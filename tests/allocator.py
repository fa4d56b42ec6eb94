"""What an allocator sees of a forward: the storages that operations make, from birth to death.

Nothing of x3dspec's own rule is in here: torch says which storages an operation returns, and a weak
reference to each says when it is gone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


class Allocator(TorchDispatchMode):
    """`peak` is the most bytes that were alive at once, beside the storages of `own`."""

    def __init__(self, own: list[Tensor]) -> None:
        super().__init__()
        self.own = {tensor.untyped_storage()._cdata for tensor in own}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default:
            result = _ordered(result, args[0], args[1])
        elif func is torch.ops.aten.native_batch_norm.default and result[0].is_meta:
            result = (
                result[0],
                *(statistic[:0].clone() for statistic in result[1:]),
            )  # as a CPU's, in eval mode
        self.alive = {key: each for key, each in self.alive.items() if not each[0].expired()}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._born(tensor)
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return result

    def _born(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self.own:
            self.alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()


def _ordered(result: Tensor, given: Tensor, weight: Tensor) -> Tensor:
    """On the meta device, what oneDNN's convolutions do on a CPU: channels last stay last."""
    order = _LAST[given.dim()]
    last = given.is_contiguous(memory_format=order) or weight.is_contiguous(memory_format=order)
    return result.contiguous(memory_format=order) if result.is_meta and last else result


def peak(model: nn.Module, clip: Tensor) -> int:
    """Bytes of the clip and of all that is alive beside parameters and buffers, at the worst moment."""
    model.eval()
    allocator = Allocator([*model.parameters(), *model.buffers(), clip])
    with torch.no_grad(), allocator:
        model(clip)
    return allocator.peak + clip.untyped_storage().nbytes()
