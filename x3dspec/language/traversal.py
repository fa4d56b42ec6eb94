"""Every expression of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from x3dspec.language.paths import Path
from x3dspec.language.syntax import Apply, Name, Number, Syntax, Text


def expressions(part: Any, path: Path = ()) -> Iterator[tuple[Path, Syntax]]:
    """Every expression below a part of a document, with its path from there."""
    if isinstance(part, (Number, Text, Name, Apply)):
        yield path, part
    elif isinstance(part, BaseModel):
        for key, value in {**dict(part), **(part.model_extra or {})}.items():
            if value is not None:
                yield from expressions(value, (*path, key))
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from expressions(value, (*path, key))
    elif isinstance(part, (list, tuple)):
        for index, value in enumerate(part):
            yield from expressions(value, (*path, index))
