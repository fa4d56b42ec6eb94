"""The expression that a syntax tree stands for, where its names have a meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from x3dspec.language import numbers as exact
from x3dspec.language.errors import shown
from x3dspec.language.expressions import (
    MINUS_ONE,
    ONE,
    ZERO,
    Expr,
    add,
    ceil,
    constant,
    divide,
    either,
    equal,
    floor,
    maximum,
    minimum,
    multiply,
    negation,
    power,
    round_to,
    round_width,
)
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import Apply, ExpressionError, Name, Number, Syntax, Text

Scope = Mapping[str, "Expr | str"]


def build(tree: Syntax, scope: Scope, index: int = 0) -> Expr:
    """The expression that a syntax tree stands for.

    `scope` gives every name its meaning: an expression, or the text of an option's choice, which
    can only be compared. `index` is the position of the block in its stage, which ``cycle`` reads.

    Raises:
        ExpressionError: a name without meaning, text where a number is needed, a division by zero.
    """
    value = _meaning(tree, scope, index)
    if isinstance(value, str):
        raise ExpressionError(f"{shown(value)} is text, which can only be compared with == or !=")
    return value


def _meaning(tree: Syntax, scope: Scope, index: int) -> Expr | str:
    if isinstance(tree, Number):
        return constant(tree.value)
    if isinstance(tree, Text):
        return tree.value
    if isinstance(tree, Name):
        if tree.name not in scope:
            raise ExpressionError(f"unknown name {shown(tree.name)}")
        return scope[tree.name]
    if tree.operator == "cycle":
        return _meaning(tree.arguments[index % len(tree.arguments)], scope, index)
    if tree.operator in ("==", "!="):
        same = _same(*(_meaning(argument, scope, index) for argument in tree.arguments))
        return same if tree.operator == "==" else negation(same)
    try:
        return _apply(tree, [build(argument, scope, index) for argument in tree.arguments])
    except ExactError as error:
        raise ExpressionError(str(error)) from None


def _same(a: Expr | str, b: Expr | str) -> Expr:
    if isinstance(a, str) != isinstance(b, str):
        text = a if isinstance(a, str) else b
        raise ExpressionError(f"{shown(str(text))} is text and cannot be compared with a number")
    if isinstance(a, Expr) and isinstance(b, Expr):
        return equal(a, b)
    return ONE if a == b else ZERO


def _apply(tree: Apply, arguments: list[Expr]) -> Expr:
    if tree.operator in ("min", "max"):
        function = minimum if tree.operator == "min" else maximum
        result = arguments[0]
        for argument in arguments[1:]:
            result = function(result, argument)
        return result
    if tree.operator == "round_width" and len(arguments) == 1:
        arguments = [*arguments, constant(8)]
    if tree.operator in ("round_to", "round_width"):
        step = arguments[1]
        if step.value is None or exact.sign(step.value) <= 0:
            raise ExpressionError(f"the step of {tree.operator} must be a positive number")
    return _OPERATORS[tree.operator](*arguments)


_OPERATORS: dict[str, Callable[..., Expr]] = {
    "+": add,
    "-": lambda a, b: a - b,
    "*": multiply,
    "/": divide,
    "**": power,
    "negate": lambda a: multiply(MINUS_ONE, a),
    "not": negation,
    "and": multiply,
    "or": either,
    "sqrt": lambda a: power(a, constant(Fraction(1, 2))),
    "ceil": ceil,
    "floor": floor,
    "round": lambda a: round_to(a, ONE),
    "round_to": round_to,
    "round_width": round_width,
}
