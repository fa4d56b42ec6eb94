"""pytorchvideo's networks, for ``x3dspec bench FILE --against benchmarks/peers.py:x3d_m``.

Each function is given the clip, (1, C, T, H, W): pytorchvideo's head pools exactly that.
Needs the ``test`` extra.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType

from torch import nn

from x3dspec import load


def create_x3d(name: str, clip: Sequence[int]) -> nn.Module:
    """pytorchvideo's X3D at the factors of a spec of ours; it gives logits."""
    _without_torchvision()
    from pytorchvideo.models.x3d import create_x3d

    resolved = load(name).resolve()
    factors = {key: float(value) for key, value in resolved.factors.items()}
    made = create_x3d(
        input_clip_length=clip[2],
        input_crop_size=clip[3],
        model_num_class=resolved.network.classes,
        width_factor=2 * factors["gamma_w"],
        depth_factor=factors["gamma_d"],
        bottleneck_factor=factors["gamma_b"],
        head_activation=None,
    )
    assert isinstance(made, nn.Module)
    return made


def _without_torchvision() -> None:
    """pytorchvideo imports torchvision for RoIAlign alone, which X3D does not use."""
    if "torchvision" not in sys.modules:
        operations = ModuleType("torchvision.ops")
        vars(operations)["RoIAlign"] = nn.Identity
        torchvision = ModuleType("torchvision")
        torchvision.__spec__ = ModuleSpec("torchvision", None)  # torch's exporter asks for it
        sys.modules |= {"torchvision": torchvision, "torchvision.ops": operations}


x3d_xs, x3d_s, x3d_m, x3d_l, x3d_xl = (
    partial(create_x3d, name) for name in ("x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl")
)
