"""Expressions over factors: interned nodes, folded as they are made.

A node is made once: two equal expressions are the same object, so that equality is identity and a
network's thousands of mentions of one width are one node. Building folds what can be folded exactly
(constants, neutral elements, ``x / x``, the rounding of what is whole already) and nothing else.
:mod:`x3dspec.language.tape` evaluates them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from x3dspec.language import numbers as exact
from x3dspec.language.algebra import EXACT
from x3dspec.language.numbers import Exact
from x3dspec.language.syntax import ExpressionError


class Expr:
    """One node. Made by the functions below and by operators, never directly."""

    __slots__ = ("__weakref__", "arguments", "name", "operator", "value", "whole")
    _nodes: ClassVar[WeakValueDictionary[Any, Expr]] = WeakValueDictionary()

    operator: str
    arguments: tuple[Expr, ...]
    value: Exact | None
    name: str
    whole: bool

    @classmethod
    def _make(
        cls,
        operator: str,
        arguments: tuple[Expr, ...] = (),
        *,
        value: Exact | None = None,
        name: str = "",
        whole: bool = False,
    ) -> Expr:
        key = (operator, arguments, value, name)
        node = cls._nodes.get(key)
        if node is None:
            node = cls.__new__(cls)
            node.operator, node.arguments = operator, arguments
            node.value, node.name, node.whole = value, name, whole
            cls._nodes[key] = node
        return node

    def __repr__(self) -> str:
        if self.value is not None:
            return exact.text(self.value)
        return self.name or f"{self.operator}({', '.join(map(repr, self.arguments))})"

    def __add__(self, other: Operand) -> Expr:
        return add(self, lift(other))

    def __radd__(self, other: Operand) -> Expr:
        return add(lift(other), self)

    def __sub__(self, other: Operand) -> Expr:
        return add(self, multiply(MINUS_ONE, lift(other)))

    def __mul__(self, other: Operand) -> Expr:
        return multiply(self, lift(other))

    def __rmul__(self, other: Operand) -> Expr:
        return multiply(lift(other), self)

    def __truediv__(self, other: Operand) -> Expr:
        return divide(self, lift(other))


Operand = Expr | int | Fraction


def constant(value: Exact | int) -> Expr:
    number: Exact = Fraction(value) if isinstance(value, int) else value
    whole = isinstance(number, Fraction) and number.denominator == 1
    return Expr._make("constant", value=number, whole=whole)


def variable(name: str) -> Expr:
    return Expr._make("variable", name=name)


def lift(operand: Operand) -> Expr:
    return operand if isinstance(operand, Expr) else constant(operand)


ZERO = constant(0)
ONE = constant(1)
MINUS_ONE = constant(-1)


def add(a: Expr, b: Expr) -> Expr:
    if a.value is not None and b.value is not None:
        return constant(exact.bounded(a.value + b.value))
    if a is ZERO:
        return b
    if b is ZERO:
        return a
    return Expr._make("add", (a, b), whole=a.whole and b.whole)


def multiply(a: Expr, b: Expr) -> Expr:
    if b.value is not None:
        a, b = b, a
    if a.value is not None:
        if b.value is not None:
            return constant(exact.bounded(a.value * b.value))
        if a is ZERO or a is ONE:
            return ZERO if a is ZERO else b
        if b.operator == "multiply" and b.arguments[0].value is not None:
            return multiply(constant(exact.bounded(a.value * b.arguments[0].value)), b.arguments[1])
    return Expr._make("multiply", (a, b), whole=a.whole and b.whole)


def divide(a: Expr, b: Expr) -> Expr:
    if b is ZERO:
        raise ExpressionError("division by zero")
    if b.value is not None:
        return multiply(constant(exact.power(b.value, Fraction(-1))), a)
    if a is b:
        return ONE
    return ZERO if a is ZERO else Expr._make("divide", (a, b))


def power(a: Expr, b: Expr) -> Expr:
    if a.value is not None and b.value is not None:
        return constant(exact.power(a.value, b.value))
    if b is ZERO or b is ONE:
        return ONE if b is ZERO else a
    return Expr._make("power", (a, b))


def floor(a: Expr) -> Expr:
    if a.value is not None:
        return constant(exact.floor(a.value))
    return a if a.whole else Expr._make("floor", (a,), whole=True)


def ceil(a: Expr) -> Expr:
    if a.value is not None:
        return constant(exact.ceil(a.value))
    return a if a.whole else Expr._make("ceil", (a,), whole=True)


def minimum(a: Expr, b: Expr) -> Expr:
    return a if a is b else _folded("minimum", (a, b), whole=a.whole and b.whole)


def maximum(a: Expr, b: Expr) -> Expr:
    return a if a is b else _folded("maximum", (a, b), whole=a.whole and b.whole)


def equal(a: Expr, b: Expr) -> Expr:
    """1 where both are the same number, otherwise 0."""
    return ONE if a is b else _folded("equal", (a, b), whole=True)


def round_to(a: Expr, step: Expr) -> Expr:
    if a.whole and step is ONE:
        return a
    return _folded("round_to", (a, step), whole=step.whole)


def round_width(a: Expr, divisor: Expr) -> Expr:
    return _folded("round_width", (a, divisor), whole=divisor.whole)


def residues(count: Expr, residue: int, period: int) -> Expr:
    if period == 1:
        return count
    return _folded("residues", (count, constant(residue), constant(period)), whole=True)


def negation(a: Expr) -> Expr:
    """1 - a: the opposite of a condition, which is 0 or 1."""
    return ONE - a


def either(a: Expr, b: Expr) -> Expr:
    if a is ONE or b is ONE:
        return ONE
    return add(add(a, b), multiply(MINUS_ONE, multiply(a, b)))


def _folded(operator: str, arguments: tuple[Expr, ...], *, whole: bool) -> Expr:
    """Constants are computed by the very algebra that evaluates them later."""
    values = [argument.value for argument in arguments]
    if all(value is not None for value in values):
        return constant(getattr(EXACT, operator)(*values))
    return Expr._make(operator, arguments, whole=whole)
