"""Untrusted YAML to plain data, with the line and column of every node.

Principles:

* What a reader sees is what the program gets: no tags, no merge keys, no duplicate keys, no
  invisible line breaks, `no` is text, and a decimal is the exact fraction that was written.
* Bounded before built: size, nodes, depth and text length have limits, and an alias is charged
  for all that it stands for, without expanding it.
* Everything wrong is said at once, each in one line that an editor can jump to; nothing from the
  file reaches a message unescaped.

PyYAML's pure scanner and parser are used for their events alone (its composer and constructor
recurse and expand). Its C twin is 9 ms faster on a 150-line spec, but it is not installed
everywhere, words its errors otherwise and refuses other escapes: one behaviour is worth 9 ms.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import NoReturn, Protocol, cast

import yaml

from x3dspec.language.errors import MAX_SHOWN, Problem, SpecError, shown

Path = tuple[str | int, ...]
Place = tuple[int, int]

# Several times what the largest sensible spec needs, and small enough that the worst document
# within them is read or refused in about a second.
MAX_BYTES = 256 * 1024
MAX_NODES = 20_000  # keys count too, and aliases count as what they stand for
MAX_DEPTH = 32  # later stages walk the data recursively
MAX_SCALAR = 4_000  # characters

_PLAIN = re.compile(r"(?:[\n\x20\x22-\x3e\x40-\x5b\x5d-\x7e]|!=)*")
# A number that needs more is a slip of the keyboard, and exact arithmetic on it would crawl.
MAX_DIGITS = 40
MAX_EXPONENT = 30

_EXPECTED = "expected a mapping with name, factors, stages ..."
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?0*([1-9][0-9]*|0))?")
_CONSTANTS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}
# YAML's own list, and also the line breaks that editors do not show: they would shift every line
# number after them, or end a comment and smuggle in what follows.
_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Mark(Protocol):
    """PyYAML's mark, which its type stubs name in two ways."""

    line: int
    column: int


@dataclass
class _Node:
    """A value with its place; while a collection is open, also the key that waits for a value."""

    place: Place
    data: object
    anchor: str | None = None
    size: int = 1
    height: int = 0
    entries: dict[str | int, tuple[Place, _Node]] = field(default_factory=dict)
    key: str | None = None
    key_place: Place = (0, 0)

    @property
    def part(self) -> str | int | None:
        """The step from here to the node that comes next; None if that is a key."""
        return len(self.data) if isinstance(self.data, list) else self.key


@dataclass(frozen=True)
class Document:
    """A document that was read. Aliased parts of `data` are shared: treat it as read-only."""

    source: str
    text: str
    sha256: str
    data: object = field(compare=False)
    _root: _Node = field(repr=False, compare=False)

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

    def _find(self, path: Path) -> tuple[Place, _Node]:
        found = self._root.place, self._root
        for part in path:
            entry = found[1].entries.get(part)
            if entry is None:
                break
            found = entry
        return found


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
        raise _too_large(source)
    text = _decode(raw, source)
    builder = _Builder(source)
    root = builder.build(text)
    if root is None or root.data is None:
        builder.stop((1, 1), f"empty: {_EXPECTED}")
    if not isinstance(root.data, dict):
        builder.stop(root.place, f"{_EXPECTED}, not {kind(root.data)}")
    if builder.problems:
        raise SpecError(builder.problems)
    return Document(source, text, hashlib.sha256(raw).hexdigest(), root.data, root)


def spell(path: Path) -> str:
    """``("stages", 1, "repeat")`` -> ``stages[1].repeat``; unusual keys as in ``stages['a b']``."""
    spelled = ""
    for part in path:
        plain = isinstance(part, str) and part.isascii() and part.isidentifier()
        if not plain or len(str(part)) > MAX_SHOWN:
            spelled += f"[{shown(part) if isinstance(part, str) else part}]"
        else:
            spelled += f".{part}" if spelled else str(part)
    return spelled


