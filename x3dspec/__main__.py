"""``python -m x3dspec`` and the console script."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    # What a command makes lives as long as it does: looking for garbage among it, every 700 objects
    # and once more at the end, would be a tenth of a short command's time.
    gc.disable()
    from x3dspec.cli import run

    gc.set_threshold(50_000)
    gc.enable()
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
