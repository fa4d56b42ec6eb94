"""No test asserts how long something took: on a busy machine that says nothing of the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns"}


def timed(tree: ast.AST) -> Iterator[int]:
    """Lines of the assertions about a clock, or about a name that was given what a clock said."""
    nodes = list(ast.walk(tree))
    given = [node for node in nodes if isinstance(node, ast.Assign)]
    names: set[str] = set()
    while more := {target for node in given if read(node.value, names) for target in targets(node)} - names:
        names |= more
    yield from (node.lineno for node in nodes if isinstance(node, ast.Assert) and read(node.test, names))


def targets(node: ast.Assign) -> Iterator[str]:
    yield from (each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name))


def read(expression: ast.expr, names: set[str]) -> bool:
    """Whether an expression reads a clock."""
    return any(
        (isinstance(node, ast.Name) and node.id in names | CLOCKS)
        or (isinstance(node, ast.Attribute) and node.attr in CLOCKS)
        for node in ast.walk(expression)
    )


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_no_test_asserts_a_time() -> None:
    wrong = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        for line in timed(function)
    ]
    assert not wrong


@pytest.mark.parametrize(
    "body",
    [
        "assert time.monotonic() < ends",
        "start = perf_counter()\n    took = perf_counter() - start\n    assert took < 3",
        "a, b = time.process_time(), 2\n    assert a > b",
    ],
)
def test_an_assertion_about_a_clock_is_seen(body: str) -> None:
    assert list(timed(ast.parse(f"def test() -> None:\n    {body}\n")))
