"""Where templates and shipped specs are: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str) -> Path:
    """The folder ``specs`` or ``templates``, wherever this installation keeps it."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def shipped() -> dict[str, Path]:
    """Every shipped spec by name, in alphabetical order."""
    return {path.stem: path for path in sorted(folder("specs").glob("*.yaml"))}


def is_shipped(path: Path) -> bool:
    return path.resolve().parent == folder("specs").resolve()


def find(spec: str) -> tuple[Path, str]:
    """The file that a command's SPEC means, and what to call it.

    A file is taken as it is. ``x3d_m`` and ``specs/x3d_m.yaml`` also name the shipped spec, so that
    every command of the documentation works in an empty folder.
    """
    path = Path(spec)
    try:
        missing = not path.exists()
    except OSError:
        missing = False  # too long a name, say: who reads the file says so
    if missing:
        known = shipped()
        name = spec.removeprefix("specs/").removesuffix(".yaml")
        if name in known:
            return known[name], f"specs/{name}.yaml"
    return path, spec
