"""One run of a trainer: a process in a group and a folder of its own, its score, and its end.

Nothing here waits. Whoever started a :class:`Run` polls it, and closes it when it is done
or no longer wanted.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from x3dspec.scaling.judges import Score

PLACES = ("{module}", "{spec}", "{out}", "{weights}", "{weights_out}")
#: Of what a failed command said, as much as one line holds.
MAX_SAID = 200
#: Bytes of its stderr that are kept, the last ones.
MAX_TAIL = 4096
#: Bytes that are read of it at a time: one that never stops must not hold up the others.
MAX_READ = 2**20
#: A score file larger than this is not one.
MAX_SCORE_BYTES = 2**20
#: Weights of the largest network that anyone expands are a tenth of this.
MAX_WEIGHTS_BYTES = 2**30
#: Seconds that a killed process may take to be gone.
MAX_DYING = 2.0


@dataclass(frozen=True)
class Job:
    """What one run needs: its words, the files it may read, and how long it may take in seconds.

    `weights` are what its network begins with, if not from nothing.
    """

    words: tuple[str, ...]
    module: str
    files: Mapping[str, str]
    limit: float
    retries: int
    weights: bytes | None = None


class Run(Protocol):
    """A candidate that is being scored, here or elsewhere."""

    def poll(self) -> Score | None:
        """Its score, or None while it runs."""

    def left(self) -> bytes | None:
        """The weights that it has left, once it has a score."""

    def close(self) -> None:
        """End it, if it runs, with everything it started."""


@dataclass(frozen=True)
class Ended:
    """A candidate that needs no run: its score is known."""

    score: Score

    def poll(self) -> Score | None:
        return self.score

    def left(self) -> bytes | None:
        return None

    def close(self) -> None:
        pass


class Local:
    """A job on this machine, run again where it fails."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._left = job.retries
        self._process = _Process(job)

    def poll(self) -> Score | None:
        score = self._process.poll()
        if score is None or score.value is not None or not self._left:
            return score
        self._left -= 1
        self._process.close()
        self._process = _Process(self._job)
        return None

    def left(self) -> bytes | None:
        return self._process.left()

    def close(self) -> None:
        self._process.close()


class _Process:
    def __init__(self, job: Job) -> None:
        self._limit, self._began, self._tail = job.limit, time.monotonic(), b""
        self._folder = tempfile.TemporaryDirectory(prefix="x3dspec-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._refused: Score | None = None
        folder = Path(self._folder.name)
        self._out, self._left = folder / "score.json", folder / "weights_out.pt"
        try:
            self._start(_laid(job, folder))
        except BaseException:
            self._folder.cleanup()
            raise

    def _start(self, words: list[str]) -> None:
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            self._refused = Score(None, f"{words[0]}: {error.strerror or error}")
            return
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)

    def poll(self) -> Score | None:
        if self._process is None:
            return self._refused
        ended = self._process.poll() is not None
        self._listen()
        if not ended:
            late = time.monotonic() - self._began > self._limit
            return Score(None, f"took more than {self._limit:g} seconds") if late else None
        if self._process.returncode:
            return Score(None, f"exit code {self._process.returncode}: {_last_line(self._tail)}")
        score = _read(self._out)
        if self._left.exists() and self._left.stat().st_size > MAX_WEIGHTS_BYTES:
            return Score(None, "the weights that it left are too large")
        return score

    def left(self) -> bytes | None:
        return self._left.read_bytes() if self._left.is_file() else None

    def _listen(self) -> None:
        """Take what it has said so far, so that it can go on, and keep the end."""
        assert self._process is not None
        assert self._process.stderr is not None
        self._tail = (self._tail + (self._process.stderr.read(MAX_READ) or b""))[-MAX_TAIL:]

    def close(self) -> None:
        if self._process is not None:
            # The group, too: what a trainer started must not train on.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(MAX_DYING)
            assert self._process.stderr is not None
            self._process.stderr.close()
        self._folder.cleanup()


def _laid(job: Job, folder: Path) -> list[str]:
    """Write a job's files into a folder; the words of its command, with their places."""
    for name, content in job.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    if job.weights is not None:
        (folder / "weights.pt").write_bytes(job.weights)
    paths = (f"{job.module}.py", f"{job.module}_candidate.yaml", "score.json", "weights.pt", "weights_out.pt")
    places = {place: str(folder / path) for place, path in zip(PLACES, paths, strict=True)}
    return [_placed(word, places) for word in job.words]


def _placed(word: str, places: Mapping[str, str]) -> str:
    for place, path in places.items():
        word = word.replace(place, path)
    return word


def _read(out: Path) -> Score:
    try:
        if out.stat().st_size > MAX_SCORE_BYTES:
            return Score(None, "its score file is too large")
        value = json.loads(out.read_text(encoding="utf-8"))["score"]
    except FileNotFoundError:
        return Score(None, "it wrote no score")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Score(None, 'its score file is not {"score": NUMBER}')
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Score(None, f"its score is {value!r:.60}, which is no finite number")
    return Score(float(value))


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return brief(lines[-1]) if lines else "it said nothing"


def brief(said: str) -> str:
    """As much of a text as one line holds, without what a terminal obeys."""
    return "".join(c if c.isprintable() else " " for c in said)[:MAX_SAID]
