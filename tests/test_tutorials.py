"""Every command of the pages that a newcomer follows, run as written; every figure they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from x3dspec.cli import run

DOCS = Path(__file__).resolve().parent.parent / "docs"


def fences(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The x3dspec commands of a page's consoles, in order."""
    lines = [line[2:] for block in fences(page, "console") for line in block.splitlines() if line[:2] == "$ "]
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [shlex.split(part)[1:] for part in parts if part.startswith("x3dspec ")]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_write_a_family(capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "write-a-family.md").read_text(encoding="utf-8")
    *spec, preset = fences(page, "yaml")
    first, *later = commands(page)
    assert first == ["init", "resnet18"]
    assert run(first) == 0
    assert run(["resolve", "resnet18.yaml"]) == 0, "the starter works as it stands"
    Path("resnet18.yaml").write_text("name: resnet18\n" + "".join(spec))
    Path("resnet34.yaml").write_text(preset)
    capsys.readouterr()
    for command in later:
        assert run(command) == 0, command
    said = capsys.readouterr().out
    figures = re.findall(r"\d{1,3}(?:,\d{3})+", page)
    assert len(figures) == 2
    for figure in figures:
        assert figure in said
    assert run(["resolve", "resnet34.yaml"]) == 0


def test_the_starter_is_checked_emitted_and_budgeted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "mine"]) == 0
    assert run(["check", "mine.yaml"]) == 0
    assert run(["budget", "mine.yaml", "--target", "10GFLOPs"]) == 0
    assert run(["emit", "mine.yaml", "--out", "."]) == 0
    assert run(["verify", "mine.py"]) == 0
    assert run(["init", "mine"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert run(["init", "class"]) == 2
