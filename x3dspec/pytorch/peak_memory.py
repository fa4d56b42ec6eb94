"""The bytes that a step has in use at its peak."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import torch

from x3dspec.pytorch.timing import Step


def peak(step: Step, device: torch.device) -> int | None:
    """Bytes at the peak of a step beyond those before it; None where the system does not say."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        step()
        return torch.cuda.max_memory_allocated(device) - before
    gc.collect()
    try:
        # What was freed goes back to the system, and the peak starts anew.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = _status("VmRSS")
        step()
        return max(0, _status("VmHWM") - before)
    except (OSError, AttributeError, KeyError):
        return None


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)[key].split()[0]) * 1024
