"""What a factor must be for a given cost: sympy inverts the cost that dropped its rounding.

Along an axis, or over one factor, a relaxed cost is nearly always a polynomial in the unknown: of degree
1 in frames and depth, of degree 2 in sizes and widths. Of these, and of whatever is one of them in a
power of the unknown, the inverse is a closed form in all other factors and the target. Otherwise it is
an algebraic number where the numbers are rational, isolated by sympy; or, where the unknown stands in an
exponent, the root in a certified bracket. Of ``max`` and ``min`` the branch that applies is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import sympy

from x3dspec.formula.brackets import crossing
from x3dspec.formula.enclosures import enclose, evaluated, real, substituted
from x3dspec.formula.powers import Choices, branched, powers
from x3dspec.formula.real import DIGITS, Ends, Number, Real, decided, place
from x3dspec.formula.sympy_bridge import from_number, to_number
from x3dspec.language.numbers import Exact

#: The cost to reach, in closed forms.
TARGET = sympy.Dummy("C", positive=True)
#: Algebraic numbers of a higher degree are found in a bracket.
MAX_DEGREE = 16


@dataclass(frozen=True)
class Form:
    """A closed form: the `degree`-th root of an expression over all other symbols and TARGET."""

    radicand: Any
    degree: Any

    @cached_property
    def expression(self) -> Any:
        """As sympy computes with it."""
        return self.radicand ** (1 / self.degree)

    def value(self, values: Mapping[Any, Number]) -> Number | None:
        """The number at values of its symbols, or None where no real number has that power."""
        radicand = evaluated(self.radicand, values)
        if radicand is None or (self.degree != 1 and not decided(radicand, lambda x: x > 0)):
            return None
        return evaluated(self.expression, values)

    def legible(self, values: Mapping[Any, Any], target: Any) -> Any:
        """As a person would write it, with some symbols replaced: one quotient, under one root.

        Raises:
            ExpressionError: a number of it would be too long.
        """
        quotient = sympy.together(substituted(self.radicand, {**values, TARGET: target}))
        above, below = sympy.fraction(quotient)
        if below.is_Number and below != 1:  # which sympy would multiply into the sum
            quotient = sympy.Mul(above, sympy.Pow(below, -1, evaluate=False), evaluate=False)
        return quotient if self.degree == 1 else sympy.Pow(quotient, 1 / self.degree, evaluate=False)


@dataclass(frozen=True)
class Branch:
    """The cost where each maximum and minimum is one of its arguments, in a fixed choice of these."""

    cost: Any
    unknown: Any
    choices: Choices

    @cached_property
    def powers(self) -> dict[Any, Any] | None:
        """Coefficients by exponent of the unknown, or None where it is not a sum of such terms."""
        return powers(self.cost, self.unknown)

    @cached_property
    def forms(self) -> tuple[Form, ...]:
        """The inverse in closed form, every one there is; empty where there is none."""
        if self.powers is None:
            return ()
        powers = {**self.powers, sympy.S.Zero: self.powers.get(sympy.S.Zero, 0) - TARGET}
        low, *higher = sorted(powers)
        steps = [exponent - low for exponent in higher]
        if not steps or len(steps) > 2 or (len(steps) == 2 and steps[1] != 2 * steps[0]):
            return ()
        constant, *rest = (powers[exponent] for exponent in (low, *higher))
        roots = [-constant / rest[0]] if len(rest) == 1 else _quadratic(constant, *rest)
        return tuple(Form(root, steps[0]) for root in roots)

    def applies(self, values: Mapping[Any, Number]) -> bool:
        """Whether the choices are the right ones at these values, the unknown's among them."""
        return all(_chosen(node, argument, values) for node, argument in self.choices)


def _quadratic(c: Any, b: Any, a: Any) -> list[Any]:
    root = sympy.sqrt(b**2 - 4 * a * c)
    return [(-b + root) / (2 * a), (-b - root) / (2 * a)]


def _chosen(node: Any, argument: Any, values: Mapping[Any, Number]) -> bool:
    sign = 1 if isinstance(node, sympy.Max) else -1
    for other in node.args:
        _, high = enclose(sign * (argument - other), values, DIGITS[0])
        if high < 0:
            return False
    return True


