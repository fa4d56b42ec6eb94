"""Runs the corpus through the command line in this one process, and writes what it saw as JSON.

    python tests/hostile/runner.py [torch | shipped]

Each case has an empty folder, 5 seconds of processor time (wall time would be that of the machine's other
work; what waits for ever meets the time limit of the whole run), and the audit hook. Address space is
limited: a case that wants more than its share fails with MemoryError, which is in the answer.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import audit
import cases

from x3dspec import cli
from x3dspec.language import shipped as assets

SECONDS = 5
GIBIBYTE = 2**30


class Hang(BaseException):
    """Not an Exception, so that nothing on the way takes it for an answer."""


def _alarm(number: int, frame: FrameType | None) -> None:
    raise Hang(f"still running after {SECONDS} s")


def ran(case: cases.Case, watch: audit.Audit, arm: bool = True) -> dict[str, Any]:
    """What one case did: exit code, the lines it printed, and everything that it must not do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _laid_out(case, folder)
        os.chdir(folder)
        watch.seen.clear()
        seen = _watched(case, watch, name if arm else None)
        seen["pwned"] = any(path.name == "pwned" for path in folder.rglob("*"))
        seen["left"] = sorted(p.name for p in folder.rglob("*.part"))
        seen["files"] = {p.name: p.read_text("utf-8") for p in sorted(folder.glob("out/*.*")) if p.is_file()}
        os.chdir("/")
    return seen


def _laid_out(case: cases.Case, folder: Path) -> None:
    for name, raw in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    for name, target in case.links:
        (folder / name).symlink_to(target)


def _watched(case: cases.Case, watch: audit.Audit, folder: str | None) -> dict[str, Any]:
    # As Python opens them for a process: what cannot be encoded is an error on the one alone.
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", write_through=True)
    failure = ""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    watch.folder = folder
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.run(list(case.arguments))
    except BaseException:
        code, failure = -1, traceback.format_exc()[-1500:]
    finally:
        watch.folder = None
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {
        "code": code,
        "lines": _written(err).split("\n")[:-1],
        "out": _written(out),
        "failure": failure,
        "events": sorted(set(watch.seen)),
    }


def _written(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def warm(watch: audit.Audit) -> None:
    """Every module imported and every model built before the hook looks: neither depends on a case."""
    for command in (
        ("resolve", "x2d"),
        ("formula", "x2d"),
        ("emit", "x2d", "--out", "out"),
        ("report", "x2d"),
    ):
        ran(cases.Case("warm", command), watch, arm=False)
    ran(cases.Case("warm", ("budget", "--target", "1GFLOPs")), watch, arm=False)


def shipped() -> Sequence[cases.Case]:
    """All that is done with a spec, of every shipped one."""
    done = [("resolve", name) for name in assets.shipped()]
    done += [
        ("formula", name, "--format", form) for name in ("x2d", "c2d_r50") for form in ("text", "python")
    ]
    done += [("report", name, "-o", f"page{index}.html") for index, name in enumerate(("x2d", "c2d_r50"))]
    done += [("emit", "--out", "out"), ("budget", "--target", "1GFLOPs"), ("schema",)]
    return [cases.Case(" ".join(arguments), arguments) for arguments in done]


def _peak() -> int:
    """The most memory that this process has had, in bytes.

    Not getrusage's figure: that begins with what the parent had when it forked, and torch is large.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> int:
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    signal.signal(signal.SIGPROF, _alarm)
    watch = audit.Audit()
    if kind == "torch":
        import torch

        torch.set_num_threads(1)
        from x3dspec.pytorch import convert  # noqa: F401
    else:
        resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTE, GIBIBYTE))
    # mpmath writes some of its own functions when it is imported; that has nothing to do with a spec.
    import sympy  # noqa: F401

    if kind != "shipped":
        warm(watch)
    chosen = {"": cases.cases, "torch": cases.torch_cases, "shipped": shipped}[kind]()
    answer: dict[str, Any] = {case.name: ran(case, watch) for case in chosen}
    peak = _peak()
    json.dump({"peak": peak, "cases": answer}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
