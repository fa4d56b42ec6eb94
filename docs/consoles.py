"""The consoles of a page, run as its reader would run them, in one folder that is empty at first.

    ```console                     a line behind `$ ` is run by bash
    $ x3dspec resolve x3d_m        what follows is what it prints, stdout and stderr
    ...
    ```

A console that shows commands alone shows no output: they only have to succeed. A block with a title,
```` ```python title="use.py" ````, is that file; a later block of the same title is its next part.
``<!-- first: COMMAND -->`` prepares what a reader has already, and is not seen.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

#: The pages of docs/ whose consoles are run.
PAGES = (
    "tutorial.md",
    "recipes.md",
    "write-a-family.md",
    "report.md",
    "json.md",
    "weights.md",
    "memory.md",
    "expansion.md",
    "architecture.md",
)
SECONDS = 300

_PIECE = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[\w.-]+)")?\n(?P<body>.*?)^```$'
    r"|^<!-- first: (?P<first>.*?) -->$",
    re.MULTILINE | re.DOTALL,
)


class Failed(Exception):
    """A command of a page did not succeed."""


def rerun(page: str, folder: Path) -> str:
    """The page, with what its commands print now.

    Raises:
        Failed: a command exits with an error, or takes too long.
    """
    written: set[str] = set()

    def piece(found: re.Match[str]) -> str:
        if found["first"]:
            _run(found["first"], folder)
        elif found["title"]:
            mode = "a" if found["title"] in written else "w"
            written.add(found["title"])
            with (folder / found["title"]).open(mode, encoding="utf-8") as file:
                file.write(found["body"])
        elif found["language"] == "console":
            return f"```console\n{_console(found['body'], folder)}```"
        return found[0]

    return _PIECE.sub(piece, page)


def _console(body: str, folder: Path) -> str:
    lines = body.splitlines(keepends=True)
    commands = [line for line in lines if line.startswith("$ ")]
    answers = [_run(line[2:].rstrip("\n"), folder) for line in commands]
    if commands == lines:
        return body
    return "".join(line + answer for line, answer in zip(commands, answers, strict=True))


def _run(command: str, folder: Path) -> str:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": tools, "COLUMNS": "80"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"$ {command}\ntakes more than {SECONDS} seconds") from None
    if done.returncode:
        raise Failed(f"$ {command}\n{done.stdout}exit code {done.returncode}")
    return done.stdout
