"""Train an emitted module on a folder of labelled videos, and write its accuracy as a score.

    python examples/train.py MODULE.py SPEC.yaml SCORE.json --data clips

The folder has {train,val}/CLASS/VIDEO. Frames and frame stride of a clip are those of the spec. This
is what `x3dspec expand --judge command` runs per candidate; see docs/expansion.md. With --weights it
starts from those that grew out of the kept parent's. Needs PyAV and torch.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import x3dspec

Videos = list[tuple[torch.Tensor, int]]


def build(path: Path) -> nn.Module:
    """The network of an emitted module: its factory is called as its file is."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    # Dataclasses and pickles look a module up by its name.
    sys.modules[path.stem] = module
    found.loader.exec_module(module)
    network = getattr(module, path.stem)()
    assert isinstance(network, nn.Module)
    return network


def videos(folder: Path) -> Videos:
    """Every video of a folder with the number of its class: frames x height x width x 3, 8 bits."""
    classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
    found = []
    for label, name in enumerate(classes):
        for path in sorted((folder / name).iterdir()):
            with av.open(str(path)) as container:
                frames = [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
            found.append((torch.stack(frames), label))
    return found


def sampled(video: torch.Tensor, frames: int, stride: int, draw: torch.Generator | None) -> torch.Tensor:
    """A clip: `frames` of a video, `stride` apart, from a random place, or its middle without `draw`."""
    room = max(0, len(video) - (frames - 1) * stride - 1)
    first = room // 2 if draw is None else int(torch.randint(room + 1, (), generator=draw))
    index = (first + stride * torch.arange(frames)).clamp(max=len(video) - 1)
    return video[index]


def batches(
    data: Videos, network: x3dspec.Resolved, batch: int, draw: torch.Generator | None
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Clips as the network takes them, in random order where there is a `draw`."""
    frames, stride, size = network.network.frames or 1, network.network.stride or 1, network.network.size
    order = torch.arange(len(data)) if draw is None else torch.randperm(len(data), generator=draw)
    for chosen in order.split(batch):
        clips = torch.stack([sampled(data[i][0], frames, stride, draw) for i in chosen.tolist()])
        pixels = clips.permute(0, 1, 4, 2, 3).flatten(0, 1).float() / 128 - 1
        pixels = F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
        yield (
            pixels.unflatten(0, (len(chosen), frames)).transpose(1, 2).contiguous(),
            torch.tensor([data[i][1] for i in chosen.tolist()]),
        )


def accuracy(model: nn.Module, data: Videos, network: x3dspec.Resolved, batch: int, device: str) -> float:
    """The share of videos whose middle clip is classified right."""
    model.eval()
    right = 0
    with torch.inference_mode():
        for clips, labels in batches(data, network, batch, None):
            right += int((model(clips.to(device)).argmax(1).cpu() == labels).sum())
    return right / len(data)


def keep(path: Path, state: dict[str, object]) -> None:
    """Replace a checkpoint whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def begun(given: argparse.Namespace) -> tuple[nn.Module, int]:
    """The module, new or with the weights that there are, and how many epochs it is to be trained."""
    model = build(given.module)
    if given.short:
        enliven(model)
    if given.weights is None or not given.weights.exists():
        return model, given.epochs
    model.load_state_dict(torch.load(given.weights, weights_only=True))
    return model, given.epochs if given.epochs_grown is None else given.epochs_grown


def train(
    given: argparse.Namespace, watch: Callable[[int, nn.Module], None] = lambda steps, model: None
) -> nn.Module:
    """Train, from the checkpoint if there is one; `watch` is shown the module after so many steps."""
    torch.manual_seed(given.seed)
    if given.threads:
        torch.set_num_threads(given.threads)
    network = x3dspec.load(str(given.spec)).resolve()
    # On a CPU this layout is 1.7 times as fast; on CUDA depthwise kernels are better without it.
    layout = torch.channels_last_3d if given.device == "cpu" else torch.contiguous_format
    model, epochs = begun(given)
    model = model.to(given.device, memory_format=layout)
    data = videos(given.data / "train")
    steps = math.ceil(len(data) / given.batch)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=given.rate, momentum=0.9, nesterov=True, weight_decay=5e-5
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, given.rate, total_steps=epochs * steps)
    # bf16 pays on an accelerator; on most CPUs it loses.
    mixed = torch.autocast("cuda", torch.bfloat16, enabled=given.device.startswith("cuda"))
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    checkpoint = None
    if given.checkpoints:
        checkpoint = given.checkpoints / f"{hashlib.sha256(given.spec.read_bytes()).hexdigest()[:16]}.pt"
    for epoch in range(continued(checkpoint, parts, given.device), epochs):
        watch(epoch * steps, model)
        model.train()
        total, seen = 0.0, 0
        # An epoch draws by its number alone, so that a killed training goes on as if it had not been.
        torch.manual_seed(given.seed * 1000 + epoch)
        draw = torch.Generator().manual_seed(given.seed * 1000 + epoch)
        for clips, labels in batches(data, network, given.batch, draw):
            with mixed:
                loss = F.cross_entropy(
                    model(clips.to(given.device, memory_format=layout)), labels.to(given.device)
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total, seen = total + float(loss.detach()) * len(labels), seen + len(labels)
            progress(epoch, epochs, seen / len(data), total / seen)
        if checkpoint:
            keep(
                checkpoint, {**{name: part.state_dict() for name, part in parts.items()}, "epoch": epoch + 1}
            )
    watch(epochs * steps, model)
    return model


def continued(checkpoint: Path | None, parts: dict[str, Any], device: str) -> int:
    """Bring all parts to where the checkpoint is, if there is one; the epochs that are done."""
    if checkpoint is None or not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, map_location=device)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["epoch"])


def enliven(model: nn.Module) -> None:
    """Let every residual branch start as it would without the norm that starts at zero.

    Starting at zero pays over many epochs; a run of a few hundred steps is over before they wake up.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d) and not module.weight.any():
            nn.init.ones_(module.weight)


def progress(epoch: int, epochs: int, share: float, loss: float) -> None:
    if sys.stderr.isatty():
        bar = "#" * round(30 * share)
        end = "\n" if share >= 1 else ""
        line = f"\repoch {epoch + 1}/{epochs} [{bar:<30}] loss {loss:.3f}"
        print(line, end=end, file=sys.stderr, flush=True)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", type=Path)
    parser.add_argument("spec", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.1, help="the highest learning rate")
    parser.add_argument("--threads", type=int, help="of torch; give 1 where several candidates run at once")
    parser.add_argument("--short", action="store_true", help="branches do not start at zero: for few steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoints", type=Path, help="keep one a spec here, and continue from it")
    parser.add_argument("--weights", type=Path, help="start from these, where the file is there")
    parser.add_argument("--weights-out", type=Path, help="leave the trained weights here")
    parser.add_argument("--epochs-grown", type=int, help="epochs of a training that starts from weights")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser


def main() -> None:
    given = arguments().parse_args()
    model = train(given)
    network = x3dspec.load(str(given.spec)).resolve()
    score = accuracy(model, videos(given.data / "val"), network, given.batch, given.device)
    if given.weights_out:
        keep(given.weights_out, model.state_dict())
    given.out.write_text(json.dumps({"score": score}))
    print(f"accuracy {score:.3f}")


if __name__ == "__main__":
    main()
