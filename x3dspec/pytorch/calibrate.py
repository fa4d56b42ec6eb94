"""A machine's laws: single layers of each kind timed, and formulas fitted to what they take.

Two passes time every layer; what they differ by is the machine's repeatability. On a CPU with one thread
seconds are those of the thread alone, which other tenants of the machine disturb least. Before every run
8 MB are written: within a network, too, the other layers have taken a layer's weights from the caches.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from x3dspec.language.machine_file import Law, Machine
from x3dspec.pytorch.law_fit import GRANULARITIES, Timing, fit
from x3dspec.pytorch.layer_samples import SAMPLES, Builder, Sample, Steps, samples
from x3dspec.pytorch.machine import device_of, dtype_of, processor
from x3dspec.pytorch.timing import synchronise

PASSES = 2
#: Of one layer in one pass: runs at least and at most, and seconds after which no more begin.
LEAST, MOST, SECONDS = 5, 30, 0.03
#: Floats that are written before every run: several times a core's own caches, far less than the shared ones.
WRITTEN = 2 * 2**20
#: Beyond this a machine is too noisy to be described, unless the caller says otherwise.
MOST_NOISE = 0.10


@dataclass(frozen=True)
class Setting:
    """What is timed. `count` layers of each kind."""

    device: str = "cpu"
    threads: int | None = None
    dtype: str = "float32"
    form: str = "deploy"
    batch: int = 1
    count: int = SAMPLES


#: Nanoseconds by pass and sample, as far as they were measured.
Times = dict[str, float]


def key(setting: Setting) -> str:
    """What timings of an interrupted run must agree in to be gone on with."""
    here = [torch.__version__, processor(device_of(setting.device)), torch.get_num_threads(), vars(setting)]
    layers = [repr(sample) for sample in samples(setting.form, setting.count)]
    return hashlib.sha256(json.dumps([here, layers], default=str).encode()).hexdigest()


def measure(
    setting: Setting, before: Mapping[str, float], clock: Callable[[], float] | None = None
) -> Iterator[tuple[int, int, str, float]]:
    """Time what is not in `before`: how many are done, of how many, the key of one, its nanoseconds.

    Raises:
        SpecError: a device or a number type that is not there.
    """
    device, dtype = device_of(setting.device), dtype_of(setting.dtype)
    if setting.threads:
        torch.set_num_threads(setting.threads)
    clock = clock or (time.thread_time if alone(setting) else time.perf_counter)
    layers = samples(setting.form, setting.count)
    others = torch.zeros(WRITTEN, device=device)
    builder = Builder(setting.form, setting.batch, dtype, device)
    torch.manual_seed(0)
    for number in range(PASSES):
        for index, sample in enumerate(layers):
            name = f"{number}:{index}"
            if name not in before:
                with torch.inference_mode():
                    seconds = _seconds(builder.steps(sample), others, clock, device)
                yield number * len(layers) + index + 1, PASSES * len(layers), name, seconds * 1e9


def alone(setting: Setting) -> bool:
    """Whether all the work is the calling thread's, whose CPU time then says how much it is."""
    return torch.device(setting.device).type == "cpu" and torch.get_num_threads() == 1


def _seconds(steps: Steps, others: Tensor, clock: Callable[[], float], device: torch.device) -> float:
    """The median of some runs, after two that are not counted."""
    times: list[float] = []
    end = 0.0
    while len(times) < 2 + LEAST or (len(times) < MOST and time.perf_counter() < end):
        others.add_(1)
        steps.before()
        synchronise(device)
        start = clock()
        steps.run()
        synchronise(device)
        times.append(clock() - start)
        end = end or time.perf_counter() + SECONDS
    return statistics.median(times[2:])


def described(setting: Setting, times: Times) -> Machine:
    """The machine that the timings describe."""
    layers = samples(setting.form, setting.count)
    pairs = [[times[f"{number}:{index}"] for number in range(PASSES)] for index in range(len(layers))]
    noise = statistics.median(max(pair) / min(pair) - 1 for pair in pairs)
    laws, misses = _laws(setting, layers, [min(pair) for pair in pairs])
    return Machine(
        device=setting.device,
        processor=processor(device_of(setting.device)),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        dtype=setting.dtype,
        form=setting.form,
        batch=setting.batch,
        clock="thread CPU time" if alone(setting) else "wall time",
        error=Fraction(f"{statistics.median(misses):.4f}"),
        repeatability=Fraction(f"{noise:.4f}"),
        laws=tuple(laws.items()),
    )


def _laws(setting: Setting, layers: list[Sample], times: list[float]) -> tuple[dict[str, Law], list[float]]:
    timings: dict[str, list[Timing]] = {}
    for sample, nanoseconds in zip(layers, times, strict=True):
        works = {g: sample.work(g, setting.batch, setting.dtype) for g in GRANULARITIES}
        macs = {granularity: float(macs) for granularity, (macs, _) in works.items()}
        timings.setdefault(sample.kind, []).append(Timing(macs, float(works[1][1]), nanoseconds))
    fits = {kind: fit(each) for kind, each in timings.items()}
    misses = [miss for _, each in fits.values() for miss in each]
    return {kind: law for kind, (law, _) in fits.items()}, misses
