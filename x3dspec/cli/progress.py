"""What long work says while it runs, on stderr: a line that moves on a terminal, now and then one elsewhere.

    with Progress() as progress:
        for done in work:
            progress.show(f"{done} of {total}")

Leaving it clears the moving line, so that an answer never begins inside of it.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

from x3dspec.cli import style

#: Seconds before progress is worth a line, and between two of them; and where nobody watches a line move.
QUIET, OFTEN, SELDOM = 2.0, 0.2, 10.0


class Progress:
    """One line of progress."""

    def __init__(self) -> None:
        self._moves = style.is_terminal(sys.stderr)
        self._due = time.monotonic() + (QUIET if self._moves else SELDOM)
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    @property
    def due(self) -> bool:
        """Whether a line is due, for work whose line costs something to make."""
        return time.monotonic() >= self._due

    def show(self, line: str) -> None:
        """Show a line, if it is time for one."""
        if not self.due:
            return
        self._due = time.monotonic() + (OFTEN if self._moves else SELDOM)
        if self._moves:
            self._move(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """A line that stays."""
        self.clear()
        print(line, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the moving line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False

    def _move(self, line: str) -> None:
        # A line that reaches the last column would wrap, and never be cleared whole; ^C may be echoed in it.
        print(f"\r\x1b[K{line[: style.width(sys.stderr) - 3]}", end="", file=sys.stderr, flush=True)
        self._shown = True


def duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 2 min 5 s, 3 h 20 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
