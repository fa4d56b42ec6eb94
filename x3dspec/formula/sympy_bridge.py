"""The one way from our expressions to sympy: node by node, never through text.

The factors are positive symbols. ``round_to`` and ``round_width`` are sympy functions that stay as
they are over symbols and are exact over numbers, roots included; relaxed, every rounding is dropped.
What would blow up when sympy multiplies it out is refused before, by :mod:`x3dspec.formula.terms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import sympy

from x3dspec.formula.terms import Size, Sizes, named
from x3dspec.language.algebra import Algebra
from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact, Root
from x3dspec.language.relaxation import relax
from x3dspec.language.tape import Tape

T = TypeVar("T")


class RoundTo(sympy.Function):  # type: ignore[misc]
    """``round_to(x, step)``: the multiple of `step` nearest to `x`, ties up."""

    nargs = 2

    @classmethod
    def eval(cls, x: Any, step: Any) -> Any:
        if x.is_comparable and step.is_comparable:
            return sympy.floor(x / step + sympy.Rational(1, 2)) * step
        return None


class RoundWidth(sympy.Function):  # type: ignore[misc]
    """``round_width(x, divisor)``: :class:`RoundTo`, at least `divisor`, not below 90 % of `x`."""

    nargs = 2

    @classmethod
    def eval(cls, x: Any, divisor: Any) -> Any:
        if x.is_comparable and divisor.is_comparable:
            width = sympy.Max(divisor, RoundTo(x, divisor))
            return width + divisor if 10 * width < 9 * x else width
        return None


class SympyAlgebra:
    """Expressions evaluated to sympy's."""

    def constant(self, value: Exact) -> Any:
        return to_number(value)

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def divide(self, a: Any, b: Any) -> Any:
        return a / b

    def power(self, a: Any, b: Any) -> Any:
        return a**b

    floor = staticmethod(sympy.floor)
    ceil = staticmethod(sympy.ceiling)
    minimum = staticmethod(sympy.Min)
    maximum = staticmethod(sympy.Max)
    round_to = RoundTo
    round_width = RoundWidth

    def equal(self, a: Any, b: Any) -> Any:
        return sympy.Piecewise((1, sympy.Eq(a, b)), (0, True))

    def residues(self, count: Any, residue: Any, period: Any) -> Any:
        return sympy.ceiling((count - residue) / period)


SYMPY = SympyAlgebra()


@dataclass(frozen=True)
class Translation:
    """Some roots in sympy: their `values`, over factors and over the symbols of `definitions`.

    A definition may use the factors and the definitions before it.
    """

    values: tuple[Any, ...]
    definitions: tuple[tuple[Any, Any], ...]


def translate(roots: Iterable[Expr], names: Mapping[Expr, str] | None = None) -> Translation:
    """Some expressions in sympy. Nodes with a name are symbols where they are used, and definitions.

    A named node is a whole number only where it is known to be one; it may be zero or less.

    Raises:
        ExpressionError: multiplied out, it has too many terms or too long numbers; or no value.
    """
    roots, names, definitions = tuple(roots), names or {}, []
    counting, sizes, values = Sizes(), dict[Expr, Size](), dict[Expr, Any]()
    for node in Tape[Any]([*names, *roots]).nodes:
        sizes[node] = _read(node, counting, named, sizes)
        value = values[node] = _read(node, SYMPY, symbol, values)
        if node in names and not value.is_number:
            values[node] = sympy.Symbol(names[node], real=True, integer=node.whole or None)
            sizes[node] = named(names[node])
            definitions.append((values[node], value))
    return Translation(tuple(values[root] for root in roots), tuple(definitions))


def _read(node: Expr, algebra: Algebra[T], variable: Callable[[str], T], known: Mapping[Expr, T]) -> T:
    if node.operator == "variable":
        return variable(node.name)
    if node.value is not None:
        return algebra.constant(node.value)
    value: T = getattr(algebra, node.operator)(*(known[argument] for argument in node.arguments))
    return value


def to_sympy(root: Expr, *, relaxed: bool = False) -> Any:
    """One expression over positive symbols named as its factors.

    Raises:
        ExpressionError: as :func:`translate`.
    """
    return translate(relax([root]) if relaxed else [root]).values[0]


def simplified(expression: Any) -> Any:
    """A quotient with what is above and below the line cancelled."""
    return sympy.cancel(expression)


def symbol(name: str) -> Any:
    """The symbol that stands for a factor."""
    return sympy.Symbol(name, positive=True)


def to_number(value: Exact) -> Any:
    """An exact number as sympy's: a rational, or a root of one."""
    if isinstance(value, Root):
        return _rational(value.radicand) ** sympy.Rational(1, value.degree)
    return _rational(value)


def from_number(number: Any) -> Fraction:
    """A rational number of sympy as Python's."""
    return Fraction(int(number.p), int(number.q))


def _rational(value: Fraction) -> Any:
    return sympy.Rational(value.numerator, value.denominator)
