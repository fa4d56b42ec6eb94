"""The kinds of values that keys may have, and how each is read.

A number that may depend on a factor is an :data:`Expression`: a syntax tree, which gets its meaning when a
network is lowered.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from x3dspec.language.grammar import parse
from x3dspec.language.identifiers import is_name, reserved
from x3dspec.language.syntax import ExpressionError, Number, Syntax

MAX_TEXT = 1000

#: Controls, bidi and other format characters, line and paragraph separators, characters that nobody
#: has given a meaning: what a reader of the emitted file or of a terminal cannot see, and may be misled
#: by.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def _name(value: Any) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise PydanticCustomError(
            "identifier", "must be a name of letters, digits and _, at most 40, a letter first"
        )
    return value


def _identifier(value: Any) -> str:
    name = _name(value)
    if reserved(name):
        raise PydanticCustomError("identifier", f"{name!r} is a reserved name: choose another")
    return name


def _words(value: str) -> str:
    for character in value:
        if character not in "\t\n\r" and unicodedata.category(character) in _INVISIBLE:
            code = f"U+{ord(character):04X}"
            raise PydanticCustomError("words", f"holds {code}, a character that cannot be seen: remove it")
    return " ".join(value.split())


def _expression(value: Any) -> Syntax:
    if isinstance(value, bool):
        return Number(Fraction(int(value)))
    if isinstance(value, (int, Fraction)):
        return Number(Fraction(value))
    if not isinstance(value, str):
        raise PydanticCustomError("expression", "must be a number or an expression")
    try:
        return parse(value)
    except ExpressionError as error:
        raise PydanticCustomError("expression", "{reason}", {"reason": str(error)}) from None


def _number(value: Any) -> Any:
    """YAML decimals arrive as exact fractions; the few plain numbers of the language are floats."""
    return float(value) if isinstance(value, Fraction) else value


def _choice(value: Any) -> int | str:
    if type(value) is int:
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("choice", "must be a whole number or a name")
    return _name(value)


def no_share(value: Any) -> str:
    """Why a number is no eps and no momentum, or nothing."""
    if value <= 0:
        return "must be above 0"
    return "" if value <= 1 else "must be at most 1"


def _share(value: Any) -> Syntax:
    tree = _expression(value)
    refusal = no_share(tree.value) if isinstance(tree, Number) else ""
    if refusal:
        raise PydanticCustomError("share", "{reason}", {"reason": refusal})
    return tree


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _padding(value: Any) -> Any:
    return [f"'{value}'"] if value in ("half", "same") else _listed(value)


_NUMBER_OR_TEXT: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}]}

Identifier = Annotated[
    str,
    PlainValidator(_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"}),
]
#: The name of something that is declared elsewhere, which says whether there is such a name.
Reference = Annotated[
    str,
    PlainValidator(_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"}),
]
Choice = Annotated[
    int | str,
    PlainValidator(_choice),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
]
if TYPE_CHECKING:
    Expression = Syntax
    Share = Syntax
else:  # pydantic would look through all of Syntax for a way to write it back, again for every use
    Expression = Annotated[Any, PlainValidator(_expression), WithJsonSchema(_NUMBER_OR_TEXT)]
    Share = Annotated[Any, PlainValidator(_share), WithJsonSchema(_NUMBER_OR_TEXT)]
Sizes = Annotated[
    list[Expression],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=3),
    WithJsonSchema({"anyOf": [*_NUMBER_OR_TEXT["anyOf"], {"type": "array", "items": _NUMBER_OR_TEXT}]}),
]
#: Padding in numbers, or a word for how much follows from the kernel; an option may choose the word.
Padding = Annotated[
    list[Expression],
    BeforeValidator(_padding),
    Field(min_length=1, max_length=3),
    WithJsonSchema({"anyOf": [*_NUMBER_OR_TEXT["anyOf"], {"type": "array", "items": _NUMBER_OR_TEXT}]}),
]
Statistics = Annotated[
    list[Annotated[float, BeforeValidator(_number), Field(gt=0, lt=10)]],
    BeforeValidator(_listed),
    Field(max_length=16),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}),
]
Words = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(_words)]
Plain = Annotated[float, BeforeValidator(_number)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
