"""The command line around its commands: first screen, help, wrong words, closed streams, interruptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tests.terminal import fits, shown
from x3dspec import __version__
from x3dspec.cli import run
from x3dspec.cli.app import application
from x3dspec.cli.landing import COMMANDS, GROUPS

Capture = pytest.CaptureFixture[str]
MODULE = [sys.executable, "-m", "x3dspec"]


def test_x3dspec_alone_shows_what_to_type_first(capsys: Capture) -> None:
    assert run([]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) <= 24
    commands = [line.split()[1] for line in out.splitlines() if line.startswith("  x3dspec ")]
    assert {"resolve", "budget", "emit", "report", "list", "--help"} == set(commands)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_first_screen_fits_a_terminal(columns: int) -> None:
    for words in ([], ["--help"]):
        code, text = shown(words, columns)
        assert code == 0
        assert fits(text, columns)


def test_every_command_is_in_the_help_with_a_whole_sentence(capsys: Capture) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for title, names in GROUPS.items():
        section = out.partition(f"{title}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in section] == list(names)
        assert all(line.endswith(".") and "..." not in line for line in section)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_line_of_help_is_short(command: str) -> None:
    text = typer.main.get_command(application()).commands[command].help  # type: ignore[attr-defined]
    first, _, rest = text.strip().partition("\n")
    assert len(first) <= 55
    assert first.endswith(".")
    assert not rest or rest.startswith("\n")
    assert "``" not in text


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_help_by_any_name(words: list[str], capsys: Capture) -> None:
    assert run(words) == 0
    assert "Usage: x3dspec " in capsys.readouterr().out


def test_help_of_a_command_and_version(capsys: Capture) -> None:
    assert run(["help", "resolve"]) == 0
    assert "Usage: x3dspec resolve" in capsys.readouterr().out
    assert run(["version"]) == 0
    assert capsys.readouterr().out == f"x3dspec {__version__}\n"


WRONG = {
    "schema --answer": "unknown option --answer; did you mean --answers?",
    "search x2d --max 3GFLOPs --gamma-t 3": "x3dspec search: unknown option --gamma-t. Try",
    "budget --target 1GFLOPs --order publised": "--order: 'publised' is not one of solved, published; "
    "did you mean published?",
    "budget": "needs --target.",
    "budget --target": "x3dspec budget: --target: needs a value.",
    "budget --target=3GFLOPs --fill=3": "--fill: takes no value.",
    "bench x --batch 0": "--batch: must be 1 or more.",
    "bench x --batch a": "--batch: must be a whole number.",
    "budgte": "x3dspec: unknown command 'budgte'; did you mean budget?",
    "convert-weights": "needs CKPT.",
    "judges a b": "unexpected 'b'.",
    "resolve x3d_s --jsn": "--jsn: unknown option; did you mean --json?",
    "resolve --jsn x3d_s": "--jsn: unknown option; did you mean --json?",
    "resolve x3d_s -q": "-q: unknown option; try 'x3dspec resolve --help'.",
    "resolve x3d_s --classes 12": "--classes: is chosen by --set classes=12",
    "resolve x3d_s --num-classes 12": "--num-classes: is chosen by --set classes=12",
    "resolve x3d_s --shortcut-norm=on": "--shortcut-norm: is chosen by --set shortcut_norm=on",
    "emit x2d --out x --name train": "--name: 'train' is a reserved name",
    "budget --target 1GFLOPs --emit train.py": "train.py: is a reserved name",
    "budget --target 1GFLOPs --emit net.pt": "net.pt: must end in .py",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_word_is_told_in_our_words(words: str, capsys: Capture) -> None:
    assert run(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert WRONG[words] in err
    assert err.count("\n") == 1
    for leak in ("Value error", "Input should", "No such option", "Possible", "Traceback"):
        assert leak not in err


def test_closed_streams_are_no_traceback() -> None:
    for closed, code in ((">&-", 0), ("2>&-", 0), ("<&-", 0), (">&- 2>&-", 0)):
        line = f'exec "$0" -m x3dspec resolve x2d {closed}'
        done = subprocess.run(["sh", "-c", line, sys.executable], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("words", [["list"], ["resolve", "x2d"], ["--help"], []])
def test_a_reader_that_goes_away_is_no_failure(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*MODULE, *words], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_once() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MODULE, "resolve", "x2d"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "No space left on device\n")


#: Where an interruption falls, as code that runs before `main`.
INTERRUPTED = {
    "while importing": (
        "class Late:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'x3dspec.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Late())\n"
    ),
    "in a command": (
        "import signal, x3dspec.cli.resolve as r\nr.rows = lambda *_: signal.raise_signal(signal.SIGINT)\n"
    ),
    "in a finalizer": (
        "import signal, time, x3dspec.cli.resolve as r\n"
        "class Final:\n"
        "    def __del__(self): raise KeyboardInterrupt\n"
        "def rows(*_):\n"
        "    Final()\n"
        "    time.sleep(60)\n"
        "r.rows = rows\n"
    ),
}


@pytest.mark.parametrize("where", INTERRUPTED)
def test_an_interruption_is_told_in_a_word(where: str) -> None:
    code = f"import sys\n{INTERRUPTED[where]}sys.argv = ['x3dspec', 'resolve', 'x2d']\n"
    code += "from x3dspec.__main__ import main\nmain()\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_an_interruption_leaves_the_default_behind() -> None:
    """A second one while the process ends is the system's own, without a traceback."""
    code = (
        "import signal, sys, atexit\n"
        "from x3dspec import __main__\n"
        "__main__._run = lambda: (_ for _ in ()).throw(KeyboardInterrupt)\n"
        "atexit.register(lambda: signal.raise_signal(signal.SIGINT))\n"
        "__main__.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "interrupted\n")
