"""``python -m x3dspec`` and the console script."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    # Imports make tens of thousands of objects that live as long as the process: a tenth of a short
    # command's time would go into looking for garbage among them.
    gc.disable()
    from x3dspec.cli import run

    gc.enable()
    gc.freeze()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
