"""Budgets for 200 random targets beside those that release 0.1.0, which had no sympy, found.

    python benchmarks/budgets.py

A budget passes where it is within its target, the next value along every axis is over it, and it buys no
less than before. ``budgets.json`` has the targets and what 0.1.0 bought; ``--record FILE`` writes such a
file from the x3dspec that is imported, of either release.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

from x3dspec.cli import run

RECORD = Path(__file__).with_suffix(".json")
COUNT = 200
#: Targets are drawn evenly in the logarithm between these; a quarter of them is filled.
RANGES = {
    "x2d": {"MACs": (3e7, 3e10), "params": (1.7e6, 2e7), "activations": (1.5e6, 4e8)},
    "mobilenet_v2": {"MACs": (3.5e8, 2e10), "params": (4e6, 4e7), "activations": (8e6, 2e8)},
    "slow_r50": {"MACs": (5e10, 1e12), "params": (4e7, 4e8)},
}


def question(seed: int) -> list[str]:
    """Words of a budget, the same ones on every machine."""
    rng = random.Random(seed)
    spec = rng.choice(["x2d", "x2d", *RANGES])
    unit, (low, high) = rng.choice([*RANGES[spec].items()])
    target = round(low * (high / low) ** rng.random())
    return [spec, "--target", f"{target} {unit}", *(["--fill"] if rng.random() < 0.25 else [])]


def answer(words: list[str]) -> dict[str, Any]:
    """The budget, or exit code alone."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run(["budget", *words, "--json"])
    return json.loads(out.getvalue()) if code == 0 else {"code": code}


def record(file: Path) -> None:
    rows = [[words, answer(words).get("achieved")] for words in map(question, range(COUNT))]
    file.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")


def verdict(words: list[str], before: int | None) -> str:
    """``same``, ``better``, or what is wrong."""
    found = answer(words)
    if "achieved" not in found:
        return "same" if before is None else "no answer"
    target = found["target"]
    if found["achieved"] > target["limit"]:
        return "over its target"
    if any(each["cost"][target["quantity"]] <= target["limit"] for each in found["next"]):
        return "another value fits"
    if before is None or found["achieved"] > before:
        return "better"
    return "same" if found["achieved"] == before else "worse"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--record", type=Path)
    if file := parser.parse_args().record:
        record(file)
        return 0
    verdicts: dict[str, int] = {}
    for words, before in json.loads(RECORD.read_text(encoding="utf-8")):
        said = verdict(words, before)
        verdicts[said] = verdicts.get(said, 0) + 1
        if said not in ("same", "better"):
            print(f"{said}: x3dspec budget {' '.join(words)} (before: {before})")
    print(", ".join(f"{count} {said}" for said, count in sorted(verdicts.items())))
    return int(not verdicts.keys() <= {"same", "better"})


if __name__ == "__main__":
    sys.exit(main())
