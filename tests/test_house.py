"""Who may import whom (docs/architecture.md), read from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "x3dspec"

#: The rooms in order: each may import those before it (and itself). Rooms in one line are neighbours.
LAYERS = (
    ("errors", "exact"),
    ("syntax", "files"),
    ("expr",),
    ("document", "spec", "assets", "answers"),
    ("network",),
    ("loading", "cost"),
    ("lower", "bind"),
    ("architecture",),
    ("axes", "budget", "expand", "fill", "grid", "meter", "published", "target"),
    ("score", "journal", "engine", "compare"),
    ("arrays", "lattice", "ranges", "search"),
    ("formula", "notation", "polynomial", "rendering", "symbolic"),
    ("table", "preset", "keys", "review"),
    ("diff", "javascript", "kinds"),
    ("samples",),
    ("charts", "pictures", "report"),
    ("deploy", "classes", "face", "layout", "emit"),
    ("command",),
    ("probe", "verify", "weights", "export", "bench"),
    ("cli", "__main__", "__init__"),
)

#: The libraries that are at home in few rooms.
HOMES = {
    "pydantic": {"spec", "keys", "answers"},
    "pydantic_core": {"spec", "keys"},
    "resvg_py": {"pictures"},
    "jinja2": {"emit", "report"},
    "typer": {"cli"},
    "numpy": {"arrays", "lattice", "search"},
    "sympy": {"symbolic"},
    "torch": {"weights", "probe", "export", "bench"},
    "yaml": {"document"},
}

#: What of ours is imported late or for one well-told reason.
ALLOWED = {("emit", "__init__"), ("probe", "__init__")}


def _rooms() -> dict[str, list[Path]]:
    rooms: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        room = inside.parts[0] if len(inside.parts) > 1 else inside.stem
        rooms.setdefault(room, []).append(path)
    return rooms


ROOMS = _rooms()
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_every_room_has_its_place() -> None:
    assert set(ROOMS) == set(LEVEL), "a new room belongs into LAYERS and docs/architecture.md"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_import_downwards(room: str) -> None:
    for path in ROOMS[room]:
        for name in _imported(path):
            parts = name.split(".")
            if parts[0] != "x3dspec" or len(parts) < 2:
                continue
            other = parts[1] if parts[1] in ROOMS else "__init__"
            if (room, other) not in ALLOWED:
                assert LEVEL[other] <= LEVEL[room], f"{path.name} imports {name}"


@pytest.mark.parametrize("library", sorted(HOMES))
def test_libraries_stay_at_home(library: str) -> None:
    users = {room for room, paths in ROOMS.items() for path in paths if _uses(path, library)}
    assert users <= HOMES[library]


def _uses(path: Path, library: str) -> bool:
    return any(name.split(".")[0] == library for name in _imported(path))


def test_only_the_command_line_prints_and_exits() -> None:
    for room, paths in ROOMS.items():
        if room in ("cli", "__main__", "probe", "weights"):  # the last two run what emit wrote
            continue
        for path in paths:
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
            assert not names & {"print", "exit", "eval", "exec", "sympify"}, path.name
