"""Expressions as they are written: small trees, which nothing here evaluates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


class ExpressionError(ValueError):
    """An expression that cannot be read, or has no value. The message is for the spec's author."""


@dataclass(frozen=True)
class Number:
    value: Fraction


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Apply:
    """An operator or a function and what it is applied to."""

    operator: str
    arguments: tuple[Syntax, ...]


Syntax = Number | Text | Name | Apply


def names(tree: Syntax) -> Iterator[str]:
    """Every name that the expression reads, in order of appearance."""
    if isinstance(tree, Name):
        yield tree.name
    elif isinstance(tree, Apply):
        for argument in tree.arguments:
            yield from names(argument)


def size(tree: Syntax) -> int:
    """How many numbers, names and operations an expression has."""
    return 1 + sum(map(size, tree.arguments)) if isinstance(tree, Apply) else 1


def cycles(tree: Syntax) -> Iterator[int]:
    """The length of every ``cycle(...)`` in the expression."""
    if isinstance(tree, Apply):
        if tree.operator == "cycle":
            yield len(tree.arguments)
        for argument in tree.arguments:
            yield from cycles(argument)


def depth(tree: Syntax) -> int:
    """Depth counted level by level: a long sum is a deep tree, and must not overflow the stack."""
    level: list[Syntax] = [tree]
    depth = 0
    while level:
        depth += 1
        level = [argument for node in level if isinstance(node, Apply) for argument in node.arguments]
    return depth
