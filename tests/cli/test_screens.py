"""Answers on a terminal: within it, the answer first; in a pipe whole and plain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminal import fits, plain, shown

BUDGET = ["budget", "--target", "3GFLOPs", "--fill"]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_a_budget_fits_the_terminal_with_the_answer_first(columns: int, rows: int) -> None:
    code, text = shown(BUDGET, columns, rows)
    assert code == 0
    assert fits(text, columns)
    lines = plain(text).splitlines()
    assert len(lines) < rows
    assert lines[0] == "3.00 GFLOPs from x2d  ✔ 3.00 GFLOPs, 99.98 % of the target"
    assert "γb 1 → 2.28" in plain(text)
    assert "█" in text
    assert "--stages" in lines[-1]


def test_no_colour_where_none_is_wanted() -> None:
    _, text = shown(BUDGET, NO_COLOR="1")
    assert plain(text) == text


def test_the_whole_page_is_behind_a_flag_and_in_a_pipe() -> None:
    code, text = shown([*BUDGET, "--stages"])
    piped = subprocess.run(
        [sys.executable, "-m", "x3dspec", *BUDGET], capture_output=True, text=True, check=True
    ).stdout
    assert code == 0
    assert "\x1b" not in piped
    assert plain(text).split() == piped.split()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("words", "answer", "row"),
    [
        ("resolve x3d_m", "4.732 G MACs   3.794 M params", "1x1² 432; 3x3² 432; 1x1² 192"),
        ("diff x3d_s x3d_m", "MACs: 2.41 times; parameters: as many", "63.9 M → 154.1 M"),
        ("list", "specs ", "conventions  paper, torch, fvcore, ptv-zoo"),
    ],
)
def test_an_answer_fits_the_terminal_and_comes_first(
    words: str, answer: str, row: str, columns: int, rows: int
) -> None:
    code, text = shown(words.split(), columns, rows)
    lines = plain(text).splitlines()
    assert code == 0
    assert fits(text, columns)
    assert len(lines) < rows
    assert any(answer in line for line in lines[:2])
    assert any(row in line for line in lines)
    assert "--full" in lines[-1]


@pytest.mark.parametrize("words", ["resolve x2d", "diff x3d_s x3d_m", "list"])
def test_the_full_page_is_what_a_pipe_gets(words: str) -> None:
    _, text = shown([*words.split(), "--full"])
    command = [sys.executable, "-m", "x3dspec", *words.split()]
    piped = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text == piped


@pytest.mark.parametrize("blanks", ["", " " * 200])
def test_a_problem_is_shown_in_its_line(blanks: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(f"name: own\nbase: x2d\nfactors: {{{blanks}gamma_q: 2}}\n")
    code, text = shown(["check", "own.yaml"], folder=tmp_path)
    lines = plain(text).splitlines()
    assert code == 2
    assert fits(text, 80)
    caret = next(index for index, line in enumerate(lines) if line.strip() == "^")
    assert lines[caret - 1][lines[caret].index("^") :].startswith("gamma_q: 2}")
    assert "\x1b[31merror\x1b[0m:" in text


def test_a_problem_is_shown_without_colour_where_none_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nbase: x2d\nfactors: {gamma_q: 2}\n")
    _, text = shown(["check", "own.yaml"], folder=tmp_path, NO_COLOR="1")
    assert plain(text) == text
    assert "^" in text
