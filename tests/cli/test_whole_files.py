"""Whole files: interrupted, out of space, in a folder that may not be written, two writers at once.

    PYTHONPATH=tests python tests/cli/test_whole_files.py 1000

kills as many runs of emit, resolve -o and a journal.

A process is killed with SIGKILL at a random moment, mostly while it writes; then every file must be
what it was or what it was to become, and nothing else may be there but hidden leftovers.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from x3dspec import cli
from x3dspec.codegen import files
from x3dspec.language.errors import SpecError

ROOT = getattr(os, "geteuid", lambda: 1)() == 0
SETS = (("classes=7",), ("classes=9",))
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and modes")


def emitted(folder: Path, choice: tuple[str, ...]) -> list[str]:
    return ["emit", "--out", str(folder), *(f"--set={each}" for each in choice)]


def resolved(folder: Path, choice: tuple[str, ...]) -> list[str]:
    return ["resolve", "x2d", "-o", str(folder / "mine.yaml"), *(f"--set={each}" for each in choice)]


def quietly(arguments: list[str]) -> int:
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        return cli.run(arguments)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is not hidden."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name[0] != "."}


Command = Callable[[Path, tuple[str, ...]], list[str]]


class Kills:
    """A folder that one command writes again and again, in two versions, and is killed at."""

    def __init__(self, command: Command, folder: Path, chance: random.Random) -> None:
        self.command, self.folder, self.chance = command, folder, chance
        self.versions = []
        for choice in SETS:
            assert quietly(command(folder, choice)) == 0
            self.versions.append(contents(folder))
        assert self.versions[0] != self.versions[1]
        self.seen: Counter[str] = Counter()

    def kill(self) -> None:
        before = contents(self.folder)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                quietly(self.command(self.folder, self.chance.choice(SETS)))
            os._exit(0)
        self._wait(child)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self._check(before)

    def _wait(self, child: int) -> None:
        """Most of the time until the first file is staged, and a little more."""
        deadline = time.monotonic() + 5
        if self.chance.random() < 0.8:
            while time.monotonic() < deadline and not any(self.folder.glob(".x3dspec-*")):
                time.sleep(0.0002)
                if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    return
            time.sleep(self.chance.choice([0, 0.0005, 0.001, 0.002, 0.004, 0.02]) * self.chance.random())
        else:
            time.sleep(self.chance.random() * 0.3)

    def _check(self, before: dict[str, bytes]) -> None:
        after = contents(self.folder)
        assert after.keys() == before.keys()
        for name, content in after.items():
            assert content in [version[name] for version in self.versions], f"{name} is neither old nor new"
        left = list(self.folder.glob(".x3dspec-*.part"))
        assert {p.name for p in self.folder.iterdir()} == {*after, *(p.name for p in left)}
        whole = "all of one version" if after in self.versions else "some old, some new"
        self.seen[whole] += 1
        self.seen["leftovers"] += bool(left)
        for path in left:
            path.unlink()


def journal_kills(folder: Path, count: int, chance: random.Random) -> Counter[str]:
    """A journal that is killed while it is appended to has every score that was kept, in order."""
    from x3dspec.scaling.journal import Journal
    from x3dspec.scaling.judges import Score

    path, seen = folder / "search.jsonl", Counter[str]()
    known = 0
    for _ in range(count):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                journal = Journal(path, {"subject": "x"})
                for index in range(known, known + 10_000):
                    journal.keep(str(index), Score(float(index), "x" * chance.randrange(2000)))
                    os.write(writer, b".")
            os._exit(0)
        os.close(writer)
        time.sleep(chance.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kept = 0
        while chunk := os.read(reader, 65536):
            kept += len(chunk)
        os.close(reader)
        seen["torn"] += path.exists() and not path.read_bytes().endswith(b"\n")
        scores = Journal(path, {"subject": "x"}).scores
        assert list(scores) == [str(index) for index in range(len(scores))]
        assert known + kept <= len(scores) <= known + kept + 1
        known = len(scores)
        seen["scores"] = known
    return seen


def kills(count: int, seed: int = 0) -> Iterator[str]:
    chance = random.Random(seed)
    for command, share in ((emitted, 0.6), (resolved, 0.2)):
        with tempfile.TemporaryDirectory() as name:
            killed = Kills(command, Path(name), chance)
            for _ in range(round(count * share)):
                killed.kill()
            yield f"{command.__name__}: {round(count * share)} kills, {dict(killed.seen)}"
    with tempfile.TemporaryDirectory() as name:
        seen = journal_kills(Path(name), round(count * 0.2), chance)
        yield f"journal: {round(count * 0.2)} kills, {dict(seen)}"


def test_kills() -> None:
    """In a process that has no threads, as a fork should not."""
    command = [sys.executable, __file__, "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("kills") == 3


@pytest.mark.parametrize("renames", range(3))
def test_a_kill_between_two_renames(renames: int, tmp_path: Path) -> None:
    """The one moment at which some of a set are new and some old; the same command completes it."""
    paths = [tmp_path / name for name in "abc"]
    files.write(dict.fromkeys(paths, "old"))
    code = (
        "import os, pathlib, sys; from x3dspec.codegen import files\n"
        "paths, count = [pathlib.Path(p) for p in sys.argv[2:]], int(sys.argv[1])\n"
        "replace = pathlib.Path.replace\n"
        "def counted(path, target):\n"
        "    global count\n"
        "    count -= 1\n"
        "    os.kill(os.getpid(), 9) if count < 0 else replace(path, target)\n"
        "pathlib.Path.replace = counted\n"
        "files.write(dict.fromkeys(paths, 'new'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(renames), *map(str, paths)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.read_text() for path in paths] == ["new"] * renames + ["old"] * (3 - renames)
    files.write(dict.fromkeys(paths, "new"))
    assert {path.read_text() for path in paths} == {"new"}


def test_what_a_killed_run_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    stale, fresh, other = (tmp_path / name for name in (".x3dspec-a.part", ".x3dspec-b.part", ".mine.part"))
    for path in (stale, fresh, other):
        path.touch()
    long_ago = time.time() - 2 * files.STALE_SECONDS
    for path in (stale, other):
        os.utime(path, (long_ago, long_ago))
    files.write({tmp_path / "a.txt": "a"})
    assert {path.name for path in tmp_path.iterdir()} == {fresh.name, other.name, "a.txt"}


def test_nothing_changes_where_one_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with pytest.raises(SpecError, match="b: cannot be written: is a directory"):
        files.write({tmp_path / "a": "new", tmp_path / "b": "new"})
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpecError, match="pipe: cannot be written: is not a regular file"):
        files.write({tmp_path / "pipe": "x"})
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "link").symlink_to("theirs")
    files.write({tmp_path / "link": "ours"})
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "link").read_text() == "ours"
    assert not (tmp_path / "link").is_symlink()


def test_modes_are_those_of_new_files(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        files.write({tmp_path / "a": "x"})
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(ROOT, reason="ROOT WRITES EVERYWHERE: the tmpfs below is mounted read-only instead")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    tmp_path.chmod(0o500)
    with pytest.raises(SpecError, match="a: cannot be written: Permission denied"):
        files.write({tmp_path / "a": "new"})
    assert (tmp_path / "a").read_text() == "old"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("CANNOT MOUNT A TMPFS HERE: run the tests as root with CAP_SYS_ADMIN")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Room for the old files and some of the new ones."""
    with mounted(tmp_path, "size=512k"):
        assert quietly(["emit", "x3d_s", "x3d_m", "--out", str(tmp_path)]) == 0
        before = contents(tmp_path)
        (tmp_path / "ballast").write_bytes(bytes(512 * 1024 - 65536 - sum(map(len, before.values()))))
        full = contents(tmp_path)
        assert quietly(emitted(tmp_path, SETS[0])) == 2
        assert "cannot be written: No space left on device" in capsys.readouterr().err
        assert contents(tmp_path) == full
        assert not list(tmp_path.glob(".x3dspec-*"))
        assert before.keys() < full.keys()


