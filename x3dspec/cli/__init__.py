"""The command line: the only wing that prints and exits.

stdout is the answer, stderr the rest. Exit codes: 0 done; 1 the check ran and the answer is no
(budget infeasible, verification failed, generated code stale); 2 the input or the command is wrong.
"""

from __future__ import annotations

from x3dspec.cli.app import run

__all__ = ["run"]
