"""Plain scalars: numbers, exact and of bounded length, and the few words that are no text."""

from __future__ import annotations

import re
from fractions import Fraction

from x3dspec.language.errors import shown

#: A number that needs more is a slip of the keyboard, and exact arithmetic on it would crawl. Counts of
#: MACs need 15 digits.
MAX_DIGITS = 40
MAX_EXPONENT = 30
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?0*([1-9][0-9]*|0))?")
_CONSTANTS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}


def kind(data: object) -> str:
    """What a value is, as a message calls it."""
    if data is None:
        return "null"
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "a mapping"}
    return kinds.get(type(data), "a number")


def scalar(text: str) -> object:
    """A plain scalar's value, after YAML 1.2's core schema with fewer spellings.

    Raises:
        ValueError: as :func:`number`.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    value = number(text)
    return text if value is None else value


def number(text: str) -> int | Fraction | None:
    """The number that a text spells, exactly; None for other text.

    Raises:
        ValueError: with the message to show, for a number out of bounds.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    digits, exponent = match.groups()
    if len(digits.replace(".", "")) > MAX_DIGITS:
        raise ValueError(f"number {shown(text)} has more than {MAX_DIGITS} digits")
    # By length first: Python refuses to convert thousands of digits.
    if exponent and (len(exponent) > len(str(MAX_EXPONENT)) or int(exponent) > MAX_EXPONENT):
        raise ValueError(f"number {shown(text)} has an exponent beyond {MAX_EXPONENT}")
    return int(text) if digits.isdigit() and exponent is None else Fraction(text)
