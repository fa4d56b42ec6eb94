"""Laws fitted to timings: t = call + max(MACs * a, bytes * b), or the sum, whichever misses layers less.

Numbers are floats here, as timings are. Every candidate is judged by what it says of layers that it was not
fitted to.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from x3dspec.language.machine_file import Law

FOLDS = 5
#: Rounds of taking each layer to the side of the greater, and fitting again.
_ROUNDS = 12
GRANULARITIES = (1, 8, 16)


@dataclass(frozen=True)
class Timing:
    """A layer's multiply-accumulates by granularity, its bytes, and nanoseconds."""

    macs: dict[int, float]
    bytes: float
    nanoseconds: float


@dataclass(frozen=True)
class _Fit:
    granularity: int
    added: bool
    call: float
    mac: float
    byte: float

    def of(self, timing: Timing) -> float:
        compute, memory = self.mac * timing.macs[self.granularity], self.byte * timing.bytes
        return self.call + (compute + memory if self.added else max(compute, memory))


def fit(timings: Sequence[Timing]) -> tuple[Law, list[float]]:
    """The best law of a kind, and by how much it misses each layer where it is not fitted to it."""
    choices = list(itertools.product(GRANULARITIES if timings[0].macs[1] else (1,), (False, True)))
    judged = [(_missed(timings, *choice), choice) for choice in choices]
    misses, choice = min(judged, key=lambda pair: statistics.mean(pair[0]))
    best = _fitted(timings, *choice)
    call, mac, byte = (Fraction(f"{value:.6e}") for value in (best.call, best.mac, best.byte))
    error = Fraction(f"{statistics.median(misses):.4f}")
    return Law(call, mac, byte, best.granularity, best.added, error, len(timings)), misses


def _missed(timings: Sequence[Timing], granularity: int, added: bool) -> list[float]:
    misses = [0.0] * len(timings)
    for fold in range(FOLDS):
        rest = [timing for index, timing in enumerate(timings) if index % FOLDS != fold]
        law = _fitted(rest, granularity, added)
        for index in range(fold, len(timings), FOLDS):
            misses[index] = abs(law.of(timings[index]) / timings[index].nanoseconds - 1)
    return misses


def _fitted(timings: Sequence[Timing], granularity: int, added: bool) -> _Fit:
    """Least squares of the relative error, no coefficient below 0."""
    rows = [(1.0, timing.macs[granularity], timing.bytes) for timing in timings]
    times = torch.tensor([timing.nanoseconds for timing in timings], dtype=torch.float64)
    columns = torch.tensor(rows, dtype=torch.float64)
    best = _Fit(granularity, added, *_nonnegative(columns, times))
    if added:
        return best
    best = _Fit(granularity, False, best.call, best.mac, best.byte)
    fits = []
    for _ in range(_ROUNDS):
        compute = columns[:, 1] * best.mac >= columns[:, 2] * best.byte
        sides = torch.stack([columns[:, 0], columns[:, 1] * compute, columns[:, 2] * ~compute], 1)
        best = _Fit(granularity, False, *_nonnegative(sides, times))
        fits.append(best)
    return min(fits, key=lambda each: sum((each.of(t) / t.nanoseconds - 1) ** 2 for t in timings))


def _nonnegative(columns: Tensor, times: Tensor) -> tuple[float, float, float]:
    """The best of all choices of columns whose coefficients are not negative."""
    scale = columns.max(0).values.clamp(min=1e-30)
    weighted, ones = columns / scale / times[:, None], torch.ones_like(times)
    best, error = torch.zeros(3, dtype=torch.float64), float(len(times))
    for size in (1, 2, 3):
        for chosen in itertools.combinations(range(3), size):
            part = weighted[:, chosen]
            solution = torch.linalg.lstsq(part, ones[:, None], driver="gelsd").solution[:, 0]
            missed = float(((part @ solution - ones) ** 2).sum())
            if bool((solution >= 0).all()) and missed < error:
                best, error = torch.zeros(3, dtype=torch.float64), missed
                best[list(chosen)] = solution
    call, mac, byte = (best / scale).tolist()
    return call, mac, byte
