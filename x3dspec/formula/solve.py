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

import mpmath
import sympy

from x3dspec.formula.enclosures import enclose, evaluated, real, walk
from x3dspec.formula.real import DIGITS, Ends, Number, Real, decided
from x3dspec.formula.sympy_bridge import to_number
from x3dspec.language.numbers import Exact

#: The cost to reach, in closed forms.
TARGET = sympy.Dummy("C", positive=True)
#: Ways through the maxima and minima of one cost that are tried.
MAX_BRANCHES = 64
#: Algebraic numbers of a higher degree are found in a bracket.
MAX_DEGREE = 16
#: A bracket is looked for in so many doublings.
MAX_DOUBLINGS = 40


@dataclass(frozen=True)
class Branch:
    """The cost where each maximum and minimum is one of its arguments, in a fixed choice of these."""

    cost: Any
    unknown: Any
    choices: tuple[tuple[Any, Any], ...]

    @cached_property
    def powers(self) -> dict[Any, Any] | None:
        """Coefficients by exponent of the unknown, or None where it is not a sum of such terms."""
        powers: dict[Any, Any] = {}
        for term in sympy.Add.make_args(sympy.expand(self.cost)):
            coefficient, power = term.as_independent(self.unknown, as_Add=False)
            base, exponent = power.as_base_exp()
            if power != 1 and (base != self.unknown or not exponent.is_Rational):
                return None
            exponent = exponent if power != 1 else sympy.S.Zero
            powers[exponent] = powers.get(exponent, 0) + coefficient
        return {exponent: powers[exponent] for exponent in sorted(powers)}

    @cached_property
    def forms(self) -> tuple[Any, ...]:
        """The inverse in closed form, every one there is; empty where there is none."""
        if self.powers is None:
            return ()
        powers = {**self.powers, sympy.S.Zero: self.powers.get(sympy.S.Zero, 0) - TARGET}
        low, *higher = sorted(powers)
        steps = [exponent - low for exponent in higher]
        if not steps or len(steps) > 2 or (len(steps) == 2 and steps[1] != 2 * steps[0]):
            return ()
        constant, *rest = (powers[exponent] for exponent in (low, *higher))
        roots = _linear(constant, *rest) if len(rest) == 1 else _quadratic(constant, *rest)
        return tuple(root ** (1 / steps[0]) for root in roots)

    def applies(self, values: Mapping[Any, Number]) -> bool:
        """Whether the choices are the right ones at these values, the unknown's among them."""
        return all(_chosen(node, argument, values) for node, argument in self.choices)


def _linear(constant: Any, slope: Any) -> list[Any]:
    return [-constant / slope]


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
    """A value of the unknown, and the closed form over all else and TARGET that gave it, if one did."""

    value: Number
    form: Any


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
        return [solutions[value] for value in sorted(solutions, key=_place)]


@lru_cache(maxsize=512)
def inverse(cost: Any, unknown: Any) -> Inverse:
    """The inverse of a cost over one of its symbols. It is of sympy and without rounding."""
    branches = tuple(_branches(cost, unknown, ()))
    if len(branches) > MAX_BRANCHES:
        branches = (Branch(cost, unknown, ()),)
    return Inverse(cost, unknown, branches)


def _branches(cost: Any, unknown: Any, choices: tuple[tuple[Any, Any], ...]) -> Iterator[Branch]:
    """One for every choice of an argument for each maximum and minimum, the innermost first."""
    nodes = [node for node in cost.atoms(sympy.Max, sympy.Min) if node.has(unknown)]
    inner = [node for node in nodes if not any(a.has(sympy.Max, sympy.Min) for a in node.args)]
    if not inner or 2 ** len(choices) > MAX_BRANCHES:
        yield Branch(cost, unknown, choices)
        return
    node = min(inner, key=str)
    for argument in sorted(node.args, key=lambda a: (not a.has(unknown), str(a))):
        yield from _branches(cost.xreplace({node: argument}), unknown, (*choices, (node, argument)))


