"""A document read into the models of the language, and what pydantic finds wrong said in our words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeVar

from pydantic import ValidationError

from x3dspec.language import hints, schema
from x3dspec.language.allowed_keys import keys_at
from x3dspec.language.document import Document
from x3dspec.language.errors import Problem, SpecError, nearest, shown, unknown
from x3dspec.language.literals import kind
from x3dspec.language.paths import Path

M = TypeVar("M", schema.NetworkFile, schema.PresetFile)

#: Nobody reads more.
MAX_PROBLEMS = 100


def validated(model: type[M], document: Document) -> M:
    """The model that a document is.

    Raises:
        SpecError: with every problem that pydantic found.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)[:MAX_PROBLEMS]
        raise SpecError(_problem(model, document, each) for each in errors) from None


def _problem(model: type[M], document: Document, error: Any) -> Problem:
    """What pydantic found, said as the rest of our messages are."""
    path: Path = tuple(error["loc"])
    if path and path[-1] == "[key]":
        return document.problem(path[:-1], error["msg"], key=True)
    if error["type"] == "extra_forbidden":
        return document.problem(path, _unknown_key(model, path), key=True)
    if error["type"] == "missing":
        keys = ", ".join(keys_at(model, path[:-1]))
        return document.problem(path[:-1], f"missing key {path[-1]!r}; the keys here are {keys}")
    return document.problem(path, _wording(error, layer="conv" in keys_at(model, path)))


def _unknown_key(model: type[M], path: Path) -> str:
    known, key = keys_at(model, path[:-1]), str(path[-1])
    if "conv" in known:
        inner = {each for layer in known for each in keys_at(model, (*path[:-1], layer))}
        return hints.unknown_layer(key, known, inner)
    if model is schema.PresetFile and len(path) == 1 and nearest(key, ["classes"]):
        return f"unknown key {shown(key)}; a preset chooses its classes by set: {{classes: ...}}"
    if model is schema.NetworkFile and len(path) == 1:
        known.append("base")
    return unknown("key", key, known, "the keys here are")


_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_LIMITS = {
    "greater_than": ("must be above {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be below {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
    "string_too_long": ("is longer than {} characters", "max_length"),
    "string_too_short": ("must not be empty", "min_length"),
    "too_long": ("has more than {} entries", "max_length"),
    "too_short": ("must have at least {} entry", "min_length"),
    "literal_error": ("must be {}", "expected"),
}


def _wording(error: Any, *, layer: bool) -> str:
    """One of pydantic's errors in the words of this language; our own validators have theirs."""
    name, value = error["type"], error["input"]
    if name in _TYPES:
        wanted = "a layer (its name, or a mapping from its name)" if layer else _TYPES[name]
        if name == "int_type" and isinstance(value, Fraction):
            return f"must be {wanted}"
        quotes = ": put it in quotes" if name == "string_type" and not isinstance(value, (list, dict)) else ""
        return f"must be {wanted}, not {kind(value)}{quotes}"
    if name in _LIMITS:
        words, key = _LIMITS[name]
        limit = error["ctx"][key]
        return words.format(int(limit) if isinstance(limit, float) and limit.is_integer() else limit)
    return str(error["msg"])
