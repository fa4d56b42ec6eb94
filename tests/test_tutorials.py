"""Every command of the pages that a newcomer follows, run as written, and every wrong turn beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import consoles
import pytest

from x3dspec.cli import run

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.mark.parametrize("name", consoles.PAGES)
def test_every_console_shows_what_its_commands_print(name: str, tmp_path: Path) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    assert consoles.rerun(page, tmp_path) == page, "python docs/generate.py --consoles rewrites it"


def test_a_console_that_shows_something_else_is_rewritten(tmp_path: Path) -> None:
    page = '```text title="a.txt"\none\n```\n```console\n$ cat a.txt\nzwei\n$ true\n```\n'
    assert consoles.rerun(page, tmp_path) == page.replace("zwei", "one")
    with pytest.raises(consoles.Failed, match="exit code 3"):
        consoles.rerun("```console\n$ exit 3 | cat\n```\n", tmp_path)


@pytest.fixture
def emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("emptied")
def test_the_starter_is_checked_emitted_and_budgeted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "mine"]) == 0
    assert run(["resolve", "mine.yaml"]) == 0
    assert run(["check", "mine.yaml"]) == 0
    assert run(["budget", "mine.yaml", "--target", "10GFLOPs"]) == 0
    assert run(["emit", "mine.yaml", "--out", "."]) == 0
    assert run(["verify", "mine.py"]) == 0
    assert run(["init", "mine"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["init", "class"]) == 2


#: What a newcomer mistypes, and what leads back.
WRONG_TURNS = {
    "budget --target 3GFLOP5": "3GFLOPs",
    "budget --target 3": "FLOPs",
    "budget --target 3params --fil": "--fill",
    "search x2d --max 3GFLOP5": "3GFLOPs",
    "search x2d --max 3GFLOPs --fix gamma_q=2": "gamma_w",
    "resolve x3d_s --gama-s 2": "gamma_s",
    "resolve x3d_s --gamma-s two": "--gamma-s",
    "resolve x3d_s --gamma-s": "needs a value",
    "resolve x3d_s --set shortcut=always": "shortcut_norm",
    "resolve x3d_s --convention fvcor": "fvcore",
    "resolve x3d_sn": "x3d_s",
    "resolve specs/x3d_sn.yaml": "x3d_s",
    "resolve": "SPEC",
    "diff x3d_s": "two specs",
    "verify nothing.py": "no such file",
    "convert-weights none.pyth --spec x3d_s -o x.pt": "no such file",
    "report x3d_s --format pgn": "png",
    "budget --target 3GFLOPs --plot steps.pdf": "no PDF is drawn here; an .svg converts to one",
    "emit": "--out",
    "budgte": "budget",
    "list preset": "presets",
}


@pytest.mark.parametrize("words", WRONG_TURNS)
@pytest.mark.usefixtures("emptied")
def test_a_wrong_turn_leads_back_with_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert WRONG_TURNS[words] in err
    assert err.count("\n") == 1
    assert not list(Path().iterdir()), "and nothing is written"


#: A command, the library that it needs, and what brings it. (tests/test_wheel.py verifies without torch.)
EXTRAS = {
    "convert-weights x.pt --spec x2d -o y.pt": ("torch", ".[torch]"),
    "export x2d.py --to onnx -o x2d.onnx": ("onnx", ".[onnx]"),
    "export x2d.py --to openvino -o x2d.xml": ("openvino", ".[openvino]"),
    "bench x2d.py": ("torch", ".[torch]"),
    "report x2d --format png": ("resvg_py", ".[png]"),
    "expand x2d --plot steps.png": ("resvg_py", ".[png]"),
}


@pytest.mark.parametrize("words", EXTRAS)
def test_a_missing_extra_is_named(words: str, emptied: Path) -> None:
    library, extra = EXTRAS[words]
    assert run(["emit", "x2d", "--out", "."]) == 0
    before = sorted(emptied.iterdir())
    absent = f"import sys; sys.modules[{library!r}] = None"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{absent}; from x3dspec.cli import run; sys.exit(run(sys.argv[1:]))",
            *words.split(),
        ],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f'pip install "{extra}"' in done.stderr
    assert done.stderr.count("\n") == 1
    assert sorted(emptied.iterdir()) == before
