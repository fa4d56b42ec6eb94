"""How long a module takes beside another one, and where its time goes.

The bound is measured in the same run: a large matrix product, in the same number type. FLOPs are not
latency; the share of the bound says how far apart the two are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x3dspec.language.errors import BadArgument
from x3dspec.pytorch.machine import DTYPES, device_of, dtype_of, processor
from x3dspec.pytorch.measures import Machine, Measured, Result, Setting
from x3dspec.pytorch.peak_memory import peak
from x3dspec.pytorch.time_shares import shares
from x3dspec.pytorch.timing import Step, gemm_bound, interleaved, ratio, spread


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
    dtype, device = dtype_of(setting.dtype), device_of(setting.device)
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
    machine = Machine(torch.__version__, processor(device), torch.get_num_threads(), bound)
    return Result(machine, tuple(measured), ratio(others[0], base) if others else None)


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
        memory=peak(step, device),
        kinds=shares(step, device),
    )
