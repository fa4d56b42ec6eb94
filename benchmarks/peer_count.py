"""The MACs and parameters of X3D-M, asked of pytorchvideo and fvcore (see startup.py)."""

from __future__ import annotations

import sys
from types import ModuleType

# pytorchvideo's models import torchvision for RoIAlign alone, which X3D does not use.
operations = ModuleType("torchvision.ops")
operations.RoIAlign = object  # type: ignore[attr-defined]
sys.modules |= {"torchvision": ModuleType("torchvision"), "torchvision.ops": operations}

import torch  # noqa: E402
from fvcore.nn import FlopCountAnalysis  # noqa: E402
from pytorchvideo.models.x3d import create_x3d  # noqa: E402

model = create_x3d(input_clip_length=16, input_crop_size=224, depth_factor=2.2).eval()
count = FlopCountAnalysis(model, torch.zeros(1, 3, 16, 224, 224)).unsupported_ops_warnings(False)
by_operator = count.by_operator()
print(sum(p.numel() for p in model.parameters()), by_operator["conv"] + by_operator["linear"])
