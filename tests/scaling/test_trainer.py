"""Commands as judges: what they are given, how they fail, and that nothing of them is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from trainers import TRAINER, gone, quick, scripted, trained, tried

import x3dspec
from x3dspec import Architecture, SpecError
from x3dspec.scaling.cluster import Cluster
from x3dspec.scaling.judges import Score
from x3dspec.scaling.trainer import Interrupted, split


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def test_a_command_is_asked_once_per_candidate(x2d: Architecture, tmp_path: Path) -> None:
    candidates = tried(x2d)
    found = dict(trained(quick(tmp_path), jobs=2).judge()(candidates))
    assert sorted(found) == list(range(6))
    assert len({score.value for score in found.values()}) == 6
    assert len((tmp_path / "runs").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("raise SystemExit('no clips')", "exit code 1: no clips"),
        ("pass", "it wrote no score"),
        ("out.write_text('{}')", 'not {"score": NUMBER}'),
        ("out.write_text('[1]')", 'not {"score": NUMBER}'),
        ("out.write_text('{\"score\": NaN}')", "no finite number"),
        ("out.write_text('{\"score\": true}')", "no finite number"),
        ('out.write_text(\'{"score": "1"}\')', "no finite number"),
        ("out.write_bytes(b'\\xff')", 'not {"score": NUMBER}'),
        ("time.sleep(60)", "took more than 0.5 seconds"),
        ("os.kill(os.getpid(), 9)", "exit code -9"),
        ("os.fork() and time.sleep(60); time.sleep(60)", "took more than 0.5 seconds"),
    ],
)
def test_a_failed_candidate_loses_and_nothing_hangs(
    x2d: Architecture, tmp_path: Path, text: str, note: str
) -> None:
    trainer = trained(scripted(tmp_path, text), limit=0.5 if "sleep" in text else 300)
    [(_, score)] = trainer.judge()(tried(x2d)[:1])
    assert score.value is None
    assert note in score.note


def test_retries(x2d: Architecture, tmp_path: Path) -> None:
    flaky = f"""
log = pathlib.Path({str(tmp_path / "tries")!r})
log.write_text(log.read_text() + "x" if log.exists() else "x")
if len(log.read_text()) < 3: sys.exit(1)
out.write_text('{{"score": 4}}')
"""
    [(_, score)] = trained(scripted(tmp_path, flaky), retries=2).judge()(tried(x2d)[:1])
    assert score.value == 4.0
    [(_, score)] = trained("/no/such/trainer {out}", retries=1).judge()(tried(x2d)[:1])
    assert score.note == "/no/such/trainer: No such file or directory"


@pytest.mark.parametrize(
    ("template", "message"),
    [("", "is empty"), ("a 'b", "No closing quotation"), ("train.py {module}", r"has no \{out\}")],
)
def test_bad_commands(template: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        split(template)


def test_words_are_never_given_to_a_shell(x2d: Architecture, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    template = f"echo {{out}} ; touch {victim} $(touch {victim})"
    [(_, score)] = trained(template).judge()(tried(x2d)[:1])
    assert score.value is None
    assert not victim.exists()


class Stopped:
    """Asks to stop once so many trainers and their children run; they would run for ever."""

    def __init__(self, folder: Path, after: int) -> None:
        self._log, self._after = folder / "processes", after
        self.trainer = scripted(
            folder,
            f"""
import subprocess
child = subprocess.Popen(["sleep", "1000"])
with open({str(self._log)!r}, "a") as file:
    file.write(f"{{os.getpid()}} {{child.pid}}\\n")
