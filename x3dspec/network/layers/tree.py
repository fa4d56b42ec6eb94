"""Every number of a network, found and replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from x3dspec.language.expressions import Expr


def expressions(part: Any) -> Iterator[Expr]:
    """Every expression in a network or a part of one."""
    if isinstance(part, Expr):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from expressions(item)
    elif dataclasses.is_dataclass(part):
        for name in _fields(part.__class__):
            yield from expressions(getattr(part, name))


def substitute(part: Any, values: Mapping[Expr, Any]) -> Any:
    """The same part with each expression replaced by its value."""
    return _Substitution(values).of(part)


class _Substitution:
    """One walk; a shape that two layers share is replaced once."""

    def __init__(self, values: Mapping[Expr, Any]) -> None:
        self.values = values
        self.done: dict[int, Any] = {}

    def of(self, part: Any) -> Any:
        kind: type = type(part)
        if kind is Expr:
            return self.values[part]
        if kind is tuple:
            return tuple(map(self.of, part))
        names = _fields(kind)
        if not names:
            return part
        if id(part) not in self.done:
            self.done[id(part)] = kind(*[self.of(getattr(part, name)) for name in names])
        return self.done[id(part)]


@lru_cache(maxsize=64)
def _fields(kind: type) -> tuple[str, ...]:
    """The field names of a dataclass; none for what is no dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


def whole(value: Any) -> int | None:
    """The integer that an exact value is, or None."""
    if isinstance(value, int):
        return value
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else None
