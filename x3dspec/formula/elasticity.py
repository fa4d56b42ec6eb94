"""How a cost answers to each factor: d ln cost / d ln factor, by sympy, rounding dropped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from x3dspec.formula.closed_form import refusals
from x3dspec.formula.sympy_bridge import symbol, to_number, translate
from x3dspec.language import expressions as expr
from x3dspec.language import relaxation
from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import Expr
from x3dspec.language.tape import Tape
from x3dspec.network.architecture import Architecture
from x3dspec.network.factors import complete
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Quantity
from x3dspec.network.quantities import quantity as counted_as


@dataclass(frozen=True)
class Smooth:
    """A cost without rounding, multiplied out, on the branch of every maximum that applies.

    `values` are those of all factors, as sympy's numbers. `everywhere` is the cost on all branches.
    """

    quantity: Quantity
    cost: Any
    values: dict[Any, Any]
    everywhere: Any

    @property
    def factors(self) -> list[Any]:
        """The factors that it depends on, in the order of their declaration."""
        used = self.cost.free_symbols
        return [factor for factor in self.values if factor in used]

    @cached_property
    def value(self) -> Any:
        """What it is at the values, exactly."""
        return self.cost.xreplace(self.values)

    def along(self, factor: Any, everywhere: bool = False) -> Any:
        """The cost over one factor, at the values of all others; on all branches if `everywhere`."""
        others = {other: value for other, value in self.values.items() if other != factor}
        return (self.everywhere if everywhere else self.cost).xreplace(others)

    def formula(self, factor: Any) -> Any:
        """Its elasticity by one factor, as a quotient over all factors."""
        return quotient(sympy.expand(factor * sympy.diff(self.cost, factor)), self.cost)

    def formula_along(self, factor: Any) -> Any:
        """The same over that factor alone, at the values of all others."""
        along = self.along(factor)
        return quotient(factor * sympy.diff(along, factor), along)

    def elasticity(self, factor: Any) -> Any:
        """Its elasticity by one factor, at the values, exactly.

        Raises:
            OverflowError: it is beyond all floats.
        """
        here = self.values[factor]
        value = here * sympy.diff(self.along(factor), factor).xreplace({factor: here}) / self.value
        if not value.is_finite or not math.isfinite(float(value)):
            raise OverflowError(f"the elasticity of {factor.name} is larger than any float")
        return value


@dataclass(frozen=True)
class Elasticity:
    """The per cent that one per cent more of a factor costs, without rounding; an exact number."""

    factor: str
    value: Any


def smooth(
    architecture: Architecture,
    quantity: str = "macs",
    *,
    convention: str = "paper",
    setting: Setting | None = None,
) -> Smooth:
    """The cost that can be differentiated. `setting` is as in :meth:`Architecture.at`.

    Raises:
        SpecError: an unknown quantity or convention, or a form too large to be multiplied out.
    """
    counted = counted_as(quantity, convention)
    overrides = dict(setting or {})
    values = complete(architecture.source, overrides)
    total = expr.lift(counted.of(architecture.symbolic(frozenset(overrides))))
    with refusals(architecture):
        [(here, everywhere)] = relaxed([total], values)
    return Smooth(
        counted, here, {symbol(name): to_number(value) for name, value in values.items()}, everywhere
    )


def elasticities(
    architecture: Architecture,
    quantity: str = "macs",
    *,
    convention: str = "paper",
    setting: Setting | None = None,
) -> tuple[Elasticity, ...]:
    """How the relaxed cost answers to each factor that it depends on, at the spec's values.

    Raises:
        SpecError: as :func:`smooth`.
    """
    form = smooth(architecture, quantity, convention=convention, setting=setting)
    with refusals(architecture):
        return tuple(Elasticity(factor.name, form.elasticity(factor)) for factor in form.factors)


def quotient(above: Any, below: Any) -> Any:
    """In lowest terms; as it is where a factor stands in an exponent, of which sympy makes longer ones."""
    plain = all(power.exp.is_number for each in (above, below) for power in each.atoms(sympy.Pow))
    return sympy.cancel(above / below) if plain else above / below


def relaxed(roots: Iterable[Expr], values: Setting) -> list[tuple[Any, Any]]:
    """Costs without rounding in sympy: multiplied out where `values` are, and on all branches.

    Raises:
        ExpressionError: a form too large to be multiplied out.
    """
    smooth = relaxation.relax(roots)
    here = translate(_branches(smooth, values)).values
    return list(zip(map(sympy.expand, here), translate(smooth).values, strict=True))


def _branches(roots: list[Expr], values: Setting) -> list[Expr]:
    """The roots with the larger argument, at these values, in place of every maximum."""
    tape = Tape[Any](roots)
    forks = [node for node in tape.nodes if node.operator in ("minimum", "maximum")]
    compared = Tape[Any](argument for node in forks for argument in node.arguments)
    numbers = dict(zip(compared.roots, compared.run(EXACT, values), strict=True))
    chosen: dict[Expr, Expr] = {}
    for node in tape.nodes:
        arguments = [chosen[argument] for argument in node.arguments]
        if node.operator in ("minimum", "maximum"):
            a, b = (numbers[argument] for argument in node.arguments)
            chosen[node] = arguments[(a < b) if node.operator == "maximum" else (a > b)]
        else:
            chosen[node] = getattr(expr, node.operator)(*arguments) if arguments else node
    return [chosen[root] for root in roots]
