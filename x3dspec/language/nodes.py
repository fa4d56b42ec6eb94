"""Untrusted YAML to plain data, with the line and column of every node.

Principles:

* What a reader sees is what the program gets: no tags, no merge keys, no duplicate keys, no
  invisible line breaks, `no` is text, and a decimal is the exact fraction that was written.
* Bounded before built: size, nodes, depth and text length have limits, and an alias is charged
  for all that it stands for, without expanding it.
* Everything wrong is said at once, each in one line that an editor can jump to; nothing from the
  file reaches a message unescaped.

PyYAML is used for its events alone: its composer and constructor recurse and expand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

import yaml

from x3dspec.language.errors import Problem, SpecError, shown
from x3dspec.language.literals import kind, scalar
from x3dspec.language.paths import spell
from x3dspec.language.yaml_events import MAX_DEPTH, Place, not_yaml, parsed, place_of

#: Several times what the largest sensible spec needs, and small enough that the worst document within the
#: limits is read or refused in about a second.
MAX_NODES = 20_000  # keys count too, and aliases count as what they stand for
MAX_SCALAR = 4_000  # characters
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class Node:
    """A value with its place; while a collection is open, also the key that waits for a value."""

    place: Place
    data: object
    anchor: str | None = None
    size: int = 1
    height: int = 0
    entries: dict[str | int, tuple[Place, Node]] = field(default_factory=dict)
    key: str | None = None
    key_place: Place = (0, 0)

    @property
    def part(self) -> str | int | None:
        """The step from here to the node that comes next; None if that is a key."""
        return len(self.data) if isinstance(self.data, list) else self.key


class Builder:
    """Nodes from events, on a stack of its own so that no nesting can exhaust Python's."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self._stack: list[Node] = []
        self._anchors: dict[str, tuple[int, Node | None]] = {}  # None until the node is complete
        self._nodes = 0
        self._root: Node | None = None

    def build(self, text: str) -> Node | None:
        for event in self._events(text):
            place = place_of(event.start_mark)
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
            for event in parsed(text):
                place = place_of(event.start_mark)
                yield event
        except yaml.MarkedYAMLError as error:
            self._not_yaml(place_of(error.problem_mark), not_yaml(error))
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
            node = Node(place, "")
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
                value = scalar(event.value)
            except ValueError as error:
                self._report(place, str(error))
        if plain and not event.value and self._stack and self._stack[-1].key is not None:
            place = self._stack[-1].key_place  # what is not there has no place of its own
        self._attach(Node(place, value, event.anchor))

    def _begin(self, event: yaml.CollectionStartEvent, place: Place) -> None:
        self._announce(event, event.tag, place)
        self._check_depth(1, place)
        data: object = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(Node(place, data, event.anchor, height=1))

    def _attach(self, node: Node) -> None:
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

    def _take_key(self, parent: Node, node: Node) -> None:
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
