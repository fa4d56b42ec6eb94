"""How answers look: as wide as the terminal, coloured on a terminal alone, plain in a pipe."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest

from x3dspec.cli import style
from x3dspec.cli.progress import Progress, duration


class Screen(io.StringIO):
    """A terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("x3dspec.cli.style.sys", SimpleNamespace(stdout=Screen()))
    return monkeypatch


COLUMNS = [
    style.Column("axis", ["fast", "bottleneck"]),
    style.Column("MACs", ["12,484,736", "7"], right=True),
    style.Column("raw", ["2.068"] * 2, right=True, drop=2),
    style.Column("why", ["the highest score of all that were tried", "lost"], drop=1),
]


def test_a_pipe_has_everything_plain() -> None:
    lines = style.table([*COLUMNS[:2], style.Column("", style.bars([0.5, 1])), *COLUMNS[2:]])
    assert lines == [
        "axis              MACs    raw  why",
        "fast        12,484,736  2.068  the highest score of all that were tried",
        "bottleneck           7  2.068  lost",
    ]
    assert style.bold("x") == "x"
    assert style.symbol("gamma_tau") == "gamma_tau"
    assert style.wrapped("word " * 100) == [("word " * 100).strip()]


def test_columns_go_by_their_drop_and_the_last_is_wrapped(screen: pytest.MonkeyPatch) -> None:
    screen.setenv("NO_COLOR", "1")
    assert style.table(COLUMNS) == [
        "axis              MACs",
        "fast        12,484,736",
        "bottleneck           7",
    ]
    kept = [*COLUMNS[:3], style.Column("why", COLUMNS[3].cells)]
    assert style.table(kept) == [
        "axis              MACs  why",
        "fast        12,484,736  the highest",
        "                        score of all",
        "                        that were tried",
        "bottleneck           7  lost",
    ]
    screen.setenv("COLUMNS", "80")
    assert style.table(COLUMNS)[1] == (
        "fast        12,484,736  2.068  the highest score of all that were tried"
    )


def test_colours(screen: pytest.MonkeyPatch) -> None:
    assert style.bold("x") == "\x1b[1mx\x1b[0m"
    screen.setenv("NO_COLOR", "1")
    assert style.bold("x") == "x"
    screen.setenv("FORCE_COLOR", "1")
    assert style.bold("x") == "\x1b[1mx\x1b[0m"
    screen.setenv("FORCE_COLOR", "0")
    screen.delenv("NO_COLOR")
    assert style.bold("x") == "x"
    screen.delenv("FORCE_COLOR")
    screen.setenv("TERM", "dumb")
    assert style.bold("x") == "x"
    assert style.bold("") == ""
    screen.setattr("x3dspec.cli.style.sys.stdout", io.StringIO())
    screen.setenv("FORCE_COLOR", "1")
    assert style.red("x") == "\x1b[31mx\x1b[0m"


def test_lengths_are_columns() -> None:
    assert style.length("\x1b[1mabc\x1b[0m") == 3
    assert style.length("日本") == 4
    assert style.length("e\u0301") == 1


def test_bars_and_symbols(screen: pytest.MonkeyPatch) -> None:
    screen.setenv("NO_COLOR", "1")
    assert style.bars([0, 0.5, 2], cells=4) == ["", "██", "████"]
    assert style.bar(9 / 16, cells=2) == "█▏"
    assert style.symbol("gamma_tau") == "γτ"
    assert style.symbol("width") == "width"
    screen.setattr(Screen, "encoding", "ascii")
    assert style.bar(0.5, cells=4) == "##"
    assert style.symbol("gamma_b") == "gamma_b"


def test_no_stdout_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("x3dspec.cli.style.sys", SimpleNamespace(stdout=None))
    assert style.bold("x") == "x"
    assert style.width() == style.UNBOUNDED


def test_prose_is_wrapped_at_words(screen: pytest.MonkeyPatch) -> None:
    lines = style.wrapped("to x3dspec budget --target 3GFLOPs --fill it is", "  ")
    assert lines == ["  to x3dspec budget --target 3GFLOPs", "  --fill it is"]


def test_progress_is_cleared_before_an_answer(screen: pytest.MonkeyPatch) -> None:
    screen.setattr("x3dspec.cli.progress.QUIET", 0.0)
    error = Screen()
    screen.setattr("sys.stderr", error)
    with Progress() as progress:
        progress.show("x" * 100)
        progress.say("done")
    assert error.getvalue() == "\r\x1b[K" + "x" * 37 + "\r\x1b[Kdone\n"


def test_a_progress_that_nobody_watches_is_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    error = io.StringIO()
    monkeypatch.setattr("sys.stderr", error)
    with Progress() as progress:
        progress.show("too early")
        progress._due = 0.0
        progress.show("now")
        progress.show("too soon again")
    assert error.getvalue() == "now\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8 s"), (59.6, "1 min 0 s"), (125, "2 min 5 s"), (12000, "3 h 20 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_width_is_the_terminals() -> None:
    master, slave = os.openpty()
    try:
        with os.fdopen(slave, "w") as stream:
            assert 20 <= style.width(stream) <= 500
    finally:
        os.close(master)
