"""pytorchvideo's X3D as an oracle: the reference that anyone can install.

Its models import torchvision for one operator of detection, which X3D does not use; where
torchvision is missing, a module with that name stands in while pytorchvideo is imported.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from x3dspec.network.architecture import Resolved


def create_x3d(resolved: Resolved, frames: int, size: int) -> nn.Module:
    """pytorchvideo's network at the factors of ours; its head pools exactly this clip.

    Its widths are over a base of 12 where the paper's are over 24, and it returns logits when it is
    given no activation.
    """
    factors = {name: float(value) for name, value in resolved.factors.items()}
    made = _x3d().create_x3d(
        input_clip_length=frames,
        input_crop_size=size,
        model_num_class=resolved.network.classes,
        width_factor=2 * factors["gamma_w"],
        depth_factor=factors["gamma_d"],
        bottleneck_factor=factors["gamma_b"],
        head_activation=None,
    )
    assert isinstance(made, nn.Module)
    return made.eval()


def randomised(state: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Random tensors of the same shapes, such that the logits of any depth are of the order of 1."""
    generator = torch.Generator().manual_seed(seed)
    return {key: _random(key, tensor, generator) for key, tensor in state.items()}


def _random(key: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if not tensor.is_floating_point():
        return torch.randint(1, 1000, tensor.shape, generator=generator)
    if tensor.ndim > 1:
        return torch.randn(tensor.shape, generator=generator) / math.sqrt(tensor[0].numel())
    if key.endswith(("running_var", "weight")):
        return 0.7 + 0.6 * torch.rand(tensor.shape, generator=generator)
    return 0.1 * torch.randn(tensor.shape, generator=generator)


@lru_cache(maxsize=1)
def _x3d() -> Any:
    if find_spec("torchvision") is None:
        _stand_in()
    from pytorchvideo.models import x3d

    return x3d


def _stand_in() -> None:
    torchvision, ops = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
    vars(ops)["RoIAlign"] = nn.Identity
    vars(torchvision)["ops"] = ops
    sys.modules |= {"torchvision": torchvision, "torchvision.ops": ops}
