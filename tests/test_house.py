"""The law of the house (docs/architecture.md): who may import whom, read from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "x3dspec"

#: Which wings each wing may import beside itself.
MAY_IMPORT = {
    "language": "",
    "network": "language",
    "formula": "network language",
    "scaling": "formula network language",
    "codegen": "network language",
    "pytorch": "codegen network language",
    "report": "scaling formula network language",
    "cli": "report pytorch codegen scaling formula network language",
}
#: Libraries and the only places that import them.
HOMES = {
    "pydantic": "language cli",
    "pydantic_core": "language",
    "yaml": "language",
    "sympy": "formula",
    "numpy": "scaling/search",
    "jinja2": "codegen report",
    "resvg_py": "report",
    "torch": "pytorch",
    "typer": "cli",
}
#: The package's own files outside the wings.
ROOT = {"__init__", "__main__"}
FILES = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imports(file: str) -> set[str]:
    """The full names of all modules that a file imports, and of the names it takes from them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(FILES[file].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _ours(file: str) -> set[str]:
    """The files of the package that a file imports."""
    paths = {name.removeprefix("x3dspec.").replace(".", "/") for name in _imports(file) if "x3dspec." in name}
    return {path for path in paths if path in FILES} - {file}


def test_nothing_lies_outside_the_wings() -> None:
    assert {file.split("/")[0] for file in FILES} == set(MAY_IMPORT) | ROOT


@pytest.mark.parametrize("file", sorted(set(FILES) - ROOT))
def test_wings_import_only_what_they_may(file: str) -> None:
    wing = file.split("/")[0]
    wings = {name.split(".")[1] for name in _imports(file) if name.startswith("x3dspec.")}
    assert wings & set(MAY_IMPORT) <= {wing, *MAY_IMPORT[wing].split()}


def test_no_two_files_import_each_other_in_a_circle() -> None:
    left = {file: _ours(file) for file in FILES if file.split("/")[-1] != "__init__"}
    while leaves := [file for file, needs in left.items() if not needs & set(left)]:
        left = {file: needs for file, needs in left.items() if file not in leaves}
    assert not left, "these files, or some of them, import each other"


@pytest.mark.parametrize("library", sorted(HOMES))
def test_libraries_stay_at_home(library: str) -> None:
    users = {file for file in FILES if library in {name.split(".")[0] for name in _imports(file)}}
    homes = HOMES[library].split()
    assert {file for file in users if not file.startswith(tuple(homes))} == set()
    assert all(any(file.startswith(home) for file in users) for home in homes), "a home that nobody uses"


#: What runs the source that emit wrote: the one use of exec.
RUNS = {"pytorch/probe"}


@pytest.mark.parametrize("file", sorted(file for file in FILES if not file.startswith(("cli/", "__main__"))))
def test_only_the_command_line_prints_and_exits(file: str) -> None:
    calls = [node for node in ast.walk(ast.parse(FILES[file].read_text())) if isinstance(node, ast.Call)]
    names = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    assert not names & (
        {"print", "exit", "eval", "exec", "sympify"} - ({"exec", "print"} if file in RUNS else set())
    )


def test_files_and_functions_are_short() -> None:
    trees = {file: ast.parse(path.read_text(encoding="utf-8")) for file, path in FILES.items()}
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES.values()]
    defined = [
        node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    ]
    functions = [node.end_lineno - node.lineno + 1 for node in defined if node.end_lineno]
    assert median(lines) <= 150
    assert median(functions) <= 10
