"""What is measured of emitted modules, as data: read without torch, and answered as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A median, and the quartiles around it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Setting:
    """What is measured. `clip` is (1, C, T, H, W) or (1, C, H, W); the batch takes the place of the 1."""

    clip: tuple[int, ...]
    batch: int = 1
    threads: int | None = None
    dtype: str = "float32"
    device: str = "cpu"
    rounds: int = 20
    train: bool = False
    channels_last: bool = False
    compiled: bool = False


@dataclass(frozen=True)
class Measured:
    """One module.

    Attributes:
        name: what it was called.
        latency: seconds a step.
        clips: clips per second, at the median.
        macs: multiply-accumulates of a step, as torch counts them.
        share: the part of the machine's bound that these are at the median latency.
        memory: bytes in use at the peak of a step beyond those before it; None where the system
            does not say.
        kinds: the part of the time that each kind of operation takes, the largest first.
    """

    name: str
    latency: Spread
    clips: float
    macs: float
    share: float
    memory: int | None
    kinds: Mapping[str, float]


@dataclass(frozen=True)
class Machine:
    """Where it was measured. `bound` is multiply-accumulates per second."""

    torch: str
    processor: str
    threads: int
    bound: float


@dataclass(frozen=True)
class Result:
    """`ratio` is how many times longer the other module takes; None without one."""

    machine: Machine
    measured: tuple[Measured, ...]
    ratio: Spread | None