time.sleep(1000)
""",
        )

    def processes(self) -> list[int]:
        return [int(number) for number in self._log.read_text().split()] if self._log.exists() else []

    def __call__(self) -> bool:
        return len(self.processes()) >= 2 * self._after


def test_asked_to_stop_it_leaves_nothing_behind(
    x2d: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = tmp_path / "folders"
    folders.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folders))
    stop = Stopped(tmp_path, after=3)
    watched: list[tuple[int, int]] = []
    trainer = replace(
        trained(stop.trainer, retries=5, jobs=3),
        stop=stop,
        watch=lambda running, waiting: watched.append((len(running), waiting)),
    )
    with pytest.raises(Interrupted):
        list(trainer.judge()(tried(x2d)))
    assert len(stop.processes()) == 6
    assert all(map(gone, stop.processes()))
    assert list(folders.iterdir()) == []
    assert (3, 3) in watched


def test_what_is_done_is_kept_when_it_stops(x2d: Architecture, tmp_path: Path) -> None:
    """The first has its score; the second was stopped by what stops us, which is no failure."""
    first, stop = tmp_path / "first", tmp_path / "stop"
    text = f"""
try: open({str(first)!r}, "x")
except FileExistsError:
    while not os.path.exists({str(stop)!r}): time.sleep(0.01)
    sys.exit(1)
out.write_text('{{"score": 1}}')
"""
    trainer = replace(trained(scripted(tmp_path, text), jobs=6), stop=stop.exists)
    scores = trainer.judge()(tried(x2d))
    assert next(scores)[1] == Score(1.0)
    stop.touch()
    with pytest.raises(Interrupted):
        next(scores)


def test_a_trainer_that_never_stops_talking_holds_up_nothing(x2d: Architecture, tmp_path: Path) -> None:
    endless = "while True: os.write(2, b'x' * 65536)"
    [(_, score)] = trained(scripted(tmp_path, endless), limit=1.0).judge()(tried(x2d)[:1])
    assert score.note == "took more than 1 seconds"


def test_what_a_trainer_leaves_behind_is_ended(x2d: Architecture, tmp_path: Path) -> None:
    """Its child holds stderr open, which is no reason to wait for it."""
    text = f"""
import subprocess
child = subprocess.Popen(["sleep", "1000"])
pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
out.write_text('{{"score": 1}}')
"""
    assert list(trained(scripted(tmp_path, text)).judge()(tried(x2d)[:1])) == [(0, Score(1.0))]
    assert gone(int((tmp_path / "child").read_text()))


def test_a_dask_cluster(x2d: Architecture, tmp_path: Path) -> None:
    """A scheduler and two workers; one is killed while it works, and nothing is lost."""
    pytest.importorskip("distributed")
    address = tmp_path / "scheduler.json"
    module = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    started = [
        subprocess.Popen(
            [*module, "--port", "0", "--no-dashboard", "--scheduler-file", str(address)],
            **silent,  # type: ignore[call-overload]
        )
    ]
    try:
        plain = [*worker, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        started += [subprocess.Popen(plain, **silent) for _ in range(2)]  # type: ignore[call-overload]
        for _ in range(600):
            if address.exists() and address.read_text():
                break
            time.sleep(0.05)
        where = json.loads(address.read_text())["address"]
        slow = trained(quick(tmp_path).replace("trainer.py", "slow.py"))
        (tmp_path / "slow.py").write_text(TRAINER.replace("time.sleep(0.01)", "time.sleep(0.4)"))
        candidates = tried(x2d)
        found: dict[int, Score] = {}
        remote = replace(slow, start=Cluster(where), jobs=6)
        for index, score in remote.judge()(candidates):
            found[index] = score
            if len(found) == 1:
                started[1].send_signal(signal.SIGKILL)
        assert sorted(found) == list(range(6))
        assert found == dict(replace(slow, jobs=2).judge()(candidates))

        stop = Stopped(tmp_path, after=1)
        endless = replace(remote, words=split(stop.trainer), stop=stop)
        with pytest.raises(Interrupted):
            list(endless.judge()(candidates))
        assert all(map(gone, stop.processes()))
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def test_no_cluster_there() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(SpecError, match=r"^dask: nonsense"):
        Cluster("nonsense://localhost:1")
