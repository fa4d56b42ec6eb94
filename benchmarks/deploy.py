"""The deploy form against eager pytorchvideo at the same weights, on this CPU.

    python benchmarks/deploy.py [x3d_s x3d_m] [--batch 1 4] [--dtype float32 bfloat16]
                                [--threads 2] [--rounds 15] [--compile]

pytorchvideo runs as it comes: float32, default memory order. Every round runs both once, in turn;
the figures are medians of the paired ratios, with their quartiles. Weights are random, the norms'
statistics too, so that folding them matters; "differ" is over the largest logit.
"""

from __future__ import annotations

import argparse

import torch
from peers import create_x3d
from torch import Tensor, nn

from x3dspec import bench, emit, keys, load
from x3dspec.weights import convert


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("specs", nargs="*", default=["x3d_s", "x3d_m"])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--compile", action="store_true", help="the deploy form through torch.compile")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    bound = bench.gemm_bound(torch.float32, torch.device("cpu")) / 1e9
    print(f"torch {torch.__version__}, {given.threads} threads, bound {bound:.0f} GMACs/s in float32")
    for name in given.specs:
        for batch in given.batch:
            for dtype in given.dtype:
                print(line(name, batch, bench.DTYPES[dtype], given.rounds, given.compile), flush=True)


def line(name: str, batch: int, dtype: torch.dtype, rounds: int, compiled: bool) -> str:
    """One comparison: ratio, spread, both medians, and how far the logits are apart."""
    peer, ours, clip = pair(name)
    x = torch.randn(batch, *clip)
    rounded = x.to(dtype)
    ours = ours.to(dtype)
    run = torch.compile(ours) if compiled else ours
    with torch.inference_mode():
        expected = peer(x)
        differ = float((run(rounded).float() - expected).abs().max() / expected.abs().max())
        times = bench.interleaved({"peer": lambda: peer(x), "ours": lambda: run(rounded)}, rounds)
    ratio = bench.ratio(times["peer"], times["ours"])
    theirs, own = (bench.spread(times[each]).median * 1e3 for each in ("peer", "ours"))
    return (
        f"{name:7} batch {batch} {str(dtype).removeprefix('torch.'):9} {ratio.median:5.2f} x "
        f"({ratio.low:.2f} to {ratio.high:.2f}), {own:.0f} ms against {theirs:.0f} ms, differ {differ:.0e}"
    )


def pair(name: str) -> tuple[nn.Module, nn.Module, tuple[int, ...]]:
    """pytorchvideo's network, our deploy form at its weights, and their clip."""
    resolved = load(name).resolve()
    clip = (resolved.network.inputs.channels, *resolved.network.inputs.sizes)
    peer = create_x3d(name, (1, *clip)).eval()
    generator = torch.Generator().manual_seed(0)
    state = {key: random(key, tensor, generator) for key, tensor in peer.state_dict().items()}
    peer.load_state_dict(state)
    namespace: dict[str, type[nn.Module]] = {}
    exec(emit.source(resolved, form="deploy"), namespace)  # noqa: S102
    ours = namespace[f"{name}_deploy"]().eval()
    rules = keys.load(resolved.architecture)
    ours.load_train_state(convert(state, "pytorchvideo", "x3dspec", rules, resolved).state)  # type: ignore[operator]
    return peer, ours, clip


def random(key: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Values that keep logits of the order of 1 at any depth."""
    if not tensor.is_floating_point():
        return tensor
    if tensor.dim() > 1:
        return torch.randn(tensor.shape, generator=generator) / tensor[0].numel() ** 0.5
    if key.endswith(("weight", "running_var")):
        return 0.7 + 0.6 * torch.rand(tensor.shape, generator=generator)
    return 0.1 * torch.randn(tensor.shape, generator=generator)


if __name__ == "__main__":
    main()
