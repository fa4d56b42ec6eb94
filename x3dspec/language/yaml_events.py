"""A YAML document as PyYAML's events, and its errors in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, cast

import yaml

from x3dspec.language.errors import MAX_SHOWN

#: Line and column, from 1.
Place = tuple[int, int]
MAX_DEPTH = 32  # later stages walk the data recursively

_PLAIN = re.compile(r"(?:[\n\x20\x22-\x3e\x40-\x5b\x5d-\x7e]|!=)*")


class _Mark(Protocol):
    """PyYAML's mark, which its type stubs name in two ways."""

    line: int
    column: int


def parsed(text: str) -> Iterable[yaml.Event]:
    """The events of a document, by libyaml where that is at hand and sure to agree.

    It is twenty times as fast, but differs in what it says of an error, in escapes and characters beyond
    printable ASCII, and in where a tag or a name with a question mark ends. So it reads what has none of
    these, and PyYAML's own parser all the rest.
    """
    quick = _by_libyaml(text) if _PLAIN.fullmatch(text) and hasattr(yaml, "CSafeLoader") else None
    return quick or cast(Iterable[yaml.Event], yaml.parse(text, yaml.SafeLoader))


def _by_libyaml(text: str) -> list[yaml.Event] | None:
    """All events, or None where there is an error to word: its time is the square of the nesting."""
    events: list[yaml.Event] = []
    depth = 0
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, yaml.CSafeLoader):
            events.append(event)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                return None
        return events
    return None


def place_of(mark: _Mark | None) -> Place:
    """Line and column of a mark; the first of the file where there is none."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def not_yaml(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, and where it began if that was on an earlier line (an open quote, say)."""
    mark, start = error.problem_mark, error.context_mark
    words = str(error.problem)
    if error.context and start and mark and start.line < mark.line:
        words += f", {error.context} from line {start.line + 1}"
    # PyYAML quotes what it found with %r, but does not shorten it.
    return words if len(words) <= 3 * MAX_SHOWN else words[: 3 * MAX_SHOWN - 3] + "..."
