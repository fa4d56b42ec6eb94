"""What sympy costs as a process: `budget` and `formula` beside importing the libraries that they use.

    python benchmarks/solve.py

prints the CPU time of each as the least of some runs, and its ratio to the imports.
"""

from __future__ import annotations

import os
import subprocess
import sys

ROUNDS = 7
IMPORTS = ["-c", "import sympy, typer, pydantic, yaml, jinja2"]
COMMANDS = {
    "budget --target 4.7GFLOPs": ["-m", "x3dspec", "budget", "--target", "4.7GFLOPs"],
    "formula x2d --relaxed": ["-m", "x3dspec", "formula", "x2d", "--relaxed"],
    "solve x3d_m": ["-m", "x3dspec", "solve", "x3d_m", "--for", "gamma_s", "--target", "3GFLOPs"],
}


def seconds(words: list[str]) -> float:
    """CPU seconds of one process."""
    before = os.times()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    jobs = {"imports": IMPORTS, **COMMANDS}
    least = dict.fromkeys(jobs, float("inf"))
    for _ in range(ROUNDS):
        for name, words in jobs.items():
            least[name] = min(least[name], seconds(words))
    for name, time in least.items():
        print(f"{name:27} {time:6.3f} s  {time / least['imports']:5.2f} x the imports")


if __name__ == "__main__":
    main()
