"""The mutants that mutmut does not make: of constants, tables, aliases and decorated functions.

    python tests/mutants.py

Each is one change of the text, made in a copy of the package; the tests that mutmut runs for its mutants
(pyproject.toml) are run on it and must fail. What they do not notice is printed, and the exit code is 1.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Of each file, what is written and what a mutant has instead.
MUTANTS: dict[str, list[tuple[str, str]]] = {
    "network/cost.py": [
        ("BYTES_PER_NUMBER = 4", "BYTES_PER_NUMBER = 5"),
        ('"paper",\n            1,', '"paper",\n            2,'),
        ('"paper",\n            1,\n            0,', '"paper",\n            1,\n            1,'),
        ('Convention("torch", 2, 0', 'Convention("torch", 1, 0'),
        ('Convention("torch", 2, 0', 'Convention("torch", 2, 1'),
        ('Convention("fvcore", 1, 2', 'Convention("fvcore", 2, 2'),
        ('Convention("fvcore", 1, 2', 'Convention("fvcore", 1, 1'),
        ("            1,\n            5,", "            2,\n            5,"),
        ("            1,\n            5,", "            1,\n            4,"),
        ("ZERO: Cost[Any] = Cost()", "ZERO: Cost[Any] = Cost(moved=1)"),
        ("return cast(N, BYTES_PER_NUMBER * moved)", "return cast(N, BYTES_PER_NUMBER + moved)"),
    ],
    "network/layers/activation.py": [("moving(self.inputs, self.outputs)", "Cost()")],
    "network/layers/pool.py": [("moving(self.inputs, self.outputs)", "Cost()")],
    "network/layers/mean.py": [("moving(self.inputs, self.outputs)", "Cost()")],
    "network/layers/dropout.py": [("return ZERO", "return Cost(moved=self.inputs.elements)")],
    "network/layers/stage.py": [
        ("self.inputs.sizes[0] if", "self.inputs.sizes[1] if"),
        ("len(self.inputs.sizes) == 3", "len(self.inputs.sizes) == 2"),
        ("len(self.inputs.sizes) == 3 else None", "len(self.inputs.sizes) != 9 else None"),
        ("return self.inputs.sizes[-1]", "return self.inputs.sizes[0]"),
        ("return self.inputs.sizes[-1]", "return self.inputs.sizes[1]"),
    ],
    "network/layers/tree.py": [
        ("if dataclasses.is_dataclass(kind) else ()", "if not dataclasses.is_dataclass(kind) else ()"),
        (
            "tuple(field.name for field in dataclasses.fields(kind))",
            "tuple(field.name for field in dataclasses.fields(kind)[1:])",
        ),
    ],
    "language/expressions.py": [
        ("ZERO = constant(0)", "ZERO = constant(2)"),
        ("ONE = constant(1)\n", "ONE = constant(2)\n"),
        ("MINUS_ONE = constant(-1)", "MINUS_ONE = constant(1)"),
    ],
    "language/algebra.py": [
        ("floor = staticmethod(math.floor)", "floor = staticmethod(math.ceil)"),
        ("ceil = staticmethod(math.ceil)", "ceil = staticmethod(math.floor)"),
    ],
    "language/relaxation.py": [
        ("    add = staticmethod(add)", "    add = staticmethod(multiply)"),
        ("    multiply = staticmethod(multiply)", "    multiply = staticmethod(add)"),
        ("    divide = staticmethod(divide)", "    divide = staticmethod(multiply)"),
        ("    power = staticmethod(power)", "    power = staticmethod(multiply)"),
        ("    minimum = staticmethod(minimum)", "    minimum = staticmethod(maximum)"),
        ("    maximum = staticmethod(maximum)", "    maximum = staticmethod(minimum)"),
        ("    ceil = floor\n", "    ceil = staticmethod(ceil)\n"),
        ("    round_width = round_to\n", "    round_width = staticmethod(round_width)\n"),
    ],
    "language/meaning.py": [
        ('"+": add', '"+": multiply'),
        ('"*": multiply', '"*": add'),
        ('"/": divide', '"/": multiply'),
        ("lambda a, b: a - b", "lambda a, b: a + b"),
        ('"**": power', '"**": multiply'),
        ("lambda a: multiply(MINUS_ONE, a)", "lambda a: a"),
        ('"not": negation', '"not": lambda a: a'),
        ('"and": multiply', '"and": either'),
        ('"or": either', '"or": multiply'),
        ("constant(Fraction(1, 2)))", "constant(Fraction(1, 3)))"),
        ('"ceil": ceil', '"ceil": floor'),
        ('"floor": floor', '"floor": ceil'),
        ('"round": lambda a: round_to(a, ONE)', '"round": ceil'),
        ('"round_to": round_to', '"round_to": round_width'),
        ('"round_width": round_width', '"round_width": round_to'),
    ],
}


def tests() -> list[str]:
    """The files that pyproject.toml gives mutmut, read without tomllib, which 3.10 has not."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\npytest_add_cli_args_test_selection = [")[2].partition("]")[0]
    return re.findall(r'"([^"]+)"', block)


def copy(folder: Path) -> None:
    for name in ("x3dspec", "specs", "templates", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def noticed(folder: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests()]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    return done.returncode == 1


def survives(path: Path, written: str, mutant: str, folder: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if text.count(written) != 1:
        raise SystemExit(f"{path.name}: {written!r} is there {text.count(written)} times")
    path.write_text(text.replace(written, mutant), encoding="utf-8")
    try:
        return not noticed(folder)
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> int:
    survivors = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        if noticed(folder):
            raise SystemExit("the tests fail without any mutant")
        for file, changes in MUTANTS.items():
            for written, mutant in changes:
                if survives(folder / "x3dspec" / file, written, mutant, folder):
                    survivors += 1
                    print(f"{file}: {written!r} -> {mutant!r} survives", flush=True)
    print(f"{sum(map(len, MUTANTS.values()))} mutants, {survivors} survivors")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
