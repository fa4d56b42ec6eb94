"""How answers look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction

from typing_extensions import TypedDict

from x3dspec import __version__
from x3dspec.codegen.files import write as write
from x3dspec.language import numbers
from x3dspec.language.numbers import Exact
from x3dspec.network.breakdown import short as short

#: Of all `--json` answers. It counts up where a key is removed or changes its meaning; keys may be added.
FORMAT = 1


class Head(TypedDict):
    """Who answered: the version of x3dspec, the format of its answers, the command."""

    version: str
    format: int
    command: str


class Answer(TypedDict):
    """What every `--json` answer has beside the keys of its own."""

    x3dspec: Head


def head(command: str) -> Head:
    return {"version": __version__, "format": FORMAT, "command": command}


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lines of a table whose columns are as wide as they must be; those in `right` are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cells(row, widths, right)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def number(value: Exact | float) -> int | float:
    """An exact value as a JSON number."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return float(value)


def shown(value: Exact | None) -> str:
    """An exact value for people: as it was typed, and its decimals where that says more."""
    if value is None:
        return "-"
    text = numbers.text(value)
    plain = isinstance(value, Fraction) and "/" not in text
    return text if plain else f"{text} = {float(value):.5g}"


def document(answer: Answer) -> str:
    """An answer as one JSON document."""
    return text(answer)


def text(content: object) -> str:
    """JSON, as every document is written; a dataclass is an object of its fields.

    JSON itself leaves many characters as they are that a terminal obeys or does not show.
    """
    written = json.dumps(content, indent=2, ensure_ascii=False, default=_fields)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in written)


def _fields(value: object) -> dict[str, object]:
    if not is_dataclass(value):
        raise TypeError(f"no JSON: {value!r}")
    return {field.name: getattr(value, field.name) for field in fields(value)}
