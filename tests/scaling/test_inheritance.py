"""Weights go from a kept candidate to those of the next step; a kill at any moment loses none of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from trainers import trained

import x3dspec
from x3dspec import Architecture, Resolved, SpecError
from x3dspec.cli import run
from x3dspec.scaling.expand import Expansion, Round, expand
from x3dspec.scaling.inheritance import Inheritance
from x3dspec.scaling.journal import Journal, journaled
from x3dspec.scaling.judges import Candidate
from x3dspec.scaling.trainer import split

#: Leaves what it was given, and a letter; the longer the better. `refused` is what its check refuses.
TRAINER = """
import json, pathlib, sys
out, weights, left = map(pathlib.Path, sys.argv[1:])
begun = weights.read_text() if weights.exists() else ""
left.write_text(begun + "x")
out.write_text(json.dumps({"score": len(begun)}))
"""


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def checked(path: Path, resolved: Resolved) -> None:
    if "refused" in path.read_text():
        raise SpecError.at(path.name, "conv1.conv_s.weight is missing")


def grown(path: Path, small: Resolved, large: Resolved) -> bytes:
    if large.factors["gamma_w"] > 1:
        raise SpecError.at("conv1.conv_s", "cannot grow so")
    assert large.cost().macs > small.cost().macs
    return path.read_bytes() + b"g"


def expanded(
    x2d: Architecture,
    folder: Path,
    text: str = TRAINER,
    axes: Sequence[str] = ("depth", "bottleneck"),
    steps: int = 3,
) -> Expansion:
    """An expansion as the command line runs it."""
    script = folder / "trainer.py"
    script.write_text(text)
    journal = Journal(folder / "journal", {"spec": "a"})
    inheritance = Inheritance(journal, checked, grown)
    trainer = trained(f"{sys.executable} {script} {{out}} {{weights}} {{weights_out}}", jobs=2)
    history: list[str] = []

    def settle(step: Round) -> None:
        inheritance.settle(Candidate(x2d, step.kept.axis, step.kept.setting, tuple(history)))
        history.append(step.kept.axis)

    judge = journaled(replace(trainer, inheritance=inheritance).judge(), journal)
    return expand(x2d, judge, steps, names=axes, watch=settle, decide_with_failures=False)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "journal").read_text().splitlines()[1:]]


def test_candidates_begin_with_what_was_kept(x2d: Architecture, tmp_path: Path) -> None:
    found = expanded(x2d, tmp_path)
    assert [[each.score.value for each in step.options] for step in found.rounds] == [[0, 0], [2, 2], [4, 4]]
    files = sorted(path.read_text() for path in (tmp_path / "journal.weights").iterdir())
    assert files == ["x", "xgx", "xgxgx"], "one of each step"
    by_key = {line["key"]: line for line in lines(tmp_path)}
    for line in by_key.values():
        if line["step"] == 1:
            assert "origin" not in line
        else:
            origin = line["origin"]
            assert isinstance(origin, dict)
            assert by_key[origin["parent"]]["weights"] == origin["weights"]
            assert str(origin["parent"]).startswith(f"{int(str(line['step'])) - 2}:depth:")


def test_a_trainer_that_leaves_nothing_works_as_before(x2d: Architecture, tmp_path: Path) -> None:
    found = expanded(x2d, tmp_path, TRAINER.replace('left.write_text(begun + "x")', ""), steps=2)
    assert len(found.trajectory.steps) == 2
    assert not (tmp_path / "journal.weights").exists()
    assert all(not {"weights", "origin"} & line.keys() for line in lines(tmp_path))


def test_what_it_leaves_is_checked(x2d: Architecture, tmp_path: Path) -> None:
    found = expanded(x2d, tmp_path, TRAINER.replace('"x"', '"refused"'), steps=1)
    assert "the weights that it left: " in found.failed
    assert "conv1.conv_s.weight is missing" in found.failed
    assert list((tmp_path / "journal.weights").iterdir()) == []


def test_a_network_that_cannot_begin_so_has_no_score(x2d: Architecture, tmp_path: Path) -> None:
    found = expanded(x2d, tmp_path, axes=("depth", "width"), steps=2)
    assert (
        found.failed
        == "step 2 is not decided: width: cannot begin as its parent: conv1.conv_s: cannot grow so"
    )


@pytest.mark.parametrize("damage", ["gone", "others"])
def test_weights_that_the_journal_knows_must_be_there(x2d: Architecture, tmp_path: Path, damage: str) -> None:
    expanded(x2d, tmp_path, steps=1)
    [kept] = (tmp_path / "journal.weights").iterdir()
    kept.unlink() if damage == "gone" else kept.write_text("y")
    with pytest.raises(
        SpecError, match="step 1: No such file" if damage == "gone" else "not the weights that step 1"
    ):
        expanded(x2d, tmp_path, steps=2)


def test_only_our_files_are_removed(x2d: Architecture, tmp_path: Path) -> None:
    (tmp_path / "journal.weights").mkdir()
    (tmp_path / "journal.weights" / "1-mine.pt").write_text("mine")
    expanded(x2d, tmp_path, steps=1)
    assert (tmp_path / "journal.weights" / "1-mine.pt").read_text() == "mine"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("train.py {out} {weights}", r"has {weights} and no {weights_out}"),
        ("train.py {out} {weights_out}", r"needs --journal FILE"),
    ],
)
def test_places_that_are_missing(template: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["expand", "x2d", "--steps", "1", "--judge", "command", "--judge-command", template]) == 2
    assert message in capsys.readouterr().err


#: A real one: what it begins with computes what its parent did, and so does what it leaves.
REAL = """
import importlib.util, json, pathlib, sys, torch
module, out, weights, left = map(pathlib.Path, sys.argv[1:])
found = importlib.util.spec_from_file_location("net", module)
net = importlib.util.module_from_spec(found)
found.loader.exec_module(net)
torch.manual_seed(0)
model = getattr(net, module.stem)().eval()
if weights.exists():
    model.load_state_dict(torch.load(weights, weights_only=True))
else:
    model.conv1.norm.weight.data.uniform_(1, 2)
with torch.no_grad():
    score = float(model(torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 1, 32, 32)).square().sum())
torch.save({"model_state": model.state_dict()}, left)
out.write_text(json.dumps({"score": score}))
"""


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """The command line, torch, and a kill -9 in the second step: the same journal and the same weights."""
    (tmp_path / "trainer.py").write_text(REAL)
    command = f"{sys.executable} trainer.py {{module}} {{out}} {{weights}} {{weights_out}}"
    words = [sys.executable, "-m", "x3dspec", "expand", "x2d", "--steps", "2", "--axes", "depth,bottleneck"]
    words += ["--judge", "command", "--judge-command", command, "--journal", "journal"]
    first = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while first.poll() is None and (not (tmp_path / "journal").exists() or len(lines(tmp_path)) < 3):
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = (tmp_path / "journal").read_bytes()
    again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "its weights: journal.weights/2-" in again.stderr
    assert (tmp_path / "journal").read_bytes().startswith(before)
    scores = [line["score"] for line in lines(tmp_path)]
    assert len(scores) == 4
    assert scores[2:] == pytest.approx([max(map(float, scores[:2]))] * 2, rel=1e-5)  # type: ignore[arg-type]
    assert len(list((tmp_path / "journal.weights").iterdir())) == 2


def test_the_words_have_their_places() -> None:
    assert split("t {out} {weights} {weights_out}") == ("t", "{out}", "{weights}", "{weights_out}")
