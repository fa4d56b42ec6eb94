"""``python -m x3dspec`` and the console script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the process ends with its exit code."""
    from x3dspec.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
