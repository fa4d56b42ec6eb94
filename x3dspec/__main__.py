"""``python -m x3dspec`` and the console script."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    _open_streams()
    sys.unraisablehook = _unraisable
    try:
        code = _run()
    except KeyboardInterrupt:  # while the command line itself was imported, or was just ending
        sys.stderr.write("interrupted\n")
        code = 130
    # Whoever asks once more while the process ends gets no traceback either.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.freeze()
    sys.exit(code)


def _run() -> int:
    # What a command makes lives as long as it does: looking for garbage among it, every 700 objects
    # and once more at the end, would be a tenth of a short command's time.
    gc.disable()
    from x3dspec.cli import run

    gc.set_threshold(50_000)
    gc.enable()
    return run(sys.argv[1:])


def _open_streams() -> None:
    """A stream that was closed before we began (``>&-``) goes nowhere, and its number to no other file."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115


def _unraisable(unraisable: Any) -> None:
    """An interruption that fell where nothing can be raised, such as a finalizer, is not lost."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        # Not from here, where it would be lost again.
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)


if __name__ == "__main__":
    main()
