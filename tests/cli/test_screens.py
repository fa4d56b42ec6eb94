"""Answers on a terminal: within it, the answer first; in a pipe whole and plain."""

from __future__ import annotations

import subprocess
import sys

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
