"""A document that was read: its data, and the line and column of every part of it."""

from __future__ import annotations

import hashlib
import pathlib
from dataclasses import dataclass, field
from functools import lru_cache

from x3dspec.language.errors import Problem, SpecError
from x3dspec.language.literals import kind
from x3dspec.language.nodes import Builder, Node
from x3dspec.language.paths import Path, spell
from x3dspec.language.text_file import MAX_BYTES, content, decoded, too_large
from x3dspec.language.yaml_events import Place

_EXPECTED = "expected a mapping with name, factors, stages ..."


@dataclass(frozen=True)
class Document:
    """A document that was read. Aliased parts of `data` are shared: treat it as read-only."""

    source: str
    text: str
    sha256: str
    data: object = field(compare=False)
    _root: Node = field(repr=False, compare=False)

    def place(self, path: Path) -> Place:
        """Line and column of the value at `path`, or of its nearest ancestor that exists."""
        return self._find(path)[1].place

    def key_place(self, path: Path) -> Place:
        """As `place`, but of the key where the parent is a mapping."""
        return self._find(path)[0]

    def problem(self, path: Path, message: str, *, key: bool = False) -> Problem:
        """A problem at `path`; an entry that is written without its list is named without index."""
        if path and isinstance(path[-1], int) and path[-1] not in self._find(path[:-1])[1].entries:
            path = path[:-1]
        place = self.key_place(path) if key else self.place(path)
        return Problem(self.source, *place, spell(path), message)

    def _find(self, path: Path) -> tuple[Place, Node]:
        position = self._root.place, self._root
        for part in path:
            entry = position[1].entries.get(part)
            if entry is None:
                break
            position = entry
        return position


def read(path: pathlib.Path, source: str | None = None) -> Document:
    """Reads and parses a file; `source` is how messages name it."""
    source = source or str(path)
    try:
        raw = content(path, source)
    except FileNotFoundError:
        raise SpecError.at(source, "no such file") from None
    except IsADirectoryError:
        raise SpecError.at(source, "is a directory, not a spec file") from None
    except PermissionError:
        raise SpecError.at(source, "cannot be read: permission denied") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError.at(source, f"cannot be read: {reason}") from None
    return parse(raw, source)


@lru_cache(maxsize=64)
def parse(raw: bytes, source: str) -> Document:
    """Parses a file's bytes. The same bytes give the same document: six presets share their base."""
    if len(raw) > MAX_BYTES:
        raise too_large(source)
    text = decoded(raw, source)
    builder = Builder(source)
    root = builder.build(text)
    if root is None or root.data is None:
        builder.stop((1, 1), f"empty: {_EXPECTED}")
    if not isinstance(root.data, dict):
        builder.stop(root.place, f"{_EXPECTED}, not {kind(root.data)}")
    if builder.problems:
        raise SpecError(builder.problems)
    return Document(source, text, hashlib.sha256(raw).hexdigest(), root.data, root)
