"""The networks at inference against eager pytorchvideo at the same weights, on this CPU.

    python benchmarks/deploy.py [x3d_s x3d_m] [--engine torch inductor onnxruntime openvino]
                                [--batch 1 4] [--dtype float32 bfloat16] [--threads 2] [--rounds 15]

Torch runs the deploy form, as it is or through torch.compile with its weights frozen; the other
engines run the training form, as `x3dspec export` writes it. pytorchvideo runs as it comes: float32,
default memory order. Every round runs both once, in turn; the figures are medians of the paired
ratios, with their quartiles. Weights are random, the norms' statistics too, so that folding them
matters; "differ" is over the largest logit.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from peers import create_x3d
from torch import Tensor, nn

from x3dspec import load
from x3dspec.codegen import module
from x3dspec.pytorch import export, key_rules_reader, machine, timing
from x3dspec.pytorch.convert import convert
from x3dspec.pytorch.expected import factory
from x3dspec.pytorch.export import exporting

Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Pair:
    """pytorchvideo's network and both forms of ours at its weights, and the clip: (C, T, H, W)."""

    peer: nn.Module
    train: nn.Module
    deploy: nn.Module
    clip: tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("specs", nargs="*", default=["x3d_s", "x3d_m"])
    parser.add_argument("--engine", nargs="+", default=["torch"], choices=list(ENGINES))
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2, help="of torch; other engines take what there is")
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    bound = timing.gemm_bound(torch.float32, torch.device("cpu")) / 1e9
    print(f"torch {torch.__version__}, {given.threads} threads, bound {bound:.0f} GMACs/s in float32")
    for name in given.specs:
        networks = pair(name)
        for engine in given.engine:
            for batch in given.batch:
                for dtype in given.dtype:
                    found = line(networks, engine, batch, machine.DTYPES[dtype], given.rounds)
                    print(f"{name:7} {engine:11} {found}", flush=True)


def line(networks: Pair, engine: str, batch: int, dtype: torch.dtype, rounds: int) -> str:
    """One comparison: ratio, spread, both medians, and how far the logits are apart."""
    peer, x = networks.peer, torch.randn(batch, *networks.clip)
    with torch.inference_mode():
        run = ENGINES[engine](networks, x, dtype)
        expected = peer(x)
        differ = float((run(x).float() - expected).abs().max() / expected.abs().max())
        times = timing.interleaved({"peer": lambda: peer(x), "ours": lambda: run(x)}, rounds)
    ratio = timing.ratio(times["peer"], times["ours"])
    theirs, own = (timing.spread(times[each]).median * 1e3 for each in ("peer", "ours"))
    return (
        f"batch {batch} {str(dtype).removeprefix('torch.'):9} {ratio.median:5.2f} x "
        f"({ratio.low:.2f} to {ratio.high:.2f}), {own:.0f} ms against {theirs:.0f} ms, differ {differ:.0e}"
    )


def eager(networks: Pair, x: Tensor, dtype: torch.dtype) -> Run:
    network = deepcopy(networks.deploy).to(dtype)
    return lambda clip: network(clip.to(dtype))  # type: ignore[no-any-return]


def inductor(networks: Pair, x: Tensor, dtype: torch.dtype) -> Run:
    torch.compiler.reset()
    network = torch.compile(deepcopy(networks.deploy).to(dtype), options={"freezing": True})
    return lambda clip: network(clip.to(dtype))  # type: ignore[no-any-return]


def onnxruntime(networks: Pair, x: Tensor, dtype: torch.dtype) -> Run:
    if dtype is not torch.float32:
        raise SystemExit("onnxruntime: float32 only")
    with tempfile.TemporaryDirectory() as folder:
        return written(networks, "onnx", Path(folder) / "network.onnx", x)


def openvino(networks: Pair, x: Tensor, dtype: torch.dtype) -> Run:
    from openvino import compile_model

    hint = {torch.float32: "f32", torch.bfloat16: "bf16"}[dtype]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.xml"
        written(networks, "openvino", path, x)
        hints = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        compiled = compile_model(path, "CPU", hints)
    return lambda clip: torch.from_numpy(compiled([clip.numpy()])[0])


def written(networks: Pair, to: str, path: Path, x: Tensor) -> Run:
    """The exported training form, as a function of a clip."""
    runtime, wish = export.target(to), export.Wish(())
    run = runtime.write(exporting.asked(networks.train, runtime, x.shape, wish), path, wish)
    assert not isinstance(run, str)
    return lambda clip: run((clip,))[0]


ENGINES = {"torch": eager, "inductor": inductor, "onnxruntime": onnxruntime, "openvino": openvino}


def pair(name: str) -> Pair:
    resolved = load(name).resolve()
    clip = (resolved.network.inputs.channels, *resolved.network.inputs.sizes)
    peer = create_x3d(name, (1, *clip)).eval()
    generator = torch.Generator().manual_seed(0)
    state = {key: random(key, tensor, generator) for key, tensor in peer.state_dict().items()}
    peer.load_state_dict(state)
    converted = convert(
        state, "pytorchvideo", "x3dspec", key_rules_reader.load_rules(resolved.architecture), resolved
    ).state
    train = factory(resolved)().eval()
    train.load_state_dict(converted)
    namespace: dict[str, type[nn.Module]] = {}
    exec(module.source(resolved, form="deploy"), namespace)  # noqa: S102
    deploy = namespace[f"{name}_deploy"]().eval()
    deploy.load_train_state(converted)  # type: ignore[operator]
    return Pair(peer, train, deploy, clip)


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
