"""Commands under a real pseudo-terminal of a given size, as a person has them."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ESCAPE = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
#: Seconds after which a command hangs, however busy the machine is.
PATIENCE = 300.0


class Terminal:
    """A command that runs under a terminal of so many columns and rows."""

    def __init__(
        self,
        words: Sequence[str],
        columns: int = 80,
        rows: int = 24,
        folder: Path | None = None,
        **environment: str,
    ) -> None:
        self.text = ""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        clean = {name: value for name, value in os.environ.items() if name not in _UNSET}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "x3dspec", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**clean, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environment},
            start_new_session=True,
            # The terminal is the command's own, so that ^C in it is a signal.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def type(self, text: str) -> None:
        """What a person types: ``\\x03`` is Ctrl-C."""
        os.write(self._master, text.encode())

    def until(self, reached: Callable[[str], bool]) -> str:
        """Read until the text is as expected, or the command ends."""
        ends = time.monotonic() + PATIENCE
        while not reached(self.text) and self._read():
            if time.monotonic() >= ends:
                raise TimeoutError(f"hangs after {self.text!r}")
        return self.text

    def finish(self) -> int:
        """Read to the end; the exit code."""
        self.until(lambda _: False)
        os.close(self._master)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.5)[0]:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed: the command has ended
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)


_UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONIOENCODING")


def shown(
    words: Sequence[str], columns: int = 80, rows: int = 24, folder: Path | None = None, **environment: str
) -> tuple[int, str]:
    """Exit code and text of a command under a terminal, escape sequences included."""
    terminal = Terminal(words, columns, rows, folder, **environment)
    code = terminal.finish()
    return code, terminal.text.replace("\r\n", "\n")


def plain(text: str) -> str:
    """Text without escape sequences."""
    return ESCAPE.sub("", text)


def fits(text: str, columns: int) -> bool:
    """Whether no line is longer than the terminal is wide; one of progress begins where the last one did."""
    lines = plain(text).replace("\r", "\n").splitlines()
    return all(len(line) <= columns for line in lines)
