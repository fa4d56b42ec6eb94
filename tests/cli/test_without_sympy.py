"""What answers without solving answers without sympy: it takes longer to import than they take."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = [
    "resolve x2d --gamma-s 2",
    "check x2d efficientnet",
    "list",
    "emit x2d --out {folder}",
    "verify {folder}/x2d.py",
    "budget --target 30MFLOPs",
]
RUN = "import sys; from x3dspec.cli.app import run; run(sys.argv[1:]); print('sympy' in sys.modules)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("emitted")
    subprocess.run([sys.executable, "-m", "x3dspec", "emit", "x2d", "--out", str(path)], check=True)
    return str(path)


@pytest.mark.parametrize("command", COMMANDS)
def test_only_what_solves_loads_sympy(command: str, folder: str) -> None:
    words = [word.format(folder=folder) for word in command.split()]
    printed = subprocess.run([sys.executable, "-c", RUN, *words], check=True, capture_output=True, text=True)
    assert printed.stdout.splitlines()[-1] == str(command.startswith("budget"))
