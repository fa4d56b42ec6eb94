"""What a module is measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from x3dspec.language.errors import BadArgument, unknown

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def dtype_of(name: str) -> torch.dtype:
    """A number type by its name.

    Raises:
        BadArgument: none of :data:`DTYPES`.
    """
    if name not in DTYPES:
        raise BadArgument("dtype", unknown("number type", name, DTYPES, "the types are"))
    return DTYPES[name]


def device_of(name: str) -> torch.device:
    """A device by its name.

    Raises:
        BadArgument: it is not there.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadArgument("device", f"{name}: {str(error).splitlines()[0]}") from None
    return device


def processor(device: torch.device) -> str:
    """What the system calls the device, or its processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
