"""Journals and commands: killed at any moment, an expansion goes on and arrives at the same place."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from trainers import quick, tried

import x3dspec
from x3dspec import Architecture, SpecError
from x3dspec.cli.app import run
from x3dspec.scaling.journal import Journal, journaled, key
from x3dspec.scaling.judges import Candidate, Score


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def test_a_journal_is_asked_first(x2d: Architecture, tmp_path: Path) -> None:
    candidates = tried(x2d)
    asked: list[str] = []

    def judge(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        for index, each in enumerate(candidates):
            asked.append(each.axis)
            yield index, Score(float(index), "said")

    path = tmp_path / "journal"
    first = journaled(judge, Journal(path, {"spec": "a"}))(candidates)
    for _ in range(3):
        next(first)
    second = dict(journaled(judge, Journal(path, {"spec": "a"}))(candidates))
    assert asked == [each.axis for each in candidates]
    assert second[0] == Score(0.0, "said")
    assert dict(journaled(judge, Journal(path, {"spec": "a"}))(candidates)) == second
    assert len(asked) == 6


def test_a_failure_is_tried_again(x2d: Architecture, tmp_path: Path) -> None:
    candidates, path = tried(x2d), tmp_path / "journal"
    asked: list[str] = []
    broken = {"depth"}

    def judge(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        for index, each in enumerate(candidates):
            asked.append(each.axis)
            yield index, Score(None, "out of memory") if each.axis in broken else Score(1.0)

    def scored(keep_failures: bool = False) -> dict[str, Score]:
        found = journaled(judge, Journal(path, {"spec": "a"}), keep_failures)(candidates)
        return {candidates[index].axis: score for index, score in found}

    assert scored()["depth"] == Score(None, "out of memory")
    asked.clear()
    assert scored(keep_failures=True)["depth"] == Score(None, "out of memory")
    assert asked == []
    broken.clear()
    again = scored()
    assert asked == ["depth"]
    assert {axis for axis, score in again.items() if not score.recalled} == {"depth"}
    assert scored(keep_failures=True)["depth"] == Score(1.0)
    assert asked == ["depth"]


def test_a_torn_line_is_cut_off_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, {"spec": "a"})
    journal.keep("one", Score(1.0))
    whole = path.read_bytes()
    journal.keep("two", Score(None, "failed"))
    full = path.read_bytes()
    for length in range(len(full) + 1):
        path.write_bytes(full[:length])
        found = Journal(path, {"spec": "a"})
        known = {} if length < len(whole) else {"one": Score(1.0)}
        assert found.scores == (known if length < len(full) else journal.scores)
        found.keep("three", Score(3.0))
        assert Journal(path, {"spec": "a"}).scores == {**found.scores}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"journal": 1, "spec": "b"}\n', "journal of another search: its spec differ"),
        (b'{"journal": 0, "spec": "a"}\n', "its journal differ"),
        (b"dear diary\n", "is not a journal"),
        (b"dear diary", "is not a journal"),
        (b'{"spec": "a"}\n', "is not a journal"),
        (b"[]\n", "is not a journal"),
        (b"7\n", "is not a journal"),
        (b'"journal"\n', "is not a journal"),
        (b"\xff\xfe\n", "is not a journal"),
        # What has no last newline is another's text, and not ours to cut.
        (b'{"spec": "a"}\n{"mine": 1}', "is not a journal"),
        (b'{"journal": 1, "spec": "b"}\n{"key": "one", "sc', "its spec differ"),
    ],
)
def test_other_files_are_refused_and_left_alone(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "journal"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        Journal(path, {"spec": "a"})
    assert path.read_bytes() == content


#: Raw UTF-8, as a person's editor may leave it; we write ASCII.
LINES = (
    b'{"journal": 1, "spec": "a"}',
    '{"key": "one", "score": 1.0, "note": "gut für 1 %"}'.encode(),
    '{"key": "two", "score": null, "note": "日本"}'.encode(),
)


def test_a_line_cut_inside_a_character_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    inside = LINES[2].index("本".encode())
    for end in (inside + 1, inside + 2):
        with pytest.raises(UnicodeDecodeError):
            LINES[2][:end].decode()
        path.write_bytes(b"\n".join([*LINES[:2], LINES[2][:end]]))
        assert Journal(path, {"spec": "a"}).scores == {"one": Score(1.0, "gut für 1 %")}
        assert path.read_bytes() == b"\n".join([*LINES[:2], b""])


def test_zeros_after_a_power_cut_are_cut_off(tmp_path: Path) -> None:
    """A file system may have grown the file before what was written reached it."""
    path = tmp_path / "journal"
    whole = b"\n".join([*LINES, b""])
    path.write_bytes(whole + bytes(100))
    assert len(Journal(path, {"spec": "a"}).scores) == 2
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "damaged",
    [
        b'{"key": "one", "sco',
        b'{"key": "one", "score": 1.0, "note": "\xff"}',
        b'{"key": "one"}',
        b'{"key": "one", "score": "1", "note": ""}',
        b'{"key": "one", "score": NaN, "note": ""}',
        b'{"key": "one", "score": 1, "note": 2}',
        b"[]",
        b"{}",
        b"",
        bytes(20),
        b"[" * 100_000,
    ],
    ids=lambda damaged: repr(damaged[:30]),
)
def test_a_damaged_line_is_refused_with_its_place(tmp_path: Path, damaged: bytes) -> None:
    """Also where a torn line follows, which then is left too."""
    path = tmp_path / "journal"
    for end in (b"", LINES[2][:9]):
        content = b"\n".join([LINES[0], damaged, LINES[2], end])
        path.write_bytes(content)
        with pytest.raises(SpecError) as caught:
            Journal(path, {"spec": "a"})
        assert str(caught.value) == (
            f"{path}:2:1: the line is damaged; without it, its candidate is scored again"
        )
        assert path.read_bytes() == content


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_after_a_torn_line_nothing_is_scored_twice(x2d: Architecture, tmp_path: Path, cut: int) -> None:
    candidates = tried(x2d)
    asked: list[str] = []

    def judge(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        for index, each in enumerate(candidates):
            asked.append(key(each))
            yield index, Score(float(len(each.axis)), "schön")

    path = tmp_path / "journal"
    expected = dict(journaled(judge, Journal(path, {"spec": "a"}))(candidates))
    full, first = path.read_bytes(), list(asked)
    path.write_bytes(full[:-cut])
    asked.clear()
    assert dict(journaled(judge, Journal(path, {"spec": "a"}))(candidates)) == expected
    assert asked == first[-1:], "the one whose line was cut, and no other"
    assert path.read_bytes() == full


def test_a_journal_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is not a journal"):
        Journal(tmp_path, {"spec": "a"})
    with pytest.raises(SpecError, match=r"journal: No such file or directory$"):
        Journal(tmp_path / "no" / "journal", {"spec": "a"})


def test_keys_tell_steps_apart(x2d: Architecture) -> None:
    one, other = Candidate(x2d, "fast", {}), Candidate(x2d, "fast", {}, ("depth",))
    assert key(one) != key(other)


@pytest.fixture
def trainer(tmp_path: Path) -> str:
    return quick(tmp_path)


def expansion(journal: Path, trainer: str) -> list[str]:
    words = ["expand", "x2d", "--judge", "command", "--judge-command", trainer, "--steps", "2", "--jobs", "2"]
    return [sys.executable, "-m", "x3dspec", *words, "--journal", str(journal), "--json"]


def lines(journal: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_killed_at_any_moment_it_arrives_at_the_same_place(tmp_path: Path, trainer: str) -> None:
    """``KILLS=20`` of them by hand; here a few."""
    whole = tmp_path / "whole"
    began = time.monotonic()
    expected = subprocess.run(expansion(whole, trainer), capture_output=True, check=True).stdout
    took = time.monotonic() - began
    draw = random.Random(1)
    for attempt in range(int(os.environ.get("KILLS", "4"))):
        journal = tmp_path / f"journal{attempt}"
        killed = subprocess.Popen(
            expansion(journal, trainer), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(draw.uniform(0.3, 1) * took)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        before = journal.read_bytes() if journal.exists() else b""
        again = subprocess.run(expansion(journal, trainer), capture_output=True, check=True).stdout
        assert again == expected
        keys = [line["key"] for line in lines(journal)[1:]]
        assert len(keys) == len(set(keys)) == 12
        assert sorted(map(str, lines(journal))) == sorted(map(str, lines(whole)))
        assert journal.read_bytes().startswith(before[: before.rfind(b"\n") + 1])


def test_the_journal_of_another_setting(
    tmp_path: Path, trainer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(tmp_path / "journal")
    common = ["expand", "x2d", "--steps", "1", "--journal", log]
    assert run(common) == 0
    assert run([*common, "--rule", "double-factor"]) == 2
    assert "journal of another search: its rule differ" in capsys.readouterr().err
    assert run([*common, "--judge", "params"]) == 2
    assert run([*common, "--set", "classes=10"]) == 2
    assert run(["expand", "x2d", "--steps", "2", "--journal", log]) == 0
