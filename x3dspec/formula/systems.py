"""What several factors must be for as many costs: one unknown after the other is eliminated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy

from x3dspec.formula.enclosures import enclose
from x3dspec.formula.powers import branched
from x3dspec.formula.real import DIGITS, Number
from x3dspec.formula.solve import MAX_DEGREE, algebraic, inverse
from x3dspec.formula.sympy_bridge import to_number
from x3dspec.language.syntax import ExpressionError

#: A number for each unknown.
Values = dict[Any, Number]


def system(costs: Sequence[Any], unknowns: Sequence[Any], targets: Sequence[Fraction]) -> list[Values]:
    """All positive values of some unknowns at which as many costs, over them alone, have their targets.

    One unknown after the other is eliminated by a resultant: where a cost is linear in it, that is to
    solve for it and to put it into the others. What is left over one unknown has real algebraic roots.

    Raises:
        ExpressionError: a cost is no polynomial in the unknowns.
    """
    equations = [cost - to_number(target) for cost, target in zip(costs, targets, strict=True)]
    ways = branched(sympy.Tuple(*equations), unknowns)
    if ways is None:
        raise ExpressionError("too many maxima and minima")
    solutions: list[Values] = []
    for way, _ in ways:
        for values in _eliminated(list(way), list(unknowns)):
            if values not in solutions and all(_holds(each, values) for each in equations):
                solutions.append(values)
    return solutions


def _eliminated(equations: list[Any], unknowns: list[Any]) -> Iterator[Values]:
    """Positive solutions of polynomial equations, and others that a resultant adds."""
    polys = [_poly(each, unknowns) for each in equations]
    if len(unknowns) == 1:
        yield from ({unknowns[0]: root} for root in algebraic(polys[0], 1))
        return
    pairs = [(poly, each) for poly in polys for each in unknowns if poly.degree(each) > 0]
    if not pairs:
        return
    poly, unknown = min(pairs, key=lambda pair: pair[0].degree(pair[1]))
    rest = [sympy.resultant(poly, each, unknown).as_expr() for each in polys if each is not poly]
    for values in _eliminated(rest, [each for each in unknowns if each != unknown]):
        for solution in inverse(poly.as_expr(), unknown).solutions(values, Fraction(0), Fraction(0)):
            yield {**values, unknown: solution.value}


def _poly(equation: Any, unknowns: list[Any]) -> Any:
    numerator, _ = sympy.fraction(sympy.together(equation))
    try:
        poly = sympy.Poly(numerator, *unknowns, domain="QQ")
    except (sympy.PolynomialError, sympy.CoercionFailed):
        raise ExpressionError("several unknowns are solved for where costs are polynomials in them") from None
    if poly.total_degree() > MAX_DEGREE:
        raise ExpressionError(f"several unknowns are solved for up to a degree of {MAX_DEGREE}")
    return poly


def _holds(equation: Any, values: Values) -> bool:
    low, high = enclose(equation, values, DIGITS[0])
    return low <= 0 <= high
