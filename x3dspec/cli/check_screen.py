"""What ``x3dspec check`` shows on a terminal: each problem with its line, and a caret where it is."""

from __future__ import annotations

from collections.abc import Iterator

from x3dspec.cli import style
from x3dspec.language import shipped, text_file
from x3dspec.language.errors import Problem, SpecError

_INDENT = "    "


def lines(said: str, severity: str, problem: Problem) -> Iterator[str]:
    """A finding in as many lines as it needs, and the line of the file that it is about."""
    paint = style.red if severity == "error" else style.yellow
    yield from (line.replace(f" {severity}:", f" {paint(severity)}:", 1) for line in style.wrapped(said))
    yield from _excerpt(problem, paint("^"))


def _excerpt(problem: Problem, caret: str) -> Iterator[str]:
    text = _line(problem)
    if text is None:
        return
    room = style.width() - len(_INDENT)
    # Of a long line, the part around the place: its column stands in the middle.
    first = max(0, problem.column - 1 - room // 2) if len(text) > room else 0
    yield _INDENT + text[first : first + room].rstrip()
    before = style.length(text[first : problem.column - 1])
    yield _INDENT + " " * before + caret


def _line(problem: Problem) -> str | None:
    """The line, each of its characters one that a terminal shows; None where there is none to show."""
    if not (problem.line and problem.column):
        return None
    path, _ = shipped.find(problem.source)
    try:
        text = text_file.content(path, problem.source).decode("utf-8")
    except (OSError, ValueError, SpecError):
        return None  # the finding says what is wrong with the file
    rows = text.split("\n")
    if problem.line > len(rows):
        return None
    return "".join(c if c.isprintable() else " " for c in rows[problem.line - 1])
