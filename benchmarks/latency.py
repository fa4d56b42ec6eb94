"""How well `ms` predicts networks that nothing was fitted to, and MACs beside it.

    x3dspec calibrate -o machine.json --threads 1
    python benchmarks/latency.py machine.json [--networks 50] [--budgets]

Random X3Ds of 0.05 to 5 GMACs and the other video families are emitted in the machine's form and timed
in turn by the machine file's clock. Printed are the median error of `ms` and of the best single rate for
MACs, rank correlations, and how well the timings repeat themselves. With --budgets, networks are also
budgeted at 10, 30 and 100 ms, and timed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from fractions import Fraction
from typing import Any

import torch
from torch import nn

import x3dspec
from x3dspec.codegen.module import source
from x3dspec.language import machine_file
from x3dspec.language.errors import SpecError
from x3dspec.language.machine_file import Machine
from x3dspec.network.architecture import Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.units import parse_target
from x3dspec.pytorch.machine import DTYPES
from x3dspec.pytorch.probe import loaded
from x3dspec.scaling.budget import budgeted as bought

FAMILIES = ("slow_r50", "c2d_r50", "i3d_r50", "r2plus1d_r50", "csn_r101")
LEAST, MOST = 5 * 10**7, 5 * 10**9
Step = tuple[nn.Module, torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("machine")
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--budgets", action="store_true")
    arguments = parser.parse_args()
    machine = machine_file.read(arguments.machine)
    torch.set_num_threads(machine.threads)
    print(machine.line)
    networks = drawn(arguments.networks, machine)
    first, second = (
        timed([step(each, machine) for each in networks], arguments.rounds, machine) for _ in "ab"
    )
    report(networks, first, second, machine)
    if arguments.budgets:
        budgeted(machine, arguments.rounds)


def drawn(count: int, machine: Machine) -> list[Resolved]:
    """A fifth of them of other families, smaller clips of theirs; the rest X3Ds."""
    chance = random.Random(16)
    base, networks = x3dspec.load("x2d").on(machine), []
    for index in range(count // 5):
        family = x3dspec.load(FAMILIES[index % len(FAMILIES)]).on(machine)
        networks.append(family.at_clip(chance.choice((4, 8)), chance.choice((64, 96, 112, 128))).resolve())
    while len(networks) < count:
        factors: dict[str, Any] = {
            "gamma_t": chance.choice((1, 2, 4, 6, 8, 13, 16)),
            "gamma_s": Fraction(chance.choice((96, 112, 128, 160, 192, 224, 256)), 112),
            "gamma_w": chance.choice(("1/2", "3/4", "1", "5/4", "29/20")),
            "gamma_b": chance.choice(("3/2", "2", "9/4", "3")),
            "gamma_d": chance.choice(("1", "3/2", "11/5", "3")),
        }
        resolved = base.resolve(**factors)
        if LEAST < resolved.cost().macs < MOST:
            networks.append(resolved)
    return networks


def step(resolved: Resolved, machine: Machine) -> Step:
    """The emitted network, and a batch."""
    name = resolved.network.identity.name
    module = getattr(loaded(source(resolved, name, machine.form), f"{name}.py"), name)()
    dtype, device = DTYPES[machine.dtype], torch.device(machine.device)
    clip = torch.randn(machine.batch, *resolved.network.inputs.numbers)
    return module.eval().to(device, dtype), clip.to(device, dtype)


def timed(steps: list[Step], rounds: int, machine: Machine) -> list[float]:
    """Median milliseconds of each, all in turn, two rounds warming up."""
    clock = time.thread_time if machine.clock == "thread CPU time" else time.perf_counter
    times: list[list[float]] = [[] for _ in steps]
    with torch.inference_mode():
        for number in range(rounds + 2):
            for each, (module, clip) in zip(times, steps, strict=True):
                start = clock()
                module(clip)
                if clip.is_cuda:
                    torch.cuda.synchronize()
                if number > 1:
                    each.append((clock() - start) * 1e3)
    return [statistics.median(each) for each in times]


def predicted(resolved: Resolved) -> float:
    return Evaluator.of(resolved.architecture, "ms").counts(resolved.setting)["ms"] / 1e6


def report(networks: list[Resolved], first: list[float], second: list[float], machine: Machine) -> None:
    """Every network, and how far off the two predictions are."""
    times = [min(pair) for pair in zip(first, second, strict=True)]
    noise = statistics.median(max(pair) / min(pair) - 1 for pair in zip(first, second, strict=True))
    macs = [resolved.cost().macs for resolved in networks]
    guesses = [predicted(resolved) for resolved in networks]
    for time_, guess, count, resolved in sorted(zip(times, guesses, macs, networks, strict=True), key=_first):
        figures = (
            f"{count / 1e9:6.2f} GMACs {time_:8.1f} ms, predicted {guess:8.1f} ({guess / time_ - 1:+.1%})"
        )
        print(f"  {resolved.network.identity.name:14} {figures}")
    rate = statistics.median(time_ / count for time_, count in zip(times, macs, strict=True))
    judged("ms", guesses, times)
    judged("MACs alone", [rate * count for count in macs], times)
    bound = max(0.08, 1.5 * noise)
    print(
        f"repeatability {noise:.1%}, of layers {float(machine.repeatability):.1%}; the bound is {bound:.1%}"
    )


def _first(row: tuple[float, float, int, Resolved]) -> float:
    return row[0]


def judged(name: str, values: list[float], times: list[float]) -> None:
    misses = [abs(value / time_ - 1) for value, time_ in zip(values, times, strict=True)]
    rank = statistics.correlation(ranks(times), ranks(values))
    inside = sum(miss <= 0.10 for miss in misses) / len(misses)
    errors = f"median error {statistics.median(misses):.1%}, mean {statistics.mean(misses):.1%}"
    print(f"{name:10} {errors}, {inside:.0%} within 10 %, rank correlation {rank:.3f}")


def ranks(values: list[float]) -> list[float]:
    order = sorted(values)
    return [float(order.index(value)) for value in values]


def budgeted(machine: Machine, rounds: int) -> None:
    """Networks that budgets in milliseconds buy, timed."""
    targets = ("10ms", "30ms", "100ms")
    networks: list[tuple[str, Resolved]] = []
    for target in targets:
        try:
            networks.append(
                (target, bought(x3dspec.load("x2d").on(machine), parse_target(target), fill=True).resolved)
            )
        except SpecError as error:
            print(f"{target}: {error}")
    times = timed([step(resolved, machine) for _, resolved in networks], rounds, machine)
    for (target, resolved), measured in zip(networks, times, strict=True):
        guess = predicted(resolved)
        print(f"budget {target:>6}: {measured:.1f} ms, predicted {guess:.1f}, ratio {measured / guess:.2f}")


if __name__ == "__main__":
    main()