def test_a_checkpoint_on_a_full_disk(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from x3dspec.pytorch import checkpoint

    with mounted(tmp_path, "size=256k"):
        checkpoint.write(tmp_path / "a.pt", {"a": torch.zeros(100)})
        before = contents(tmp_path)
        for name in ("a.pt", "b.safetensors"):
            with pytest.raises(SpecError, match="cannot be written: No space left"):
                checkpoint.write(tmp_path / name, {"a": torch.zeros(10**6)})
        assert contents(tmp_path) == before


def test_a_read_only_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mounted(tmp_path, "size=512k,ro"):
        assert quietly(emitted(tmp_path / "out", SETS[0])) == 2
        assert "cannot be written: Read-only file system" in capsys.readouterr().err


def test_two_writers_at_once(tmp_path: Path) -> None:
    folder, versions = tmp_path / "out", []
    for choice in SETS:
        assert quietly(emitted(folder, choice)) == 0
        versions.append(contents(folder))
    code = "import sys; from x3dspec import cli; sys.exit(cli.run(sys.argv[1:]))"
    for _ in range(3):
        writers = [
            subprocess.Popen([sys.executable, "-c", code, *emitted(folder, each)], stdout=subprocess.DEVNULL)
            for each in SETS
        ]
        assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
        for name, content in contents(folder).items():
            assert content in [version[name] for version in versions]
        assert not list(folder.glob(".x3dspec-*"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill writers and look at what they leave.")
    parser.add_argument("count", type=int, help="how many kills")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for line in kills(given.count, given.seed):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
