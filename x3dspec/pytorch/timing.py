"""Seconds of steps that are run in turn.

The machine is noisy and the noise comes in bursts. So steps run round after round in one process, and
what is compared is the ratio within a round: its median, and its quartiles as the spread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch

from x3dspec.pytorch.measures import Spread

BOUND_SIZE = 2048

Step = Callable[[], object]


def interleaved(
    steps: Mapping[str, Step],
    rounds: int,
    device: torch.device | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> dict[str, list[float]]:
    """The seconds of every step in every round, all steps in turn within a round; two rounds warm up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(-2, rounds):
        progress(f"round {number + 1} of {rounds}" if number >= 0 else "warming up")
        for name, step in steps.items():
            synchronise(device)
            start = time.perf_counter()
            step()
            synchronise(device)
            if number >= 0:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """The paired ratios of two lists of seconds."""
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])


def spread(values: Sequence[float]) -> Spread:
    """Their median and quartiles."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def gemm_bound(dtype: torch.dtype, device: torch.device, size: int = BOUND_SIZE) -> float:
    """Multiply-accumulates per second of the best of some large matrix products."""
    a, b = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    with torch.inference_mode():
        times = interleaved({"product": lambda: a @ b}, 7, device)["product"]
    return float(size**3 / min(times))


def synchronise(device: torch.device | None) -> None:
    """Wait until the device has done what it was given."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
