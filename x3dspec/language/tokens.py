"""The words of an expression: numbers, names, quoted text, operators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from x3dspec.language import literals
from x3dspec.language.errors import shown
from x3dspec.language.syntax import ExpressionError

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

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<text>'[A-Za-z0-9_. -]*')
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)
      | (?P<operator>\*\*|==|!=|[-+*/(),])
    )""",
    re.VERBOSE | re.ASCII,
)


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """(kind, word, column counted from 1), closed by an ``end`` token."""
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise unexpected(text[column - 1], column, text)
        kind = match.lastgroup or ""
        word = match.group(kind)
        yield ("keyword" if word in _KEYWORDS else kind, word, match.start(kind) + 1)
        at = match.end()
    yield ("end", "", end + 1)


def unexpected(word: str, column: int, text: str) -> ExpressionError:
    """What is said of a word that the grammar has no place for."""
    hint = f": {_INSTEAD[word]}" if word in _INSTEAD else ""
    return ExpressionError(f"unexpected {shown(word)} at character {column} of {shown(text)}{hint}")


def exact_number(word: str) -> Fraction:
    """The value of a number token."""
    try:
        return Fraction(literals.number(word) or 0)
    except ValueError as error:
        raise ExpressionError(str(error)) from None
