"""Expressions with every rounding function left out: what remains is smooth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from x3dspec.language.expressions import (
    ONE,
    ZERO,
    Expr,
    add,
    constant,
    divide,
    maximum,
    minimum,
    multiply,
    power,
)
from x3dspec.language.numbers import Exact
from x3dspec.language.tape import Tape


class _Relaxed:
    """Expressions again, with every rounding function left out: what remains is smooth."""

    def constant(self, value: Exact) -> Expr:
        return constant(value)

    add = staticmethod(add)
    multiply = staticmethod(multiply)
    divide = staticmethod(divide)
    power = staticmethod(power)
    minimum = staticmethod(minimum)
    maximum = staticmethod(maximum)

    def floor(self, a: Expr) -> Expr:
        return a

    ceil = floor

    def equal(self, a: Expr, b: Expr) -> Expr:
        # Two different expressions agree on isolated points only, which a smooth form does not see.
        return ONE if a is b else ZERO

    def round_to(self, a: Expr, step: Expr) -> Expr:
        return a

    round_width = round_to

    def residues(self, count: Expr, residue: Expr, period: Expr) -> Expr:
        return divide(count, period)


def relax(roots: Iterable[Expr], values: Mapping[str, Expr] | None = None) -> list[Expr]:
    """The same expressions without rounding: ``ceil(5 * gamma_d)`` becomes ``5 * gamma_d``.

    `values` says what stands in the place of a variable, where it is not itself.
    """
    tape: Tape[Expr] = Tape(roots)
    names = {node.name: node for node in tape.nodes if node.operator == "variable"}
    return tape.run(_Relaxed(), {**names, **(values or {})})
