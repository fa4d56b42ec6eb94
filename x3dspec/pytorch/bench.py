"""How long a module takes beside another one, and where its time goes.

The machine is noisy and the noise comes in bursts. So the two run in turn, round after round in one
process, and what is compared is the ratio within a round: its median, and its quartiles as the
spread. The bound is measured in the same run: a large matrix product, in the same number type.
FLOPs are not latency; the share of the bound says how far apart the two are.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x3dspec.language.errors import BadArgument, SpecError, unknown
from x3dspec.pytorch.probe import loaded

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BOUND_SIZE = 2048
_PROFILED = 3

Step = Callable[[], object]


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
class Spread:
    """A median, and the quartiles around it."""

    median: float
    low: float
    high: float


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


def bench(
    contenders: Mapping[str, nn.Module],
    setting: Setting,
    progress: Callable[[str], None] = lambda message: None,
) -> Result:
    """Measure one module, or two of them against each other.

    Args:
        contenders: modules by name. The first is the one in question; its setting may ask for
            channels-last memory or compilation, the other one runs as it is.
        setting: what to run.
        progress: told what happens next.

    Raises:
        SpecError: an unknown number type, or a device that is not there.
    """
    dtype, device = _dtype(setting.dtype), _device(setting.device)
    if setting.threads:
        torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    steps = {}
    for index, (name, module) in enumerate(contenders.items()):
        steps[name] = _step(module.to(device, dtype), setting, own=index == 0)
    progress("measuring the machine's bound")
    bound = gemm_bound(dtype, device)
    times = interleaved(steps, setting.rounds, device, progress)
    measured = []
    for name, step in steps.items():
        progress(f"looking into {name}")
        measured.append(_measured(name, step, times[name], setting, bound, device))
    base, *others = times.values()
    machine = Machine(torch.__version__, _processor(device), torch.get_num_threads(), bound)
    return Result(machine, tuple(measured), ratio(others[0], base) if others else None)


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
            _synchronised(device)
            start = time.perf_counter()
            step()
            _synchronised(device)
            if number >= 0:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """The paired ratios of two lists of seconds."""
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])


def spread(values: Sequence[float]) -> Spread:
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


def opened(target: str, clip: tuple[int, ...]) -> nn.Module:
    """The module that ``FILE:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns for a clip. Runs its code.

    Raises:
        SpecError: no such file, module or function, or one that raises.
    """
    where, _, function = target.rpartition(":")
    try:
        made = getattr(_namespace(where), function)(clip)
    except Exception as error:  # Whatever somebody else's code raises.
        raise SpecError.at(target, f"gives no module: {type(error).__name__}: {error}") from None
    if not isinstance(made, nn.Module):
        raise SpecError.at(target, "gives no module")
    return made


# One step of a module


def _step(module: nn.Module, setting: Setting, own: bool) -> Step:
    shape = (setting.batch, *setting.clip[1:])
    x = torch.randn(shape).to(setting.device, DTYPES[setting.dtype])
    if own and setting.channels_last:
        order = torch.channels_last_3d if x.dim() == 5 else torch.channels_last
        for weight in module.parameters():
            if weight.dim() == x.dim():
                weight.data = weight.contiguous(memory_format=order)
        x = x.contiguous(memory_format=order)
    run = torch.compile(module) if own and setting.compiled else module
    return _training(module, run, x) if setting.train else _inference(module, run, x)


def _inference(module: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor) -> Step:
    module.eval()

    def step() -> Tensor:
        with torch.inference_mode():
            return run(x)

    return step


def _training(module: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor) -> Step:
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise BadArgument("train", "this module is for inference alone: nothing in it has a gradient")
    module.train()
    labels = torch.zeros(len(x), dtype=torch.long, device=x.device)

    def step() -> None:
        module.zero_grad(set_to_none=True)
        torch.autograd.backward(nn.functional.cross_entropy(run(x).float(), labels))

    return step


def _measured(
    name: str, step: Step, times: Sequence[float], setting: Setting, bound: float, device: torch.device
) -> Measured:
    latency = spread(times)
    with FlopCounterMode(display=False) as counter:
        step()
    macs = counter.get_total_flops() / 2
    return Measured(
        name=name,
        latency=latency,
        clips=setting.batch / latency.median,
        macs=macs,
        share=macs / latency.median / bound,
        memory=_peak(step, device),
        kinds=_kinds(step, device),
    )


# Memory


def _peak(step: Step, device: torch.device) -> int | None:
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


# Where the time goes


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


def _kinds(step: Step, device: torch.device) -> dict[str, float]:
    """The parts of a step's time. What the profiler sees in no operation is Python and dispatch."""
    from torch.profiler import ProfilerActivity, profile

    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    runs: list[tuple[float, dict[str, float]]] = []
    for _ in range(_PROFILED):
        with _quiet(), profile(activities=activities, record_shapes=True) as profiled:
            start = time.perf_counter()
            step()
            _synchronised(device)
            whole = time.perf_counter() - start
        found: dict[str, float] = {}
        for event in profiled.key_averages(group_by_input_shape=True):
            seconds = (event.self_device_time_total if cuda else event.self_cpu_time_total) / 1e6
            kind = _kind(event.key, event.input_shapes)
            found[kind] = found.get(kind, 0.0) + seconds / whole
        runs.append((whole, found))
    _, parts = min(runs, key=lambda run: run[0])
    parts["everything else"] = max(0.0, 1 - sum(parts.values())) + parts.pop("everything else", 0.0)
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def _kind(name: str, shapes: Sequence[Sequence[int]]) -> str:
    if "conv" in name:
        return _convolution(name, shapes)
    return next((kind for part, kind in _NAMES.items() if part in name), "everything else")


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


# The machine


def _dtype(name: str) -> torch.dtype:
    if name not in DTYPES:
        raise BadArgument("dtype", unknown("number type", name, DTYPES, "the types are"))
    return DTYPES[name]


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadArgument("device", f"{name}: {str(error).splitlines()[0]}") from None
    return device


def _synchronised(device: torch.device | None) -> None:
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)


def _processor(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _namespace(where: str) -> Any:
    if not where.endswith(".py"):
        return import_module(where)
    return loaded(Path(where).read_text(encoding="utf-8"), where)
