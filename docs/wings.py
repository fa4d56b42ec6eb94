"""The wings of the package as a picture and as a table, read from the imports and the docstrings."""

from __future__ import annotations

import ast
from pathlib import Path
from xml.sax.saxutils import escape

PACKAGE = Path(__file__).resolve().parent.parent / "x3dspec"
WINGS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
_BOX, _STEP, _WIDE, _TALL = (250, 46), 84, 660, 64
_STYLE = (
    "text{font:600 15px system-ui,sans-serif;fill:#1d2125}.what{font:12px system-ui,sans-serif;fill:#5a6169}"
    "rect{fill:#fffefb;stroke:#0a6a63;stroke-width:1.5}line{stroke:#5a6169;stroke-width:1.5}#to{fill:#5a6169}"
    "@media(prefers-color-scheme:dark){text{fill:#e7e8e6}.what{fill:#a4abb2}rect{fill:#1c2024;stroke:#63c5b9}"
    "line{stroke:#a4abb2}#to{fill:#a4abb2}}"
)


def purpose(wing: str) -> str:
    """The first sentence of a wing's docstring."""
    text = ast.get_docstring(ast.parse((PACKAGE / wing / "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def files(wing: str) -> list[str]:
    """The files of a wing, with the folders between."""
    paths = (path.relative_to(PACKAGE / wing) for path in sorted((PACKAGE / wing).rglob("*.py")))
    return [path.with_suffix("").as_posix() for path in paths if path.name != "__init__.py"]


def imports() -> dict[str, set[str]]:
    """For every wing the others that its files import."""
    found: dict[str, set[str]] = {wing: set() for wing in WINGS}
    for wing in WINGS:
        for path in (PACKAGE / wing).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if isinstance(node, ast.ImportFrom) and node.module == "x3dspec":
                    names = [f"x3dspec.{alias.name}" for alias in node.names]
                found[wing] |= {name.split(".")[1] for name in names if name.startswith("x3dspec.")}
    return {wing: others & set(WINGS) - {wing} for wing, others in found.items()}


def levels(needs: dict[str, set[str]]) -> list[list[str]]:
    """The wings from the ground up; each imports only what is below it."""
    left, floors = dict(needs), []
    while left:
        floor = [wing for wing in left if not left[wing] & set(left)]
        if not floor:
            raise ValueError(f"these wings import each other: {', '.join(left)}")
        left = {wing: others for wing, others in left.items() if wing not in floor}
        floors.append(floor)
    return floors


def arrows(needs: dict[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no others imply."""
    reach: dict[str, set[str]] = {}
    for wing in (wing for floor in levels(needs) for wing in floor):
        reach[wing] = set().union(*({other} | reach[other] for other in needs[wing]))
    return [
        (wing, other)
        for wing, others in needs.items()
        for other in sorted(others)
        if not any(other in reach[between] for between in others - {other})
    ]


def picture() -> str:
    """The wings as SVG: whoever imports stands above what it imports."""
    needs = imports()
    floors, below = levels(needs), arrows(needs)
    places: dict[str, tuple[float, float]] = {}
    for row, floor in enumerate(floors):
        y = _TALL + _STEP * (len(floors) - 1 - row)
        for column, wing in enumerate(floor):
            imported = [places[other][0] for one, other in below if one == wing]
            alone = sum(imported) / len(imported) if imported else _WIDE / 2
            places[wing] = (alone if len(floor) == 1 else _WIDE * (2 * column + 1) / (2 * len(floor)), y)
    wide, tall = _BOX
    lines = [
        f'<line x1="{places[a][0]:g}" y1="{places[a][1] + tall / 2:g}" x2="{places[b][0]:g}" '
        f'y2="{places[b][1] - tall / 2 - 3:g}" marker-end="url(#end)"/>'
        for a, b in below
    ]
    boxes = [
        f'<rect x="{x - wide / 2:g}" y="{y - tall / 2:g}" width="{wide}" height="{tall}" rx="6"/>'
        f'<text x="{x:g}" y="{y - 3:g}" text-anchor="middle">{wing}</text>'
        f'<text x="{x:g}" y="{y + 14:g}" text-anchor="middle" class="what">{escape(_short(wing))}</text>'
        for wing, (x, y) in places.items()
    ]
    size = f"{_WIDE} {_TALL + _STEP * (len(floors) - 1) + 40}"
    marker = (
        '<marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path id="to" d="M0 0L8 4L0 8z"/></marker>'
    )
    title = "The eight wings: an arrow goes from a wing to one that it imports"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img"><title>{title}</title>'
    return "\n".join([head, f"<style>{_STYLE}</style><defs>{marker}</defs>", *lines, *boxes, "</svg>", ""])


def _short(wing: str) -> str:
    return purpose(wing).split(":")[0].rstrip(".")


def rows() -> list[tuple[str, str, str]]:
    """Every wing from the ground up: its name, what it does, its files."""
    return [
        (f"`{wing}`", purpose(wing), " ".join(f"`{file}`" for file in files(wing)))
        for floor in levels(imports())
        for wing in floor
    ]
