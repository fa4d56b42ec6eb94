"""The same bytes everywhere: every Python here, the lowest and the newest of every dependency.

    python tests/matrix.py                    with each python3.N on PATH and under ~/.pyenv
    python tests/matrix.py /usr/bin/python3   with these
    python tests/matrix.py --newest PYTHON    without the lowest, of which a new Python has no wheels

For each interpreter it makes two environments outside the checkout, the newest dependencies and, on the
oldest interpreter, the lowest that pyproject.toml allows; then it emits all shipped specs into an empty
folder under several locales, time zones, hash seeds and working folders, and compares with generated/.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SURROUNDINGS = (
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "TZ": "UTC", "PYTHONHASHSEED": "1"},
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "2", "COLUMNS": "20", "TERM": "dumb"},
    {"LANG": "de_DE.ISO-8859-1", "TZ": "America/St_Johns", "PYTHONHASHSEED": "3", "NO_COLOR": "1"},
)


def dependencies() -> list[str]:
    """What pyproject.toml declares, read without tomllib, which 3.10 has not."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [")[2].partition("]")[0]
    return re.findall(r'"([^"]+)"', block)


def interpreters() -> list[str]:
    """The interpreters of this machine from 3.10 on, oldest first, one of each minor version."""
    found: dict[tuple[int, int], str] = {}
    on_path = [shutil.which(f"python3.{minor}") for minor in range(10, 16)]
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"))
    for candidate in [*on_path, *map(str, pyenv)]:
        if candidate is None:
            continue
        code = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            major, minor = map(int, done.stdout.split())
            if (major, minor) >= (3, 10):
                found.setdefault((major, minor), candidate)
    return [found[version] for version in sorted(found)]


def environment(python: str, folder: Path, requirements: list[str]) -> str:
    """A new environment's interpreter."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    made = str(folder / "bin" / "python")
    install = [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
    return made


def differences(python: str, folder: Path) -> Iterator[str]:
    """Files that are not what generated/ has, in each surrounding."""
    wanted = {path.name: path.read_bytes() for path in sorted((ROOT / "generated").glob("*.py"))}
    for index, surrounding in enumerate(SURROUNDINGS):
        out = folder / f"out{index}"
        out.mkdir()
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **surrounding}
        command = [python, "-m", "x3dspec", "emit", "--out", str(out)]
        done = subprocess.run(command, cwd=out, env=variables, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"{surrounding}: {done.stderr[-300:]}"
            continue
        found = {path.name: path.read_bytes() for path in sorted(out.glob("*.py"))}
        wrong = [name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]
        if wrong:
            yield f"{surrounding}: {', '.join(wrong)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    parser.add_argument("--newest", action="store_true", help="leave out the lowest dependencies")
    given = parser.parse_args()
    declared = dependencies()
    lowest = [each.replace(">=", "==") for each in declared]
    failed = False
    for index, python in enumerate(given.pythons or interpreters()):
        both = index == 0 and not given.newest
        for name, requirements in (("newest", declared), *((("lowest", lowest),) if both else ())):
            with tempfile.TemporaryDirectory() as folder:
                made = environment(python, Path(folder) / "venv", requirements)
                wrong = list(differences(made, Path(folder)))
            failed |= bool(wrong)
            answer = "; ".join(wrong) or f"the bytes of generated/ in {len(SURROUNDINGS)} surroundings"
            print(f"{python}, {name} dependencies: {answer}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
