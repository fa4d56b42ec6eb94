"""The installed wheel, in a clean environment, in an empty folder, without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's bin folder, with the wheel of this checkout and nothing but what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    kept = ("x3dspec", "templates", "specs", "pyproject.toml", "README.md", "LICENSE")
    source.mkdir()
    for name in kept:
        path = ROOT / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, source / name)
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source), cwd=folder)
    venv.create(folder / "env", with_pip=True)
    [wheel] = folder.glob("*.whl")
    tools = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    _run(str(tools / "python"), "-m", "pip", "install", "-q", str(wheel), cwd=folder)
    return tools


def _run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done


def test_the_three_commands_work_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    tool = str(installed / "x3dspec")
    assert "75,130,304" in _run(tool, "resolve", "specs/x2d.yaml", "--gamma-s", "2", cwd=tmp_path).stdout
    _run(tool, "emit", "--out", "generated/", cwd=tmp_path)
    for path in sorted((ROOT / "generated").glob("*.py")):
        assert (tmp_path / "generated" / path.name).read_bytes() == path.read_bytes()
    assert "achieved" in _run(tool, "budget", "--target", "4.7GFLOPs", cwd=tmp_path).stdout


def test_verify_without_torch_says_how_to_get_it(installed: Path, tmp_path: Path) -> None:
    tool = str(installed / "x3dspec")
    _run(tool, "emit", "x2d", "--out", ".", cwd=tmp_path)
    done = subprocess.run(
        [tool, "verify", "x2d.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == 'verify needs torch: pip install ".[torch]" in a clone of x3dspec\n'
