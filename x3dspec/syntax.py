"""The expression language of a spec: text in, a small tree out. Nothing here evaluates anything.

The grammar is a whitelist. What it does not name cannot be written: no attribute access beyond
``stage.argument``, no indexing, no call of anything but the functions listed in :data:`FUNCTIONS`.
Text is bounded before it is read, the tree while it is built, so that no input makes the later
stages recurse or grow without limit.

    condition   := conjunction ("or" conjunction)*
    conjunction := negation ("and" negation)*
    negation    := "not" negation | comparison
    comparison  := sum (("==" | "!=") sum)?
    sum         := product (("+" | "-") product)*
    product     := unary (("*" | "/") unary)*
    unary       := "-" unary | power
    power       := atom ("**" unary)?
    atom        := number | 'text' | name | name "." name | function "(" condition, ... ")"
                 | "(" condition ")"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from x3dspec.errors import unknown

#: An expression longer than this is not something a person reads in a table.
MAX_LENGTH = 400
#: Deep enough for any formula of a stage table, shallow enough for every recursive walk.
MAX_DEPTH = 24
#: Digits of one literal. Counts of MACs need 15.
MAX_DIGITS = 40

#: Every function, with the least and the most arguments it takes.
FUNCTIONS = {
    "sqrt": (1, 1),
    "ceil": (1, 1),
    "floor": (1, 1),
    "round": (1, 1),
    "round_to": (2, 2),
    "round_width": (1, 2),
    "min": (2, 8),
    "max": (2, 8),
    "cycle": (1, 64),
}

_KEYWORDS = {"and", "or", "not"}
_CONSTANTS = {"true": Fraction(1), "false": Fraction(0)}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)
      | (?P<text>'[A-Za-z0-9_. -]*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)
      | (?P<operator>\*\*|==|!=|[-+*/(),])
    )""",
    re.VERBOSE | re.ASCII,
)


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


def parse(text: str) -> Syntax:
    """Read one expression.

    Raises:
        ExpressionError: naming the character at fault, or the bound that was passed.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"expression longer than {MAX_LENGTH} characters")
    return _Parser(text).whole()


def names(tree: Syntax) -> Iterator[str]:
    """Every name that the expression reads, in order of appearance."""
    if isinstance(tree, Name):
        yield tree.name
    elif isinstance(tree, Apply):
        for argument in tree.arguments:
            yield from names(argument)


def cycles(tree: Syntax) -> Iterator[int]:
    """The length of every ``cycle(...)`` in the expression."""
    if isinstance(tree, Apply):
        if tree.operator == "cycle":
            yield len(tree.arguments)
        for argument in tree.arguments:
            yield from cycles(argument)


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def whole(self) -> Syntax:
        tree = self.condition()
        kind, word, column = self.tokens[self.at]
        if kind != "end":
            raise ExpressionError(f"unexpected {word!r} at character {column} of {_shown(self.text)}")
        if _depth(tree) > MAX_DEPTH:
            raise ExpressionError(f"expression nested deeper than {MAX_DEPTH}")
        return tree

    def take(self, *words: str) -> str | None:
        kind, word, _ = self.tokens[self.at]
        if kind in ("operator", "keyword") and word in words:
            self.at += 1
            return word
        return None

    def expect(self, word: str) -> None:
        if self.take(word) is None:
            kind, found, column = self.tokens[self.at]
            shown = "the end" if kind == "end" else repr(found)
            raise ExpressionError(
                f"expected {word!r}, found {shown} at character {column} of {_shown(self.text)}"
            )

    def nested(self) -> Syntax:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"expression nested deeper than {MAX_DEPTH}")
        tree = self.condition()
        self.depth -= 1
        return tree

    def condition(self) -> Syntax:
        tree = self.conjunction()
        while self.take("or"):
            tree = Apply("or", (tree, self.conjunction()))
        return tree

    def conjunction(self) -> Syntax:
        tree = self.negation()
        while self.take("and"):
            tree = Apply("and", (tree, self.negation()))
        return tree

    def negation(self) -> Syntax:
        negations = 0
        while self.take("not"):
            negations += 1
        tree = self.comparison()
        for _ in range(negations):
            tree = Apply("not", (tree,))
        return tree

    def comparison(self) -> Syntax:
        tree = self.sum()
        operator = self.take("==", "!=")
        return Apply(operator, (tree, self.sum())) if operator else tree

    def sum(self) -> Syntax:
        tree = self.product()
        while operator := self.take("+", "-"):
            tree = Apply(operator, (tree, self.product()))
        return tree

    def product(self) -> Syntax:
        tree = self.unary()
        while operator := self.take("*", "/"):
            tree = Apply(operator, (tree, self.unary()))
        return tree

    def unary(self) -> Syntax:
        signs = 0
        while self.take("-"):
            signs += 1
        tree = self.power()
        for _ in range(signs):
            tree = Apply("negate", (tree,))
        return tree

    def power(self) -> Syntax:
        base = self.atom()
        if not self.take("**"):
            return base
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"expression nested deeper than {MAX_DEPTH}")
        exponent = self.unary()
        self.depth -= 1
        return Apply("**", (base, exponent))

    def atom(self) -> Syntax:
        if self.take("("):
            tree = self.nested()
            self.expect(")")
            return tree
        kind, word, column = self.tokens[self.at]
        if kind == "end":
            raise ExpressionError(f"unfinished expression {_shown(self.text)}")
        self.at += 1
        if kind == "number":
            return Number(_number(word))
        if kind == "text":
            return Text(word[1:-1])
        if kind == "name":
            return self.named(word)
        raise ExpressionError(f"unexpected {word!r} at character {column} of {_shown(self.text)}")

    def named(self, word: str) -> Syntax:
        if self.tokens[self.at][1] != "(":
            return Number(_CONSTANTS[word]) if word in _CONSTANTS else Name(word)
        if word not in FUNCTIONS:
            raise ExpressionError(unknown("function", word, FUNCTIONS, "the functions are"))
        self.expect("(")
        arguments = [self.nested()]
        while self.take(","):
            arguments.append(self.nested())
        self.expect(")")
        least, most = FUNCTIONS[word]
        if not least <= len(arguments) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            raise ExpressionError(f"{word} takes {count} arguments, not {len(arguments)}")
        return Apply(word, tuple(arguments))


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, word, column counted from 1), closed by an ``end`` token."""
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise ExpressionError(f"unexpected {text[column - 1]!a} at character {column} of {_shown(text)}")
        kind = match.lastgroup or ""
        word = match.group(kind)
        yield ("keyword" if word in _KEYWORDS else kind, word, match.start(kind) + 1)
        at = match.end()
    yield ("end", "", end + 1)


def _number(word: str) -> Fraction:
    if sum(character.isdigit() for character in word) > MAX_DIGITS:
        raise ExpressionError(f"number with more than {MAX_DIGITS} digits")
    return Fraction(word)


def _depth(tree: Syntax) -> int:
    """Depth counted level by level: a long sum is a deep tree, and must not overflow the stack."""
    level: list[Syntax] = [tree]
    depth = 0
    while level:
        depth += 1
        level = [argument for node in level if isinstance(node, Apply) for argument in node.arguments]
    return depth


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")
