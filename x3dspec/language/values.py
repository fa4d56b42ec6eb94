"""Exact numbers from expressions that depend on nothing, and the values that a factor may have."""

from __future__ import annotations

from fractions import Fraction

from x3dspec.language import numbers as exact
from x3dspec.language.errors import MAX_SHOWN
from x3dspec.language.grammar import parse
from x3dspec.language.meaning import build
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError, Syntax, cycles, names

#: No factor of a network is larger, nor smaller than its inverse; products of a few are floats.
MAX_FACTOR = 10**12
SIZED = "between 1e-12 and 1e12 in size"


def number(tree: Syntax) -> Exact:
    """The value of an expression that depends on nothing.

    Raises:
        ExpressionError: it reads a name, or has no value.
    """
    for name in names(tree):
        raise ExpressionError(f"must be a number: {name} has no value here")
    if any(cycles(tree)):
        raise ExpressionError("must be a number: cycle alternates between the blocks of a stage")
    value = build(tree, {}).value
    assert value is not None, "an expression without names folds to a constant"
    return value


def parse_number(text: str) -> Exact:
    """The exact number that a person typed: ``2``, ``11/5``, ``1.45``, ``sqrt(2)``.

    Raises:
        ExpressionError: it is no such number.
    """
    return number(parse(text))


def outside(source: Source, name: str, value: Exact) -> str | None:
    """Why a factor cannot have this value, or None where it can."""
    factor = source.network.factors[name]
    low = None if factor.min is None else number(factor.min)
    high = None if factor.max is None else number(factor.max)
    try:
        if not sized(value):
            bound = SIZED
        elif low is None and value <= 0:
            bound = "above 0"
        elif low is not None and value < low:
            bound = f"at least {brief(low)}"
        elif high is not None and value > high:
            bound = f"at most {brief(high)}"
        else:
            return None
    except ExactError as error:
        return f"{name} = {brief(value)}: {error}"
    return f"{name} = {brief(value)} must be {bound}"


def sized(value: Exact) -> bool:
    """Whether a number is of a size that a factor may have; 0 is."""
    size = value if value >= 0 else -value
    return not value or bool(Fraction(1, MAX_FACTOR) <= size <= MAX_FACTOR)


def brief(value: Exact) -> str:
    """A number as a message may show it."""
    text = exact.text(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
