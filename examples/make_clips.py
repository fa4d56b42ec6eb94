"""Make a small labelled video set whose classes no single frame can tell: which way shapes move.

    python examples/make_clips.py clips

writes clips/{train,val}/{left,right,up,down}/*.mp4: 64 x 64 pixels, 40 frames, about half a pixel a
frame. The folder is there when it is whole; interrupted and started again, it continues in clips.part.
Needs PyAV (pip install av) and numpy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import numpy as np

FRAMES, SIZE, RATE, SHAPES = 40, 64, 24, 8
WAYS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def clip(way: tuple[int, int], draw: np.random.Generator) -> np.ndarray:
    """One video: squares and discs move one way over a plain ground, and wrap around.

    Nothing but the motion tells two videos apart for long, so that there is little to learn by heart.
    """
    frames = np.full((FRAMES, SIZE, SIZE, 3), 30, dtype=np.uint8)
    moved = np.arange(FRAMES)[:, None] * draw.uniform(0.4, 0.6)
    for _ in range(SHAPES):
        start, radius = draw.uniform(0, SIZE, 2), draw.uniform(4, 9)
        away = (np.arange(SIZE) - start[:, None, None] - moved * np.array(way)[:, None, None]) % SIZE
        down, across = np.minimum(away, SIZE - away)
        down, across = down[:, :, None], across[:, None, :]
        disc = draw.random() < 0.5
        inside = np.hypot(down, across) < radius if disc else np.maximum(down, across) < radius
        frames[inside] = draw.integers(100, 256, 3)
    return frames


def write(path: Path, frames: np.ndarray) -> None:
    """Encode frames as MPEG-4; the file is there when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        stream.bit_rate = 400_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    part.replace(path)


def make(folder: Path, train: int, val: int, seed: int = 0) -> None:
    """Videos of each class to train on and to score on."""
    unfinished = folder.with_name(folder.name + ".part")
    for number, (part, count) in enumerate((("train", train), ("val", val))):
        for way, name in enumerate(WAYS):
            for index in range(count):
                path = unfinished / part / name / f"{index:04}.mp4"
                if not path.exists():
                    # A video draws by its place alone: it is the same whenever it is made.
                    draw = np.random.default_rng([seed, number, way, index])
                    write(path, clip(WAYS[name], draw))
    unfinished.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=160, help="videos of each class to train on")
    parser.add_argument("--val", type=int, default=40, help="videos of each class to score on")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.folder.exists():
        print(f"{given.folder} is there already")
        return
    make(given.folder, given.train, given.val, given.seed)
    print(f"{(given.train + given.val) * len(WAYS)} videos in {given.folder}")


if __name__ == "__main__":
    main()
