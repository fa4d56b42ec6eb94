"""The judge that runs a command once per candidate: train the module however you like, write a score.

The command is split into words once, as a shell would, and never given to one. In its words
``{module}``, ``{spec}`` and ``{out}`` become files of a folder made for that one run. It ends well if
it exits with 0 and has written ``{"score": NUMBER}`` to ``{out}``. Otherwise it is tried again, and
at last the candidate has no score and loses; it never stops the search.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from x3dspec.language.errors import SpecError
from x3dspec.network import preset
from x3dspec.network.architecture import Resolved
from x3dspec.scaling.judges import Candidate, Judge, Score

PLACES = ("{module}", "{spec}", "{out}")
#: Of what a failed command said, as much as one line holds.
MAX_SAID = 200
#: A score file larger than this is not one.
MAX_SCORE_BYTES = 2**20


@dataclass(frozen=True)
class Job:
    """One run of a command: its words, the files it may read, and how long it may take in seconds."""

    words: tuple[str, ...]
    module: str
    files: Mapping[str, str]
    limit: float
    retries: int


def command(template: str, limit: float, retries: int, jobs: int, emit: Callable[[Resolved], str]) -> Judge:
    """A judge that runs a command for each candidate, `jobs` at a time on this machine.

    Args:
        template: the command, with ``{module}``, ``{spec}`` and ``{out}``.
        limit: seconds that one run may take.
        retries: how often a run that failed is repeated.
        emit: gives a network's module as Python text.

    Raises:
        SpecError: a command without words, or one that has no place for its score.
    """
    words = split(template)

    def score(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        pool = ThreadPoolExecutor(max_workers=max(1, jobs))
        running: set[subprocess.Popen[bytes]] = set()
        try:
            tasks = {
                pool.submit(run, job(words, each, limit, retries, emit), running): index
                for index, each in enumerate(candidates)
            }
            for task in as_completed(tasks):
                yield tasks[task], task.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                _kill(process)

    return score


def on_dask(
    template: str, limit: float, retries: int, address: str, emit: Callable[[Resolved], str]
) -> Judge:
    """The same on the workers of a Dask cluster, which need the command and nothing of ours but x3dspec.

    Raises:
        SpecError: as :func:`command`; distributed is not installed, or no scheduler answers.
    """
    words = split(template)
    client = _client(address)

    def score(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        completed = _distributed().as_completed
        tasks = {
            client.submit(run, job(words, each, limit, retries, emit), pure=False): index
            for index, each in enumerate(candidates)
        }
        try:
            for task in completed(list(tasks), loop=client.loop, raise_errors=False):
                error = task.exception()
                yield tasks[task], task.result() if error is None else Score(None, _brief(str(error)))
        finally:
            client.cancel(list(tasks))

    return score


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        message = "needs dask.distributed: pip install 'x3dspec[dask]'"
        raise SpecError.at("--dask", message) from None


def _client(address: str) -> Any:
    try:
        return _distributed().Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SpecError.at("--dask", f"{address}: {_brief(str(error))}") from None


def split(template: str) -> tuple[str, ...]:
    """The words of a command.

    Raises:
        SpecError: there are none, a quote is open, or the score has no place.
    """
    try:
        words = tuple(shlex.split(template))
    except ValueError as error:
        raise SpecError.at("--judge-command", str(error)) from None
    if not words:
        raise SpecError.at("--judge-command", "is empty; try 'python train.py {module} {spec} {out}'")
    if not any("{out}" in word for word in words):
        raise SpecError.at("--judge-command", "has no {out}, where the command shall write its score")
    return words


def job(
    words: tuple[str, ...],
    candidate: Candidate,
    limit: float,
    retries: int,
    emit: Callable[[Resolved], str],
) -> Job:
    """What one candidate's run needs, wherever it runs."""
    resolved = candidate.resolved
    source = resolved.architecture.source
    base = source.origins[-1].path
    beside = base.parent / f"{source.identity.name}_candidate.yaml"
    files = {
        f"{source.identity.name}.py": emit(resolved),
        beside.name: preset.text(resolved, beside),
        base.name: base.read_text(encoding="utf-8"),
    }
    return Job(words, source.identity.name, files, limit, retries)


def run(job: Job, running: set[subprocess.Popen[bytes]] | None = None) -> Score:
    """Run a job in a folder of its own, again where it fails, and read its score."""
    score = Score(None, "was not run")
    for _ in range(job.retries + 1):
        with tempfile.TemporaryDirectory(prefix="x3dspec-", ignore_cleanup_errors=True) as folder:
            score = _once(job, Path(folder), set() if running is None else running)
        if score.value is not None:
            return score
    return score


def _once(job: Job, folder: Path, running: set[subprocess.Popen[bytes]]) -> Score:
    for name, content in job.files.items():
        (folder / name).write_text(content, encoding="utf-8")
    out = folder / "score.json"
    places = (folder / f"{job.module}.py", folder / f"{job.module}_candidate.yaml", out)
    words = [_placed(word, dict(zip(PLACES, map(str, places), strict=True))) for word in job.words]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return Score(None, f"{words[0]}: {error.strerror or error}")
    running.add(process)
    try:
        _, said = process.communicate(timeout=job.limit)
    except subprocess.TimeoutExpired:
        return Score(None, f"took more than {job.limit:g} seconds")
    finally:
        # The group, too: what a trainer started must not train on.
        _kill(process)
        running.discard(process)
    if process.returncode:
        return Score(None, f"exit code {process.returncode}: {_last_line(said)}")
    return _read(out)


def _placed(word: str, places: Mapping[str, str]) -> str:
    for place, path in places.items():
        word = word.replace(place, path)
    return word


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ValueError, OSError):
        process.wait()


def _read(out: Path) -> Score:
    try:
        if out.stat().st_size > MAX_SCORE_BYTES:
            return Score(None, "its score file is too large")
        value = json.loads(out.read_text(encoding="utf-8"))["score"]
    except FileNotFoundError:
        return Score(None, "it wrote no score")
    except (OSError, ValueError, KeyError, TypeError):
        return Score(None, 'its score file is not {"score": NUMBER}')
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Score(None, f"its score is {value!r:.60}, which is no finite number")
    return Score(float(value))


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return _brief(lines[-1]) if lines else "it said nothing"


def _brief(said: str) -> str:
    return "".join(c if c.isprintable() else " " for c in said)[:MAX_SAID]