@dataclass(frozen=True)
class Solution:
    """A value of the unknown, and the closed form that gave it, if one did."""

    value: Number
    form: Form | None = None


@dataclass(frozen=True)
class Inverse:
    """What the unknown must be for a given cost."""

    cost: Any
    unknown: Any
    branches: tuple[Branch, ...]

    def solutions(
        self, values: Mapping[Any, Number], target: Number, above: Exact, reach: Exact = Fraction(1)
    ) -> list[Solution]:
        """All values of the unknown above `above` that cost `target`, in order.

        Where there is neither a closed form nor a polynomial it is the first that is met, looking from
        `above` in steps of `reach` and then twice as far each time.

        Args:
            values: of every other symbol of the cost.
        """
        solutions: dict[Number, Solution] = {}
        for branch in self.branches:
            for solution in _roots(branch, {**values, TARGET: target}, above, reach):
                if branch.applies({**values, self.unknown: solution.value}):
                    solutions.setdefault(solution.value, solution)
        return [solutions[value] for value in sorted(solutions, key=place)]


@lru_cache(maxsize=512)
def inverse(cost: Any, unknown: Any) -> Inverse:
    """The inverse of a cost over one of its symbols. It is of sympy and without rounding."""
    ways = branched(cost, [unknown])
    branches = [Branch(way, unknown, choices) for way, choices in ways or [(cost, ())]]
    return Inverse(cost, unknown, tuple(branches))


def _roots(branch: Branch, values: Mapping[Any, Number], above: Exact, reach: Exact) -> Iterator[Solution]:
    solutions: list[tuple[Number | None, Form | None]]
    if branch.forms:
        solutions = [(form.value(values), form) for form in branch.forms]
    elif branch.powers is not None and (poly := _polynomial(branch.powers, values)) is not None:
        solutions = [(number, None) for number in algebraic(*poly)]
    else:
        solutions = [(crossing(branch.cost - TARGET, branch.unknown, values, above, reach), None)]
    for number, form in solutions:
        if number is not None and decided(number, lambda x: x > above):
            yield Solution(number, form)


def _polynomial(powers: Mapping[Any, Any], values: Mapping[Any, Number]) -> tuple[Any, int] | None:
    """The cost less its target as a polynomial in a root of the unknown, and which root that is.

    None where a coefficient is not rational, or the degree is too high.
    """
    root = math.lcm(*(int(exponent.q) for exponent in powers))
    low = min(powers)
    terms: dict[tuple[int], Any] = {}
    for exponent, coefficient in {**powers, sympy.S.Zero: powers.get(sympy.S.Zero, 0) - TARGET}.items():
        number = evaluated(sympy.sympify(coefficient), values)
        degree = int((exponent - min(low, 0)) * root)
        if not isinstance(number, Fraction) or degree > MAX_DEGREE:
            return None
        terms[degree,] = to_number(number)
    return sympy.Poly.from_dict(terms, _U, domain="QQ"), root


_U = sympy.Symbol("u", positive=True)


def algebraic(poly: Any, root: int) -> Iterator[Number]:
    """The positive numbers whose `root`-th root is one of the polynomial's."""
    for number, _ in poly.real_roots(multiple=False):
        if number.is_positive:
            exact = _isolated(number) if number.has(sympy.CRootOf) else evaluated(number, {})
            raised = exact if root == 1 or exact is None else evaluated(_U**root, {_U: exact})
            if raised is not None:
                yield raised


def _isolated(number: Any) -> Real:
    """A root of a polynomial, as closely as is asked: sympy isolates it exactly.

    sympy writes some as a multiple of another polynomial's.
    """
    [root] = number.atoms(sympy.CRootOf)
    size = sympy.Rational(str(root.evalf(5)))

    def enclosed(digits: int) -> Ends:
        error = abs(size) / 10**digits
        middle = root.eval_rational(dx=error)
        return from_number(middle - error), from_number(middle + error)

    isolated = real(enclosed, root)
    multiple = number.xreplace({root: _U})
    return real(lambda digits: enclose(multiple, {_U: isolated}, digits), number)
