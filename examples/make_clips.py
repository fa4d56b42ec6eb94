"""Make a small labelled video set whose classes no single frame can tell: which way a shape moves.

    python examples/make_clips.py clips

writes clips/{train,val}/{left,right,up,down}/*.mp4: 64 x 64 pixels, 64 frames, about a pixel a frame.
Needs PyAV (pip install av) and numpy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import numpy as np

FRAMES, SIZE, RATE = 64, 64, 24
WAYS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def clip(way: tuple[int, int], draw: np.random.Generator) -> np.ndarray:
    """One video: a square or a disc of any colour moves over a noisy ground, and wraps around."""
    radius, speed = draw.integers(6, 11), draw.uniform(0.4, 0.6)
    start = draw.uniform(0, SIZE, 2)
    ground = draw.integers(0, 90, (SIZE, SIZE, 3)) + draw.integers(0, 60, 3)
    colour, disc = draw.integers(120, 256, 3), draw.random() < 0.5
    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij"), axis=-1)
    frames = np.empty((FRAMES, SIZE, SIZE, 3), dtype=np.uint8)
    for index in range(FRAMES):
        centre = start + index * speed * np.array(way)
        away = np.abs((grid - centre + SIZE / 2) % SIZE - SIZE / 2)
        inside = np.hypot(*np.moveaxis(away, -1, 0)) < radius if disc else away.max(axis=-1) < radius
        frames[index] = np.where(inside[..., None], colour, ground)
    return frames


def write(path: Path, frames: np.ndarray) -> None:
    """Encode frames as MPEG-4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        stream.bit_rate = 400_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=40, help="videos of each class to train on")
    parser.add_argument("--val", type=int, default=20, help="videos of each class to score on")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = np.random.default_rng(given.seed)
    for part, count in (("train", given.train), ("val", given.val)):
        for name, way in WAYS.items():
            for index in range(count):
                write(given.folder / part / name / f"{index:04}.mp4", clip(way, draw))
    print(f"{(given.train + given.val) * len(WAYS)} videos in {given.folder}")


if __name__ == "__main__":
    main()
