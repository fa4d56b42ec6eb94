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
from functools import lru_cache

from x3dspec.language.errors import shown, unknown

#: An expression longer than this is not something a person reads in a table.
MAX_LENGTH = 400
#: Deep enough for any formula of a stage table, shallow enough for every recursive walk.
MAX_DEPTH = 24
#: Digits and exponent of one literal. Counts of MACs need 15.
MAX_DIGITS = 40
MAX_EXPONENT = 30

#: Operations of all expressions of a file, as they are written and again as its stages use them. X2D has
#: 637. Each is bounded; this bounds them together, so that every machine refuses the same files.
MAX_OPERATIONS = 20_000

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
#: What people write from the habit of other languages.
_INSTEAD = {
    "^": "a power is written **",
    "%": "there is no remainder",
    "=": "conditions compare with == or !=",
    "!": "conditions compare with == or !=",
    "<": "conditions compare with == or !=",
    ">": "conditions compare with == or !=",
    '"': "text stands in single quotes",
}
_CONSTANTS = {"true": Fraction(1), "false": Fraction(0)}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
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


@lru_cache(maxsize=1024)
def parse(text: str) -> Syntax:
    """Read one expression. The same text gives the same tree: aliases repeat it.

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
            raise _unexpected(word, column, self.text)
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
            what = "the end" if kind == "end" else shown(found)
            where = f"at character {column} of {shown(self.text)}"
            raise ExpressionError(f"expected {word!r}, found {what} {where}")

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
            what = f"unfinished expression {shown(self.text)}" if self.text.strip() else "empty expression"
            raise ExpressionError(what)
        self.at += 1
        if kind == "number":
            return Number(_number(word))
        if kind == "text":
            return Text(word[1:-1])
        if kind == "name":
            return self.named(word)
        raise _unexpected(word, column, self.text)

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
            plural = "" if count == "1" else "s"
            raise ExpressionError(f"{word} takes {count} argument{plural}, not {len(arguments)}")
        return Apply(word, tuple(arguments))


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, word, column counted from 1), closed by an ``end`` token."""
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise _unexpected(text[column - 1], column, text)
        kind = match.lastgroup or ""
        word = match.group(kind)
        yield ("keyword" if word in _KEYWORDS else kind, word, match.start(kind) + 1)
        at = match.end()
    yield ("end", "", end + 1)


def _unexpected(word: str, column: int, text: str) -> ExpressionError:
    hint = f": {_INSTEAD[word]}" if word in _INSTEAD else ""
    return ExpressionError(f"unexpected {shown(word)} at character {column} of {shown(text)}{hint}")


def _number(word: str) -> Fraction:
    digits, _, exponent = word.lower().partition("e")
    if len(digits.replace(".", "")) > MAX_DIGITS:
        raise ExpressionError(f"number with more than {MAX_DIGITS} digits")
    if exponent and abs(int(exponent)) > MAX_EXPONENT:
        raise ExpressionError(f"number {shown(word)} has an exponent beyond {MAX_EXPONENT}")
    return Fraction(word)


def _depth(tree: Syntax) -> int:
    """Depth counted level by level: a long sum is a deep tree, and must not overflow the stack."""
    level: list[Syntax] = [tree]
    depth = 0
    while level:
        depth += 1
        level = [argument for node in level if isinstance(node, Apply) for argument in node.arguments]
    return depth