def _roots(branch: Branch, values: Mapping[Any, Number], above: Exact, reach: Exact) -> Iterator[Solution]:
    if branch.forms:
        pairs = [(evaluated(form, values), form) for form in branch.forms]
    elif branch.powers is not None and (poly := _polynomial(branch.powers, values)) is not None:
        pairs = [(number, None) for number in _algebraic(*poly)]
    else:
        pairs = [(_bracketed(branch, values, above, reach), None)]
    for number, form in pairs:
        if number is not None and decided(number, lambda x: x > above):
            yield Solution(number, form)


def _place(number: Number) -> Fraction:
    return number.low if isinstance(number, Real) else Fraction(float(number))


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
        terms[degree,] = sympy.Rational(number.numerator, number.denominator)
    return sympy.Poly.from_dict(terms, _U, domain="QQ"), root


_U = sympy.Symbol("u", positive=True)


def _algebraic(poly: Any, root: int) -> Iterator[Number]:
    """The positive numbers whose `root`-th root is one of the polynomial's."""
    for number, _ in poly.real_roots(multiple=False):
        if number.is_positive:
            exact = _isolated(number) if isinstance(number, sympy.CRootOf) else evaluated(number, {})
            raised = exact if root == 1 or exact is None else evaluated(_U**root, {_U: exact})
            if raised is not None:
                yield raised


def _isolated(number: Any) -> Real:
    """A root of a polynomial, as closely as is asked: sympy isolates it exactly."""

    def enclosed(digits: int) -> Ends:
        size = sympy.Rational(1, 10**digits) * sympy.Rational(str(number.evalf(5)))
        middle = number.eval_rational(dx=size)
        return _rational(middle - size), _rational(middle + size)

    return real(enclosed, number)


def _rational(number: Any) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def _bracketed(branch: Branch, values: Mapping[Any, Number], above: Exact, reach: Exact) -> Number | None:
    """The first place above `above` where the cost passes its target upwards, or None."""
    crossing = _Crossing(branch.cost - TARGET, branch.unknown, values)
    steps = [Fraction(float(above) + float(reach) * 2.0**k) for k in range(MAX_DOUBLINGS)]
    low = Fraction(float(above) + float(reach) * 2.0**-MAX_DOUBLINGS)
    try:
        if crossing.sign(low, DIGITS[0]) >= 0:
            return None
        high = next((step for step in steps if crossing.sign(step, DIGITS[0]) > 0), None)
        return None if high is None else real(lambda digits: crossing.enclosed(low, high, digits))
    except (ValueError, ArithmeticError):
        return None


@dataclass(frozen=True)
class _Crossing:
    """Where a function of one unknown changes its sign from minus to plus."""

    function: Any
    unknown: Any
    values: Mapping[Any, Number]

    def sign(self, x: Fraction, digits: int) -> int:
        """Certified, or 0 where these digits do not tell."""
        low, high = enclose(self.function, {**self._others, self.unknown: x}, digits)
        return (low > 0) - (high < 0)

    @cached_property
    def _others(self) -> dict[Any, Number]:
        symbols = self.function.free_symbols - {self.unknown}
        return {symbol: self.values[symbol] for symbol in symbols}

    def enclosed(self, low: Fraction, high: Fraction, digits: int) -> Ends:
        """A bracket around what mpmath finds, as narrow as the signs at its ends can be told."""
        root = self._root(low, high, digits)
        size = abs(root) / 10 ** (digits - 5)
        while low < root - size or root + size < high:
            if self.sign(root - size, digits) < 0 < self.sign(root + size, digits):
                return root - size, root + size
            size *= 1000
        return low, high

    def _root(self, low: Fraction, high: Fraction, digits: int) -> Fraction:
        context = mpmath.MPContext()
        context.dps = digits + 10
        numbers = {symbol: _middle(value, digits, context) for symbol, value in self._others.items()}
        bracket = [_middle(end, digits, context) for end in (low, high)]
        root = context.findroot(
            lambda x: walk(self.function, {**numbers, self.unknown: x}, context),
            bracket, solver="anderson", maxsteps=20 * digits, verify=False,
        )  # fmt: skip
        return Fraction(int(root.man) * 2 ** max(root.exp, 0), 2 ** max(-root.exp, 0))


def _middle(value: Number, digits: int, context: Any) -> Any:
    low, high = value.enclosed(digits) if isinstance(value, Real) else enclose(to_number(value), {}, digits)
    middle = (low + high) / 2
    return context.mpf(middle.numerator) / context.mpf(middle.denominator)