def kind(data: object) -> str:
    """What a value is, as a message calls it."""
    if data is None:
        return "null"
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "a mapping"}
    return kinds.get(type(data), "a number")


def _too_large(source: str) -> SpecError:
    return SpecError.at(source, f"larger than {MAX_BYTES // 1024} KiB")


def content(path: pathlib.Path, source: str) -> bytes:
    """The bytes of a spec's file, no more than a spec may have.

    Raises:
        OSError: it cannot be read.
        SpecError: no regular file, or too large.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SpecError.at(source, "is not a regular file")
        if status.st_size > MAX_BYTES:
            raise _too_large(source)
        return file.read(MAX_BYTES + 1)


def _open_without_waiting(name: str, flags: int) -> int:
    # Opening a FIFO would otherwise wait for its writer; Windows has no such flag and no need.
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _decode(raw: bytes, source: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError.at(source, "is UTF-16, not UTF-8: save it as UTF-8")
    if b"\0" in raw:
        raise SpecError.at(source, f"is not text: byte {raw.index(0) + 1} is NUL")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        message = f"is not UTF-8: byte {error.start + 1} is 0x{byte:02x}"
        raise SpecError.at(source, message) from None
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        lines = re.split("\r\n|\r|\n", text[: unreadable.start()])
        message = f"unreadable character U+{ord(unreadable[0]):04X}: remove it"
        raise SpecError([Problem(source, len(lines), len(lines[-1]) + 1, "", message)])
    return text


def _resolve(text: str) -> object:
    """A plain scalar's value, after YAML 1.2's core schema with fewer spellings.

    Raises ValueError, with the message to show, for a number out of bounds.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    number = _NUMBER.fullmatch(text)
    if not number:
        return text
    digits, exponent = number[1], number[2]
    if len(digits.replace(".", "")) > MAX_DIGITS:
        raise ValueError(f"number {shown(text)} has more than {MAX_DIGITS} digits")
    # By length first: Python refuses to convert thousands of digits.
    if exponent and (len(exponent) > len(str(MAX_EXPONENT)) or int(exponent) > MAX_EXPONENT):
        raise ValueError(f"number {shown(text)} has an exponent beyond {MAX_EXPONENT}")
    return int(text) if digits.isdigit() and exponent is None else Fraction(text)


def _parsed(text: str) -> Iterable[yaml.Event]:
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


