"""How an answer looks: no wider than the terminal, with colour and bars on a terminal alone.

Text that is piped is plain, whole and the same everywhere: no escape sequence, no bar, no column left
out, no line wrapped. ``NO_COLOR`` takes the colours from a terminal, ``FORCE_COLOR`` gives them to a pipe.

    lines = style.table([
        style.Column("axis", names),
        style.Column("MACs", counts, right=True),
        style.Column("", style.bars(shares), drop=2),   # the first to go where the terminal is narrow
        style.Column("why", reasons, drop=1),
    ])
    print("\\n".join([style.bold("3 GFLOPs from X2D"), "", *lines, *style.wrapped(conclusion)]))
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import typer

#: As wide as a pipe is: nothing is dropped or wrapped.
UNBOUNDED = 2**16
#: Lines of prose are no longer than this, however wide the terminal is.
PROSE = 100
#: No terminal is taken for narrower than this.
LEAST = 20
#: Cells of a bar that is full.
BAR = 16
GAP = "  "
_ESCAPE = re.compile("\x1b\\[[0-9;]*m")
#: Eighths of a cell, from empty to full.
_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        head: what stands above it.
        cells: its text, a cell a row; in the last column, which may be wrapped, without colour.
        right: whether it is flush right, as numbers are.
        drop: whether it may be left out: never at 0, and of the others the highest goes first.
    """

    head: str
    cells: Sequence[str]
    right: bool = False
    drop: int = 0


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether somebody reads the stream (stdout) as it is written."""
    stream = stream or sys.stdout
    return stream is not None and not stream.closed and stream.isatty()


def has_colour(stream: TextIO | None = None) -> bool:
    """Whether escape sequences are wanted."""
    if forced := os.environ.get("FORCE_COLOR"):
        return forced != "0"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and is_terminal(stream)


def has_unicode(stream: TextIO | None = None) -> bool:
    """Whether the stream takes more than ASCII."""
    return "utf" in (getattr(stream or sys.stdout, "encoding", "") or "").lower()


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal; of a pipe, as many as there may be."""
    stream = stream or sys.stdout
    if not is_terminal(stream):
        return UNBOUNDED
    with contextlib.suppress(OSError):
        # shutil knows the terminal of stdout alone; stderr may be one where stdout is a pipe.
        if "COLUMNS" not in os.environ and (columns := os.get_terminal_size(stream.fileno()).columns):
            return max(LEAST, columns)
    return max(LEAST, shutil.get_terminal_size().columns)


def bold(text: str, stream: TextIO | None = None) -> str:
    return _painted(text, 1, stream)


def dim(text: str, stream: TextIO | None = None) -> str:
    return _painted(text, 2, stream)


def red(text: str, stream: TextIO | None = None) -> str:
    return _painted(text, 31, stream)


def green(text: str, stream: TextIO | None = None) -> str:
    return _painted(text, 32, stream)


def yellow(text: str, stream: TextIO | None = None) -> str:
    return _painted(text, 33, stream)


def cyan(text: str, stream: TextIO | None = None) -> str:
    return _painted(text, 36, stream)


def _painted(text: str, code: int, stream: TextIO | None) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if text and has_colour(stream) else text


def symbol(factor: str) -> str:
    """A factor's name as short as the terminal can show it: gamma_tau is γτ there."""
    if not (is_terminal() and has_unicode() and factor.startswith("gamma_")):
        return factor
    tail = factor.removeprefix("gamma_")
    return "γ" + {"tau": "τ", "phi": "φ"}.get(tail, tail)


def length(text: str) -> int:
    """Columns that a text takes on a terminal: escape sequences none, wide characters two."""
    plain = _ESCAPE.sub("", text)
    return len(plain) if plain.isascii() else sum(map(_columns, plain))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def table(columns: Sequence[Column], indent: str = "", head: bool = True) -> list[str]:
    """Lines of a table. Where it is too wide, columns go by their `drop`; then the last one is wrapped."""
    room = width() - len(indent)
    shown = [column for column in columns if column.head or any(column.cells)]
    while _total(shown) > room and (worst := max(shown, key=lambda column: column.drop)).drop:
        shown.remove(worst)
    shown = shown or list(columns)
    widths = [_width(column) for column in shown]
    widths[-1] = min(widths[-1], max(12, room - sum(widths[:-1]) - len(GAP) * (len(shown) - 1)))
    rows = list(zip(*(column.cells for column in shown), strict=True))
    heads = _row([column.head for column in shown], shown, widths) if head and _has_head(shown) else []
    lines = [dim(line) for line in heads] + [line for row in rows for line in _row(row, shown, widths)]
    return [indent + line for line in lines]


def _has_head(columns: Sequence[Column]) -> bool:
    return any(column.head for column in columns)


def _width(column: Column) -> int:
    return max(map(length, [column.head, *column.cells]))


def _total(columns: Sequence[Column]) -> int:
    return sum(map(_width, columns)) + len(GAP) * (len(columns) - 1)


def _row(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> list[str]:
    """The lines of one row: more than one where its last cell is wrapped."""
    *others, last = cells
    parts = textwrap.wrap(last, widths[-1]) if length(last) > widths[-1] else [last]
    lines = []
    for index, part in enumerate(parts or [""]):
        row = [*(others if index == 0 else [""] * len(others)), part]
        padded = (_padded(*each) for each in zip(row, columns, widths, strict=True))
        lines.append(GAP.join(padded).rstrip())
    return lines


def _padded(cell: str, column: Column, wide: int) -> str:
    blank = " " * (wide - length(cell))
    return blank + cell if column.right else cell + blank


def bars(shares: Sequence[float], cells: int = BAR) -> list[str]:
    """Bars from 0 to 1 for a column; empty where no terminal shows them, so that the column goes."""
    return [bar(share, cells) for share in shares]


def bar(share: float, cells: int = BAR) -> str:
    """One bar, to an eighth of a cell; empty where no terminal shows it."""
    if not is_terminal():
        return ""
    eighths = round(8 * cells * min(1.0, max(0.0, share)))
    if not has_unicode():
        return "#" * round(eighths / 8)
    return cyan("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip())


def wrapped(text: str, indent: str = "", stream: TextIO | None = None) -> list[str]:
    """Prose at the terminal's width, broken between words; a pipe has it in one line."""
    room = min(width(stream), PROSE) if is_terminal(stream) else UNBOUNDED
    return textwrap.wrap(
        text, room, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    ) or [""]


def show(lines: Sequence[str]) -> None:
    """Print an answer."""
    # Typer would take the colours away again where FORCE_COLOR gives them to a pipe.
    typer.echo("\n".join(lines), color=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    lines = wrapped(f"warning: {text}", stream=sys.stderr)
    print("\n".join(lines).replace("warning:", yellow("warning:", sys.stderr), 1), file=sys.stderr)
