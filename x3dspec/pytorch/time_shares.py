"""The part of a step's time that each kind of operation takes, by torch's profiler."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from x3dspec.pytorch.timing import Step, synchronise

#: The profiler's runs, the fastest of which counts.
_RUNS = 3
_REST = "everything else"
#: What torch's profiler calls an operation, by a part of its name; the first that fits.
_NAMES = {
    "addmm": "linear",
    "::mm": "linear",
    "bmm": "linear",
    "norm": "norm",
    "relu": "activation",
    "clamp": "activation",
    "hardtanh": "activation",
    "silu": "activation",
    "sigmoid": "activation",
    "hardswish": "activation",
    "mul": "product",
    "add": "sum",
    "sum": "mean and pool",
    "mean": "mean and pool",
    "pool": "mean and pool",
    "div": "mean and pool",
    "copy": "copy",
    "clone": "copy",
}


def shares(step: Step, device: torch.device) -> dict[str, float]:
    """The parts of a step's time, the largest first, of the fastest of some runs.

    What the profiler sees in no operation is Python and dispatch: everything else.
    """
    _, parts = min((_profiled(step, device) for _ in range(_RUNS)), key=lambda run: run[0])
    parts[_REST] = max(0.0, 1 - sum(parts.values())) + parts.pop(_REST, 0.0)
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def _profiled(step: Step, device: torch.device) -> tuple[float, dict[str, float]]:
    """Seconds of a step, and the part of them that each kind takes."""
    from torch.profiler import ProfilerActivity, profile

    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with _quiet(), profile(activities=activities, record_shapes=True) as profiled:
        start = time.perf_counter()
        step()
        synchronise(device)
        whole = time.perf_counter() - start
    parts: dict[str, float] = {}
    for event in profiled.key_averages(group_by_input_shape=True):
        seconds = (event.self_device_time_total if cuda else event.self_cpu_time_total) / 1e6
        kind = _kind(event.key, event.input_shapes)
        parts[kind] = parts.get(kind, 0.0) + seconds / whole
    return whole, parts


def _kind(name: str, shapes: Sequence[Sequence[int]]) -> str:
    if "conv" in name:
        return _convolution(name, shapes)
    return next((kind for part, kind in _NAMES.items() if part in name), _REST)


def _convolution(name: str, shapes: Sequence[Sequence[int]]) -> str:
    if "backward" in name:
        return "convolution, backward"
    weights = [shape for shape in shapes[1:2] if len(shape) > 2]
    for shape in weights:
        if all(size == 1 for size in shape[2:]):
            return "convolution, 1x1x1"
        if shape[1] == 1:
            return "convolution, channel-wise"
    return "convolution, other"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the profiler's C++ part writes to standard error."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
