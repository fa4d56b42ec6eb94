"""The example trainer on made clips: it learns from a folder, and continues where it was killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import x3dspec
from x3dspec.codegen import module as emit

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made clips, and a network of two frames for them."""
    made = tmp_path_factory.mktemp("trained")
    run([str(EXAMPLES / "make_clips.py"), "clips", "--train", "2", "--val", "1"], made)
    text = "name: tiny\nbase: x2d\nfactors: {gamma_t: 2, gamma_s: 2/7, gamma_tau: 12}\nset: {classes: 4}\n"
    (made / "tiny.yaml").write_text(text)
    (made / "tiny.py").write_text(emit.source(x3dspec.load(str(made / "tiny.yaml")).resolve()))
    return made


def run(arguments: Sequence[str], folder: Path) -> None:
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, capture_output=True)


def training(folder: Path, kept: str) -> list[str]:
    words = ["tiny.py", "tiny.yaml", f"{kept}.json", "--data", "clips", "--epochs", "3", "--batch", "4"]
    return [str(EXAMPLES / "train.py"), *words, "--threads", "1", "--checkpoints", kept]


def test_clips_are_labelled_videos(folder: Path) -> None:
    videos = sorted(path.relative_to(folder / "clips").as_posix() for path in folder.rglob("*.mp4"))
    assert len(videos) == 12
    assert videos[0] == "train/down/0000.mp4"


def test_clips_are_there_when_all_are(tmp_path: Path) -> None:
    """Killed while it makes them, it goes on to the same files."""
    words = [str(EXAMPLES / "make_clips.py"), "clips", "--train", "3", "--val", "1"]
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    run(words, tmp_path / "whole")
    first = subprocess.Popen([sys.executable, *words], cwd=tmp_path / "killed")
    while first.poll() is None and not list(tmp_path.glob("killed/clips.part/*/*/0001.mp4")):
        time.sleep(0.002)
    first.kill()
    first.wait()
    assert not (tmp_path / "killed" / "clips").exists()
    run(words, tmp_path / "killed")
    files = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.mp4")}
        for folder in (tmp_path / "whole", tmp_path / "killed")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 16
    run(words, tmp_path / "killed")


def test_a_killed_training_continues_to_the_same_weights(folder: Path) -> None:
    run(training(folder, "whole"), folder)
    (whole,) = (folder / "whole").glob("*.pt")

    first = subprocess.Popen(
        [sys.executable, *training(folder, "killed")],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while first.poll() is None and not (folder / "killed" / whole.name).exists():
        time.sleep(0.005)
    first.kill()
    first.wait()
    assert torch.load(folder / "killed" / whole.name)["epoch"] < 3, "killed too late to say anything"
    run(training(folder, "killed"), folder)

    one, other = (torch.load(folder / kept / whole.name)["model"] for kept in ("whole", "killed"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    scores = [json.loads((folder / f"{kept}.json").read_text()) for kept in ("whole", "killed")]
    assert scores[0] == scores[1]
    assert 0 <= scores[0]["score"] <= 1
