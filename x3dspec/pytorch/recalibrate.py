"""Running statistics of norms, recomputed over clips: their weights stay, what they have seen is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.expected import factory


def recalibrated(state: Mapping[str, Tensor], resolved: Resolved, clips: Iterable[Tensor]) -> State:
    """The same state dict with other running means and variances: the mean over all batches.

    Args:
        state: of the network, by our names.
        resolved: the network.
        clips: batches as it takes them.
    """
    model = factory(resolved)().to(next(iter(state.values())).dtype).eval()
    model.load_state_dict(dict(state))
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # a plain mean of all batches
            module.train()
    kind = next(model.parameters()).dtype
    with torch.no_grad():
        for batch in clips:
            model(batch.to(kind))
    return dict(model.state_dict())
