"""Steps of training that a second step needs, from nothing and from its parent's weights, grown.

    python benchmarks/inherit.py FOLDER [--seeds 0,1,2]

The task of examples/two_steps.sh. Its first step keeps `fast`, which is trained from nothing; then each
of the six candidates of the second step twice: from nothing for 240 steps, and from its parent's weights
for 120. Accuracy is taken before and after every 40 steps. What is measured is kept in FOLDER, and goes
on from there. Counts steps, so that other work on the machine changes nothing. An hour or two on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

import x3dspec
from x3dspec.codegen import module as emit
from x3dspec.network import preset
from x3dspec.pytorch.grow import grow
from x3dspec.scaling.expand import expand
from x3dspec.scaling.judges import Candidate, Score

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import make_clips
import train

EPOCHS, EPOCHS_GROWN = 6, 3


def candidates(spec: x3dspec.Architecture) -> tuple[Candidate, list[Candidate]]:
    """What the first step keeps, and the candidates of the second."""
    asked: list[list[Candidate]] = []

    def fast(given: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        asked.append([*given])
        return ((index, Score(float(each.axis == "fast"))) for index, each in enumerate(given))

    expand(spec, fast, steps=2)
    return next(each for each in asked[0] if each.axis == "fast"), asked[1]


class Trainings:
    """Trainings of one seed, each with its accuracy by steps; those done before are not done again."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.log = folder / "inherit.jsonl"
        self.done = (
            [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        )
        self.data = train.videos(folder / "clips" / "val")

    def __call__(
        self, candidate: Candidate, weights: Path | None, left: Path | None = None
    ) -> dict[str, int]:
        known = {"seed": self.seed, "axis": candidate.axis, "step": len(candidate.history) + 1}
        known["grown"] = weights is not None
        for line in self.done:
            if known.items() <= line.items() and (left is None or left.exists()):
                return dict(line["accuracy"])
        curve: dict[str, float] = {}
        model = train.train(self._words(candidate, weights), partial(self._measure, candidate, curve))
        if left:
            train.keep(left, model.state_dict())
        line = {**known, "accuracy": curve}
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), file=sys.stderr, flush=True)
        return curve

    def _words(self, candidate: Candidate, weights: Path | None) -> argparse.Namespace:
        module, spec = self.folder / "candidate.py", self.folder / "candidate.yaml"
        spec.write_text(preset.text(candidate.resolved, spec))
        module.write_text(emit.source(candidate.resolved, "candidate"))
        words = [module, spec, "-", "--data", self.folder / "clips", "--short", "--threads", 1]
        words += ["--seed", self.seed, "--epochs", EPOCHS, "--epochs-grown", EPOCHS_GROWN]
        words += ["--weights", weights] if weights else []
        return train.arguments().parse_args([str(word) for word in words])

    def _measure(self, candidate: Candidate, curve: dict[str, float], steps: int, model: nn.Module) -> None:
        curve[str(steps)] = train.accuracy(model, self.data, candidate.resolved, 16, "cpu")


def grown(parent: Path, small: Candidate, large: Candidate, seed: int) -> Path:
    state = grow(torch.load(parent, weights_only=True), small.resolved, large.resolved, seed=seed)
    torch.save(state, parent.with_name("grown.pt"))
    return parent.with_name("grown.pt")


def reached(curve: dict[str, Any], score: float) -> int | None:
    """The first steps at which it was as good."""
    return next((int(steps) for steps, accuracy in curve.items() if accuracy >= score), None)


def report(rows: list[tuple[int, str, dict[str, Any], dict[str, Any]]]) -> None:
    print("seed  axis        from nothing  after  as good  from the parent: before  after  as good")
    spent, needed = 0, 0
    for seed, axis, alone, inherited in rows:
        *_, last = alone
        score, before, after = alone[last], inherited["0"], [*inherited.values()][-1]
        own, steps = reached(alone, score), reached(inherited, score)
        spent, needed = spent + (own or 0), needed + (int(last) if steps is None else steps)
        then = f"{before:23.3f}  {after:5.3f}  {'never' if steps is None else steps:>7}"
        print(f"{seed:4}  {axis:10}  {score:12.3f}  {last:>5}  {own:7}  {then}")
    print(f"as good as from nothing in the end: {needed} steps with the parent's weights, {spent} without")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--size", default="4/7", help="gamma_s; 4/7 is 64 pixels")
    parser.add_argument("--width", default="1", help="gamma_w")
    parser.add_argument("--train", type=int, default=160, help="videos of each class to train on")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    train.videos = cache(train.videos)
    if not (given.folder / "clips").exists():
        make_clips.make(given.folder / "clips", given.train, 40)
    spec = x3dspec.load("x2d").choose(classes=4)
    tiny = given.folder / "tiny.yaml"
    tiny.write_text(preset.text(spec.resolve(gamma_s=given.size, gamma_w=given.width), tiny))
    parent, children = candidates(x3dspec.load(str(tiny)))
    rows = []
    for seed in map(int, given.seeds.split(",")):
        trained = Trainings(given.folder, seed)
        left = given.folder / f"parent{seed}.pt"
        trained(parent, None, left)
        for child in children:
            alone = trained(child, None)
            rows.append((seed, child.axis, alone, trained(child, grown(left, parent, child, seed))))
    report(rows)


if __name__ == "__main__":
    main()
