"""How answers look."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from x3dspec import exact
from x3dspec.exact import Exact
from x3dspec.files import write as write
from x3dspec.table import short as short


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lines of a table whose columns are as wide as they must be; those in `right` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cells(row, widths, right)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def number(value: Exact) -> int | float:
    """An exact value as a JSON number."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return float(value)


def shown(value: Exact | None) -> str:
    """An exact value for people: as it was typed, and its decimals where that says more."""
    if value is None:
        return "-"
    text = exact.text(value)
    plain = isinstance(value, Fraction) and "/" not in text
    return text if plain else f"{text} = {float(value):.5g}"


def document(content: Mapping[str, Any]) -> str:
    """One JSON document."""
    return json.dumps(content, indent=2, ensure_ascii=False)