class _Builder:
    """Nodes from events, on a stack of its own so that no nesting can exhaust Python's."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._stack: list[_Node] = []
        self._anchors: dict[str, tuple[int, _Node | None]] = {}  # None until the node is complete
        self._nodes = 0
        self._root: _Node | None = None

    def build(self, text: str) -> _Node | None:
        for event in self._events(text):
            place = _place(event.start_mark)
            if isinstance(event, yaml.AliasEvent):
                self._alias(event, place)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, place)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event, place)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._attach(self._stack.pop())
            elif isinstance(event, yaml.DocumentStartEvent) and self._root:
                self.stop(place, "a second document: a spec is one document")
        return self._root

    def stop(self, place: Place, message: str) -> NoReturn:
        self._report(place, message)
        raise SpecError(self.problems) from None

    def _report(self, place: Place, message: str) -> None:
        path = tuple(frame.part for frame in self._stack if frame.part is not None)
        self.problems.append(Problem(self.source, *place, spell(path), message))

    def _events(self, text: str) -> Iterator[yaml.Event]:
        place = (1, 1)
        try:
            for event in _parsed(text):
                place = _place(event.start_mark)
                yield event
        except yaml.MarkedYAMLError as error:
            self._not_yaml(_place(error.problem_mark), _syntax(error))
        except (ValueError, OverflowError):
            # The scanner hands the number of an escape such as \UFFFFFFFF to chr() unchecked.
            self._not_yaml(place, "after this, a number or an escape is out of range")

    def _not_yaml(self, place: Place, words: str) -> NoReturn:
        # Without a path: what the author meant to nest where is exactly what is in doubt.
        problem = Problem(self.source, *place, "", f"not YAML: {words}")
        raise SpecError([*self.problems, problem]) from None

    def _count(self, nodes: int, place: Place, refusal: str) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self.stop(place, f"{refusal} more than {MAX_NODES:,} nodes")

    def _check_depth(self, height: int, place: Place) -> None:
        if len(self._stack) + height > MAX_DEPTH:
            self.stop(place, f"nested more than {MAX_DEPTH} levels deep")

    def _announce(self, event: yaml.NodeEvent, tag: str | None, place: Place) -> None:
        self._count(1, place, "holds")
        if tag is not None:
            written = tag.replace("tag:yaml.org,2002:", "!!", 1)
            self._report(place, f"tag {shown(written)} is not allowed")
        if event.anchor is None:
            return
        if event.anchor in self._anchors:
            first = self._anchors[event.anchor][0]
            self._report(place, f"duplicate anchor {shown(event.anchor)}, first on line {first}")
        self._anchors[event.anchor] = (place[0], None)

    def _alias(self, event: yaml.AliasEvent, place: Place) -> None:
        anchor = event.anchor or ""
        line, node = self._anchors.get(anchor, (0, None))
        if node is None:
            why = "is inside its own anchor" if line else "has no anchor before it"
            self._report(place, f"alias {shown(anchor)} {why}")
            node = _Node(place, "")
        self._count(node.size, place, "aliases expand to")
        self._check_depth(node.height, place)
        self._attach(replace(node, place=place, anchor=None))

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> None:
        self._announce(event, event.tag, place)
        value: object = event.value
        plain = not event.style and event.tag is None
        if len(event.value) > MAX_SCALAR:
            self._report(place, f"text longer than {MAX_SCALAR:,} characters")
        elif _SURROGATE.search(event.value):
            self._report(place, "an escape that names half a character")
        elif plain and event.value == "<<" and self._stack and self._stack[-1].part is None:
            self._report(place, "merge key << is not allowed: write the entries out")
        elif plain:
            try:
                value = _resolve(event.value)
            except ValueError as error:
                self._report(place, str(error))
        if plain and not event.value and self._stack and self._stack[-1].key is not None:
            place = self._stack[-1].key_place  # what is not there has no place of its own
        self._attach(_Node(place, value, event.anchor))

    def _begin(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        self._announce(event, event.tag, place)
        self._check_depth(1, place)
        data: object = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Node(place, data, event.anchor, height=1))

    def _attach(self, node: _Node) -> None:
        if node.anchor is not None:
            self._anchors[node.anchor] = (node.place[0], node)
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if isinstance(parent.data, list):
            parent.entries[len(parent.data)] = (node.place, node)
            parent.data.append(node.data)
        elif parent.key is None:
            self._take_key(parent, node)
        elif isinstance(parent.data, dict):
            parent.entries[parent.key] = (parent.key_place, node)
            parent.data[parent.key] = node.data
            parent.key = None

    def _take_key(self, parent: _Node, node: _Node) -> None:
        key = node.data
        if not isinstance(key, str):
            hint = "" if isinstance(key, list | dict) else ": put it in quotes"
            self._report(node.place, f"a key must be text, not {kind(key)}{hint}")
            # Problems below it still need a path, if only an approximate one.
            parent.key = "?"
        else:
            parent.key = key
            if key in parent.entries:
                first = parent.entries[key][0][0]
                self._report(node.place, f"duplicate key {shown(key)}, first on line {first}")
        parent.key_place = node.place


def _place(mark: _Mark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _syntax(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, and where it began if that was on an earlier line (an open quote, say)."""
    mark, start = error.problem_mark, error.context_mark
    words = str(error.problem)
    if error.context and start and mark and start.line < mark.line:
        words += f", {error.context} from line {start.line + 1}"
    # PyYAML quotes what it found with %r, but does not shorten it.
    return words if len(words) <= 3 * MAX_SHOWN else words[: 3 * MAX_SHOWN - 3] + "..."
