"""Compound scaling: the factor values at which growth is worth most at a given cost.

A per cent more of a factor is worth its weight. At a given cost the weighted sum of logarithms is largest
where the elasticities are proportional to the weights (Lagrange). Without rounding a cost is a sum of
products of powers; its logarithm is convex in the logarithms of the factors where no term is taken off,
so that values that meet the condition are the best there are (geometric programming: Boyd, Kim, Vandenberghe
and Hassibi, A tutorial on geometric programming, 2007). Of a single product, such as EfficientNet's
alpha * beta**2 * gamma**2, the elasticities are the same everywhere, and no values are better than others.
What such families do instead is to grow all factors together, each as its start times r to the power of
its weight: along this ray a cost is a function of r alone, and :func:`ray` inverts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import sympy

from x3dspec.formula.closed_form import refusals
from x3dspec.formula.elasticity import Smooth, smooth
from x3dspec.formula.enclosures import evaluated
from x3dspec.formula.real import Number
from x3dspec.formula.solve import inverse
from x3dspec.formula.sympy_bridge import symbol, to_number
from x3dspec.language.errors import BadArgument, unknown
from x3dspec.network.architecture import Architecture
from x3dspec.network.layers import Setting

#: By what all factors grow along a ray.
R = symbol("r")
#: Decimal digits that mpmath computes with, and to which the conditions hold.
DIGITS, HELD = 80, 60
_ROUNDS = 200
#: By more than this ratio from the values at hand is no scaling of a network.
_REACH = 10**6


@dataclass(frozen=True)
class Share:
    """One factor: its weight, its value, and the cost's elasticity by it, as numbers of mpmath."""

    factor: str
    weight: Fraction
    value: Any
    elasticity: Any


@dataclass(frozen=True)
class Compound:
    """Where the elasticities are proportional to the weights.

    Attributes:
        best: whether no other values of this cost are worth more; they may be where a term is taken off.
    """

    shares: tuple[Share, ...]
    best: bool


@dataclass(frozen=True)
class Ray:
    """Factors that grow together: each is its start times `r` to the power of its weight."""

    r: Number
    values: Mapping[str, Number]


@dataclass(frozen=True)
class _Product:
    """One term: a number, and the power of every unknown."""

    number: Any
    powers: tuple[Any, ...]


def compound(
    architecture: Architecture,
    weights: Mapping[str, Fraction],
    quantity: str,
    target: int,
    *,
    setting: Setting | None = None,
) -> Compound | None:
    """The values of the weighted factors at a cost without rounding; the others keep theirs.

    Returns:
        None where no values were found: the elasticities cannot be so, or not at this cost.

    Raises:
        SpecError: an unknown factor, no positive weight, a factor in an exponent, or a form too large.
    """
    form = smooth(architecture, quantity, setting=setting)
    _check(weights, [factor.name for factor in form.factors])
    unknowns = [symbol(name) for name in weights]
    with refusals(architecture), mpmath.workdps(DIGITS):
        kept = {name: value for name, value in form.values.items() if name not in unknowns}
        products = [_product(term, unknowns) for term in sympy.Add.make_args(form.cost.xreplace(kept))]
        start = [mpmath.log(_mpf(form.values[name])) for name in unknowns]
        point = _newton(products, list(map(_mpf, map(sympy.Rational, weights.values()))), target, start)
        if point is None:
            return None
        slopes = _slopes(products, point, target)
        shares = zip(weights.items(), point, slopes, strict=True)
        return Compound(
            tuple(Share(name, weight, mpmath.exp(x), slope) for (name, weight), x, slope in shares),
            all(product.number > 0 for product in products),
        )


def ray(
    architecture: Architecture,
    weights: Mapping[str, Fraction],
    quantity: str,
    target: int,
    *,
    setting: Setting | None = None,
) -> Ray | None:
    """Where the cost without rounding is met along the ray; None where it is not met once.

    Raises:
        SpecError: as :func:`compound`.
    """
    form = smooth(architecture, quantity, setting=setting)
    _check(weights, [factor.name for factor in form.factors])
    with refusals(architecture):
        cost, moved = along(form, weights)
        solutions = inverse(cost, R).solutions({}, Fraction(target), Fraction(0))
        if len(solutions) != 1:
            return None
        [solution] = solutions
        values = {name: evaluated(value, {R: solution.value}) for name, value in moved.items()}
    return Ray(solution.value, {name: value for name, value in values.items() if value is not None})


