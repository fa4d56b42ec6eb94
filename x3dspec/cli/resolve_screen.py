"""What ``x3dspec resolve`` shows on a terminal: the costs first, a line a stage. A pipe gets it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from x3dspec.cli import style
from x3dspec.language import numbers
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import Row, extent, short
from x3dspec.network.cost import CONVENTIONS


def screen(resolved: Resolved, table: Sequence[Row], convention: str) -> list[str]:
    """The network and its costs, its stages with their filters, its factors, what to type next."""
    identity = resolved.network.identity
    return [
        *style.wrapped(f"{identity.title or identity.name} ({resolved.architecture.source.display})"),
        style.bold(_costs(resolved, convention)),
        "",
        *_stages(table, convention),
        "",
        *style.wrapped(", ".join(_factors(resolved)) or "no factors"),
        style.dim("--full shows every figure, --json all of them as one document"),
    ]


def _costs(resolved: Resolved, convention: str) -> str:
    cost = resolved.cost(convention)
    figures = [(cost.macs, "MACs"), (cost.params, "params"), (cost.activations, "activations")]
    if convention != "paper":
        figures.insert(0, (cost.operations, CONVENTIONS[convention].unit))
    return "   ".join(f"{short(count)} {name}" for count, name in dict.fromkeys(figures))


def _stages(table: Sequence[Row], convention: str) -> list[str]:
    unit = "MACs" if convention == "paper" else CONVENTIONS[convention].unit
    return style.table(
        [
            style.Column("stage", [row.name for row in table]),
            style.Column("n", [str(row.repeat) for row in table], right=True),
            style.Column(
                _squared("T x S^2" if table[0].frames else "S^2"), list(map(_extent, table)), right=True
            ),
            style.Column(unit, [short(row.operations) for row in table], right=True),
            style.Column("", style.bars([row.share for row in table], 8), drop=2),
            style.Column("share", [f"{100 * row.share:.1f}%" for row in table], right=True, drop=1),
            style.Column("params", [short(row.params) for row in table], right=True),
            style.Column("filters", [_squared("; ".join(row.filters)) for row in table]),
        ]
    )


def _extent(row: Row) -> str:
    return _squared(extent(row))


def _squared(text: str) -> str:
    """Powers and products as the terminal can show them."""
    if not style.has_unicode():
        return text
    return text.replace("^2", "²").replace("^3", "³").replace(" x ", "×").replace(", ", " ")


def _factors(resolved: Resolved) -> Iterator[str]:
    for name, value in resolved.factors.items():
        text = numbers.text(value)
        yield f"{style.symbol(name)} {text if len(text) <= 7 else f'{float(value):.4g}'}"
