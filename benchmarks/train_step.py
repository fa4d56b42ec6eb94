"""A training step of the train form against pytorchvideo's: forward, loss, backward.

    python benchmarks/train_step.py [x3d_s x3d_m] [--batch 2] [--device cpu] [--dtype float32]
                                    [--threads 2] [--rounds 9]

Ours runs with weights and clips in channels-last memory, and as it comes; pytorchvideo's as it comes.
On a GPU measure both: there channels-last decides which depthwise kernel is taken. Medians of the
ratios within a round, with their quartiles. That both compute the same gradients is a test
(tests/test_deploy.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from peers import create_x3d
from torch import Tensor, nn

from x3dspec import load
from x3dspec.pytorch import machine, timing
from x3dspec.pytorch.expected import factory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("specs", nargs="*", default=["x3d_s", "x3d_m"])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=list(machine.DTYPES), help="of the autocast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {given.threads} threads, {given.device}, {given.dtype}")
    for name in given.specs:
        for line in lines(name, given.batch, torch.device(given.device), given.dtype, given.rounds):
            print(line, flush=True)


def lines(name: str, batch: int, device: torch.device, dtype: str, rounds: int) -> list[str]:
    """A line for each memory order of ours."""
    resolved = load(name).resolve()
    clip = (resolved.network.inputs.channels, *resolved.network.inputs.sizes)
    x = torch.randn(batch, *clip, device=device)
    last = x.contiguous(memory_format=torch.channels_last_3d)
    make = factory(resolved)
    steps = {
        "pytorchvideo": step(create_x3d(name, (1, *clip)).to(device), x, dtype),
        "channels last": step(in_order(make().to(device), torch.channels_last_3d), last, dtype),
        "as it comes": step(make().to(device), x, dtype),
    }
    times = timing.interleaved(steps, rounds, device)
    theirs = times.pop("pytorchvideo")
    found = []
    for order, own in times.items():
        ratio = timing.ratio(theirs, own)
        medians = (
            f"{timing.spread(own).median * 1e3:.0f} ms against {timing.spread(theirs).median * 1e3:.0f} ms"
        )
        found.append(
            f"{name:7} batch {batch} {order:13} {ratio.median:5.2f} x "
            f"({ratio.low:.2f} to {ratio.high:.2f}), {medians}"
        )
    return found


def in_order(model: nn.Module, order: torch.memory_format) -> nn.Module:
    for weight in model.parameters():
        if weight.dim() == 5:
            weight.data = weight.contiguous(memory_format=order)
    return model


def step(model: nn.Module, x: Tensor, dtype: str) -> Callable[[], None]:
    model.train()
    labels = torch.arange(len(x), device=x.device)

    def run() -> None:
        model.zero_grad(set_to_none=True)
        with torch.autocast(x.device.type, machine.DTYPES[dtype], enabled=dtype != "float32"):
            logits = model(x)
        nn.functional.cross_entropy(logits.float(), labels).backward()

    return run


if __name__ == "__main__":
    main()
