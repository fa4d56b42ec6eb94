"""Ctrl-C and its like while trainers run: nothing is lost, nothing left behind, and the command continues."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import PATIENCE, Terminal, fits
from trainers import gone

#: The axis "fast" is quick; the others have a child and never end, until `free` is there.
TRAINER = """
import json, os, pathlib, subprocess, sys, time
spec, out, folder = map(pathlib.Path, sys.argv[1:])
if not (folder / "free").exists() and "gamma_tau: 12" not in spec.read_text():
    child = subprocess.Popen(["sleep", "1000"])
    with (folder / "processes").open("a") as file:
        file.write(f"{os.getpid()} {child.pid}\\n")
    time.sleep(1000)
with (folder / "runs").open("a") as file:
    file.write("run\\n")
out.write_text(json.dumps({"score": 1}))
"""


class Expansion:
    """One step of an expansion by this trainer, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal, self.temporary = folder / "journal.jsonl", folder / "temporary"
        self.temporary.mkdir()
        (folder / "trainer.py").write_text(TRAINER)
        self.words = [
            *("expand", "x2d", "--steps", "1", "--jobs", "2", "--judge", "command"),
            *(
                "--judge-command",
                f"{sys.executable} trainer.py {{spec}} {{out}} .",
                "--journal",
                "journal.jsonl",
            ),
        ]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "x3dspec", *self.words],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Whoever runs these tests in the background may have had ^C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def processes(self) -> list[int]:
        log = self.folder / "processes"
        return [int(number) for number in log.read_text().split()] if log.exists() else []

    def is_busy(self) -> bool:
        """One score is in the journal, and two trainers run that never end."""
        scores = self.journal.read_text().count("\n") - 1 if self.journal.exists() else 0
        return scores == 1 and len(self.processes()) == 4

    def is_clean(self) -> bool:
        return all(map(gone, self.processes())) and not list(self.temporary.iterdir())


def until(reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() >= ends:
            raise TimeoutError("hangs")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "signals", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT,) * 5],
    ids=["once", "terminated", "hung-up", "five-times"],
)  # fmt: skip
def test_it_stops_and_continues(tmp_path: Path, signals: tuple[signal.Signals, ...]) -> None:
    expansion = Expansion(tmp_path)
    process = expansion.start()
    until(expansion.is_busy)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.03)
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert out == ""
    assert error.splitlines() == [
        "step 1 fast: 1",
        "interrupted: 1 of 6 scored; the same command continues",
    ]
    assert expansion.is_clean()

    (tmp_path / "free").touch()
    process = expansion.start()
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, error
    assert "step 1 fast: 1, from the journal" in error
    assert "1 scores are from the journal, 5 ran now" in error
    assert (tmp_path / "runs").read_text().count("run") == 6


def test_in_a_terminal(tmp_path: Path) -> None:
    """Ctrl-C is typed; what runs was shown, and for how long."""
    expansion = Expansion(tmp_path)
    terminal = Terminal(expansion.words, 60, 24, tmp_path, TMPDIR=str(expansion.temporary))
    text = terminal.until(lambda text: "step 1, 1 of 6 scored: temporal for" in text)
    assert "spatial for" in text
    until(expansion.is_busy)
    terminal.type("\x03")
    assert terminal.finish() == 130
    assert "Traceback" not in terminal.text
    assert terminal.text.endswith("\r\x1b[Kinterrupted: 1 of 6 scored; the same command continues\r\n")
    assert fits(terminal.text, 60)
    assert expansion.is_clean()


def test_nothing_is_kept_without_a_journal(tmp_path: Path) -> None:
    expansion = Expansion(tmp_path)
    del expansion.words[-2:]
    process = expansion.start()
    until(lambda: len(expansion.processes()) == 4)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "without --journal nothing of it is kept" in error
    assert expansion.is_clean()


def test_failures_are_told_once_and_do_not_decide(tmp_path: Path) -> None:
    """The trainer lacks a module for one axis; mended, the same command finishes the step."""
    script = tmp_path / "trainer.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "if 'gamma_d: 1}' not in pathlib.Path(sys.argv[1]).read_text(): import numpyy\n"
        "pathlib.Path(sys.argv[2]).write_text(json.dumps({'score': 1}))\n"
    )
    words = [
        *("expand", "x2d", "--steps", "1", "--jobs", "2", "--retries", "0", "--judge", "command"),
        *("--judge-command", f"{sys.executable} trainer.py {{spec}} {{out}}", "--journal", "journal.jsonl"),
    ]

    def expand(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "x3dspec", *words, *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)

    found = expand("-o", "mine.yaml")
    assert found.returncode == 1
    assert (found.stdout + found.stderr).count("numpyy") == 1
    assert "step 1 depth: failed: exit code 1: ModuleNotFoundError: No module named 'numpyy'" in found.stderr
    assert found.stderr.splitlines()[-1] == (
        "step 1 is not decided: depth failed; the same command tries them again; "
        "--decide-with-failures decides without them"
    )
    assert not (tmp_path / "mine.yaml").exists()

    kept = expand("--decide-with-failures", "--keep-failures", "--json")
    assert kept.returncode == 0
    assert "6 scores are from the journal, 0 ran now" in kept.stderr
    assert [each["score"] for each in json.loads(kept.stdout)["rounds"][0]["candidates"]].count(None) == 1

    script.write_text(script.read_text().replace("import numpyy", "pass"))
    found = expand("-o", "mine.yaml")
    assert found.returncode == 0
    assert "5 scores are from the journal, 1 ran now" in found.stderr
    assert (tmp_path / "mine.yaml").exists()
