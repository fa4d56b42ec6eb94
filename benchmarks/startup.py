"""How long whole commands take, beside what they cannot avoid: importing their libraries.

    python benchmarks/startup.py [--rounds 15]

Every round runs each command once, in turn, as a process of its own. What is compared are the
medians of the paired ratios within a round, so that a noisy machine disturbs both sides alike.
The last line asks pytorchvideo and fvcore what `resolve` answers: how many MACs, how many
parameters has X3D-M? It needs the `test` extra; without it the line says so.
"""

from __future__ import annotations

import argparse
import compileall
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import x3dspec

CORE = [sys.executable, "-c", "import typer, pydantic, yaml, jinja2"]
WITH_SYMPY = [sys.executable, "-c", "import sympy, typer, pydantic, yaml, jinja2"]
X3DSPEC = [sys.executable, "-m", "x3dspec"]
SOLVED = (
    "budget --target 4.7GFLOPs",
    "formula x2d --relaxed",
    "solve x3d_m --for gamma_s --target 3GFLOPs",
    "scaling x3d_s",
)
PEER = [sys.executable, str(Path(__file__).with_name("peer_count.py"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    # An installed package has its bytecode; a checkout may not, and would be compiled in every round.
    compileall.compile_dir(Path(x3dspec.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "resolve x3d_m": ([*X3DSPEC, "resolve", "x3d_m"], CORE, 2.5),
            "emit, six specs": ([*X3DSPEC, "emit", *_family(), "--out", folder], CORE, 2.5),
            **{words: ([*X3DSPEC, *words.split()], WITH_SYMPY, 1.6) for words in SOLVED},
        }
        for name, (command, base, limit) in cases.items():
            ratio, seconds = _compare(command, base, rounds)
            verdict = "within" if ratio <= limit else "OVER"
            print(f"{name:44} {ratio:5.2f} x imports ({verdict} {limit}), median {seconds * 1000:.0f} ms")
        resolve = cases["resolve x3d_m"][0]
        try:
            ratio, seconds = _compare(PEER, resolve, max(3, rounds // 5))
        except subprocess.CalledProcessError:
            print("pytorchvideo + fvcore: not installed; pip install 'x3dspec[test]'")
        else:
            print(f"pytorchvideo + fvcore take {ratio:.1f} x as long as resolve, median {seconds:.1f} s")


def _family() -> list[str]:
    return ["x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl"]


def _compare(command: list[str], base: list[str], rounds: int) -> tuple[float, float]:
    """The median of the paired ratios, and the command's median time."""
    pairs = [(_seconds(command), _seconds(base)) for _ in range(rounds + 1)][1:]
    return statistics.median(a / b for a, b in pairs), statistics.median(a for a, _ in pairs)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
