"""Hostile input through the real command line: refused in one line with its place, or harmless.

The corpus is ``tests/hostile/cases.py``, what is said of each case ``tests/hostile/expected.json``. It
is run by ``tests/hostile/runner.py`` in a process of its own, under an audit hook, 5 seconds a case and
one GiB. To accept what is said now, read the difference after

    UPDATE_GOLDEN=1 pytest tests/language/test_hostile.py
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from x3dspec.language import shipped as assets

FOLDER = Path(__file__).parents[1] / "hostile"
GOLDEN = FOLDER / "expected.json"
GIBIBYTE = 2**30

#: A file, an option or the command; verify says of every file what is wrong on standard output.
PLACE = re.compile(r"(x3dspec )?\S+: |1 of 1 files |\.\.\. and \d+ more$")
#: A spec that is read has a line for everything but what is wrong with the file as a whole.
NO_LINE = re.compile(
    r"spec\.yaml: (is not (text|UTF-8)|is UTF-16|larger than|is the base|w = |cannot be read|"
    r"no closed form: |a number of more than |a root in a sum|cannot be solved|[\d.e+]+ networks)"
)


def run(kind: str) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / "runner.py"), kind],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    return run("")


@pytest.fixture(scope="module")
def checkpoints() -> dict[str, Any]:
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    return run("torch")


@pytest.fixture(scope="module")
def everything(specs: dict[str, Any], checkpoints: dict[str, Any]) -> dict[str, Any]:
    return {**specs["cases"], **checkpoints["cases"]}


def test_there_are_many(everything: dict[str, Any]) -> None:
    assert len(everything) > 400


def test_no_traceback_and_no_hang(everything: dict[str, Any]) -> None:
    assert {name: seen["failure"] for name, seen in everything.items() if seen["failure"]} == {}


def test_nothing_is_executed_or_written_elsewhere(everything: dict[str, Any]) -> None:
    assert {name: seen["events"] for name, seen in everything.items() if seen["events"]} == {}
    assert [name for name, seen in everything.items() if seen["pwned"]] == []


def test_no_process_needs_a_gibibyte(specs: dict[str, Any], checkpoints: dict[str, Any]) -> None:
    assert specs["peak"] < GIBIBYTE
    assert checkpoints["peak"] < GIBIBYTE


def test_nothing_is_left_behind(everything: dict[str, Any]) -> None:
    assert {name: seen["left"] for name, seen in everything.items() if seen["left"]} == {}


def test_every_message_names_its_place_in_one_line(everything: dict[str, Any]) -> None:
    for name, seen in everything.items():
        # `check` answers what is wrong on standard output.
        lines = [line for line in seen["lines"] if not line.startswith("warning: ")]
        assert (seen["code"] != 0) == bool(lines) or name.endswith("_check"), name
        for line in lines:
            assert PLACE.match(line), (name, line)
            assert not line.startswith("spec.yaml: ") or NO_LINE.match(line), (name, line)
            assert line.isprintable(), (name, line)


def test_what_is_said(everything: dict[str, Any]) -> None:
    """The code and the first line; of what follows, how many lines there are."""
    shipped = ", ".join([*assets.shipped()][:3])
    said = {
        name: [seen["code"], len(seen["lines"]), *(line[:200] for line in seen["lines"][:1])]
        for name, seen in everything.items()
    }
    for each in said.values():
        if len(each) > 2 and shipped in each[2]:
            each[2] = each[2].partition(shipped)[0]  # the shipped specs are many, and will be more
    if os.environ.get("UPDATE_GOLDEN"):
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in said.items())
        GOLDEN.write_text(f"{{\n{lines}\n}}\n")
    assert said == json.loads(GOLDEN.read_text())


def test_emitted_text_stays_in_comments_and_docstrings(specs: dict[str, Any]) -> None:
    """With any text in it a module has the code, and the lines, of the one without."""
    emitted = {
        name: text
        for name, seen in specs["cases"].items()
        for text in seen["files"].values()
        if name.startswith("text_") and seen["code"] == 0
    }
    assert len(emitted) > 20
    codes = {ast.dump(_without_docstrings(ast.parse(text))) for text in emitted.values()}
    assert len(codes) == 1
    for name, text in emitted.items():
        assert all(c == "\n" or c.isprintable() for c in text), name
        assert text.splitlines() == text.split("\n")[:-1], name


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return tree


class _Outline(HTMLParser):
    """A page without its texts: tags with the names of their attributes, and values that may act."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        acting = [value for name, value in attrs if name.startswith("on") or name in ("href", "src")]
        self.seen.append((tag, [name for name, _ in attrs], acting))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)


def test_pages_have_the_same_elements_whatever_the_texts(specs: dict[str, Any]) -> None:
    pages = {
        name: text
        for name, seen in specs["cases"].items()
        for text in seen["files"].values()
        if name.startswith("page_") and seen["code"] == 0
    }
    assert len(pages) > 20
    outlines = {name: _Outline(text).seen for name, text in pages.items()}
    plain = outlines["page_quotes"]
    assert [name for name, outline in outlines.items() if outline != plain] == []


def test_shipped_specs_execute_nothing_either() -> None:
    """Resolve, formula, budget and emit in a fresh process, all imports within sight of the hook."""
    answer = run("shipped")
    seen = answer["cases"]
    assert {name: each["failure"] for name, each in seen.items() if each["failure"]} == {}
    assert {name: each["events"] for name, each in seen.items() if each["events"]} == {}
    assert all(each["code"] == 0 for each in seen.values())
    assert sum(len(each["files"]) for each in seen.values()) == len(assets.shipped())


@pytest.mark.parametrize(
    "harm",
    [
        "exec('1')",
        "eval('1')",
        "compile('1', 'spec.yaml', 'exec')",
        "__import__('os').system('true')",
        "__import__('subprocess').run(['true'])",
        "__import__('socket').socket()",
        "open('/tmp/x3dspec-harm', 'w')",
        "__import__('pickle').loads(b'cbuiltins\\nprint\\n.')",
    ],
)
def test_the_hook_sees_harm(harm: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import audit, os, subprocess, socket, pickle\n"
        f"watch = audit.Audit(); watch.folder = {str(tmp_path)!r}\n{harm}\n"
        "watch.folder = None; sys.exit(3 if watch.seen else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 3