def along(form: Smooth, weights: Mapping[str, Fraction]) -> tuple[Any, dict[str, Any]]:
    """A cost over R alone, at the values of the factors without a weight; and what R makes of the others."""
    moved = {name: form.values[symbol(name)] * R ** to_number(weight) for name, weight in weights.items()}
    return form.everywhere.xreplace({**form.values, **{symbol(n): v for n, v in moved.items()}}), moved


def _check(weights: Mapping[str, Fraction], factors: Sequence[str]) -> None:
    for name, weight in weights.items():
        if name not in factors:
            raise BadArgument("weights", unknown("factor", name, factors, "the cost depends on"))
        if weight <= 0:
            raise BadArgument("weights", f"the weight of {name} must be above 0")


def _product(term: Any, unknowns: Sequence[Any]) -> _Product:
    powers = term.as_powers_dict()
    exponents = [sympy.sympify(powers.get(name, 0)) for name in unknowns]
    number = term / sympy.prod(name**power for name, power in zip(unknowns, exponents, strict=True))
    if number.free_symbols or not all(power.is_Rational for power in exponents):
        raise ValueError("a weighted factor stands in an exponent or a rounding")
    return _Product(_mpf(number), tuple(map(_mpf, exponents)))


def _mpf(number: Any) -> Any:
    return mpmath.mpf(sympy.N(number, DIGITS))


def _newton(products: Sequence[_Product], weights: Sequence[Any], target: int, start: list[Any]) -> Any:
    """Logarithms of the values, or None: Newton's steps, each of at most e to the first power."""
    count = len(weights)
    unknowns = mpmath.matrix([*start, sum(_slopes(products, start, target)) / sum(weights)])
    for _ in range(_ROUNDS):
        missing, jacobian = _conditions(products, weights, target, unknowns)
        if mpmath.norm(missing, mpmath.inf) < mpmath.mpf(10) ** -HELD:
            return list(unknowns)[:count]
        try:
            step, _ = mpmath.qr_solve(jacobian, -missing)
        except (ValueError, ZeroDivisionError):
            return None  # singular: factors that stand in all terms alike, or in one term alone
        unknowns += step / max(1, mpmath.norm(step[:count], mpmath.inf))
        if any(abs(unknowns[i] - start[i]) > mpmath.log(_REACH) for i in range(count)):
            return None
    return None


def _conditions(products: Sequence[_Product], weights: Sequence[Any], target: int, unknowns: Any) -> Any:
    """By what each elasticity misses its multiple of the weight and the cost its target; derivatives."""
    count = len(weights)
    parts = _parts(products, list(unknowns)[:count], target)
    missing, jacobian = mpmath.zeros(count + 1, 1), mpmath.zeros(count + 1)
    missing[count] = sum(parts) - 1
    for i, weight in enumerate(weights):
        slope = sum(part * product.powers[i] for part, product in zip(parts, products, strict=True))
        missing[i] = slope - unknowns[count] * weight
        jacobian[i, count], jacobian[count, i] = -weight, slope
        for j in range(count):
            terms = zip(parts, products, strict=True)
            jacobian[i, j] = sum(part * each.powers[i] * each.powers[j] for part, each in terms)
    return missing, jacobian


def _slopes(products: Sequence[_Product], point: Sequence[Any], target: int) -> list[Any]:
    parts = list(zip(_parts(products, point, target), products, strict=True))
    return [sum(part * product.powers[i] for part, product in parts) for i in range(len(point))]


def _parts(products: Sequence[_Product], point: Sequence[Any], target: int) -> list[Any]:
    """Every term over the target."""
    return [product.number * mpmath.exp(mpmath.fdot(product.powers, point)) / target for product in products]
