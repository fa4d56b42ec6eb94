"""What ``x3dspec`` alone shows, and its commands by what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typer.core import TyperGroup

from x3dspec import __version__
from x3dspec.cli import style

#: Commands by what they are for, in the order in which they are shown.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Look": ("resolve", "formula", "scaling", "report", "diff", "list"),
    "Choose": ("budget", "solve", "expand", "search", "judges"),
    "Make": ("emit", "verify", "export", "convert-weights", "identify", "grow", "bench", "calibrate"),
    "Write": ("init", "check", "schema"),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)

_FIRST = (
    ("x3dspec resolve x3d_m", "its stages, widths, MACs and parameters"),
    ("x3dspec budget --target 3GFLOPs", "the network that a target buys"),
    ("x3dspec emit x3d_m --out .", "a standalone PyTorch module"),
    ("x3dspec report x3d_m", "a page with a slider for every factor"),
)
_THEN = (
    ("x3dspec list", "the networks that ship"),
    ("x3dspec --help", "all commands; x3dspec COMMAND --help has the options"),
    ("docs/tutorial.md", "ten minutes, from a spec to a verified module"),
)


def page() -> str:
    """The first screen: what it is, what to type first, where to go on."""
    head = f"{style.bold(f'x3dspec {__version__}')}: exact costs, budgets, PyTorch for video networks"
    return "\n".join([*style.wrapped(head), "", *_rows(_FIRST), "", *_rows(_THEN)])


def _rows(rows: tuple[tuple[str, str], ...]) -> list[str]:
    commands, reasons = zip(*rows, strict=True)
    return style.table([style.Column("", commands), style.Column("", reasons)], indent="  ")


class Grouped(TyperGroup):
    """The commands, listed by what they are for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the groups."""
        return [name for name in COMMANDS if name in self.commands]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A section for each group; a summary is the first line of the command's help, whole."""
        widest = max(map(len, COMMANDS))
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(widest), _summary(self.commands[name].help)) for name in names]
                )


def _summary(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
