"""Clips for a network, from a file of tensors or a folder of videos."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import checkpoint

BATCH = 8
MAX_VIDEOS = 1024
#: Of one video; what is behind them is not looked at.
MAX_FRAMES = 4096
_VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")


def batches(path: Path, resolved: Resolved) -> Iterator[Tensor]:
    """Batches as the network takes them.

    Args:
        path: a .pt or .pth of one tensor as a trainer feeds it, N x 3 x T x S x S, or N x 3 x S x S without
            frames; or a folder of videos, of each of which the middle is taken, at the spec's frames,
            stride and size, with its mean and std.

    Raises:
        SpecError: none of both, or clips of another shape than the network's.
    """
    yield from _videos(path, resolved) if path.is_dir() else _tensor(path, resolved)


def _tensor(path: Path, resolved: Resolved) -> Iterator[Tensor]:
    clips = checkpoint.read_tensor(path)
    network = resolved.network
    shape = (network.inputs.channels, *network.inputs.sizes)
    if not clips.is_floating_point() or clips.ndim != len(shape) + 1 or tuple(clips.shape[1:]) != shape:
        spelled = " x ".join(map(str, clips.shape))
        wanted = " x ".join(map(str, ("N", *shape)))
        raise SpecError.at(str(path), f"holds {clips.dtype} of {spelled}, not floats of {wanted}")
    if not len(clips):
        raise SpecError.at(str(path), "holds no clips")
    yield from torch.split(clips.float(), BATCH)


def _videos(folder: Path, resolved: Resolved) -> Iterator[Tensor]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in _VIDEOS)[:MAX_VIDEOS]
    if not files:
        raise SpecError.at(str(folder), f"holds no videos: {', '.join(_VIDEOS)}")
    for start in range(0, len(files), BATCH):
        yield torch.stack([_clip(path, resolved) for path in files[start : start + BATCH]])


def _clip(path: Path, resolved: Resolved) -> Tensor:
    """The middle of a video: channels x frames x height x width, or without frames."""
    network, fed = resolved.network, resolved.architecture.source.network.input
    if not fed.mean or not fed.std:
        raise SpecError.at(
            resolved.architecture.source.display, "has no input.mean and std: give clips as a .pt"
        )
    video = _decoded(path)
    frames, stride = network.frames or 1, network.stride or 1
    first = max(0, len(video) - (frames - 1) * stride - 1) // 2
    index = (first + stride * torch.arange(frames)).clamp(max=len(video) - 1)
    pixels = video[index].permute(0, 3, 1, 2).float() / 255
    pixels = F.interpolate(pixels, size=(network.size, network.size), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (fed.mean, fed.std))
    clip = ((pixels - mean) / std).transpose(0, 1)
    return clip if network.frames is not None else clip[:, 0]


def _decoded(path: Path) -> Tensor:
    """Frames x height x width x 3, 8 bits."""
    av = _av()
    frames = []
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                frames.append(torch.from_numpy(frame.to_ndarray(format="rgb24")))
                if len(frames) == MAX_FRAMES:
                    break
    except (av.FFmpegError, OSError, IndexError) as error:
        raise SpecError.at(str(path), f"cannot be decoded: {error}") from None
    if not frames:
        raise SpecError.at(str(path), "has no frames")
    return torch.stack(frames)


def _av() -> Any:
    try:
        return import_module("av")
    except ImportError:
        raise SpecError.at("--recalibrate", "videos need PyAV: pip install av") from None
