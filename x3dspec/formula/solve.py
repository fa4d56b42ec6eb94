"""What a factor must be for a given cost: sympy inverts the cost that dropped its rounding.

Along an axis, or over one factor, a relaxed cost is nearly always a polynomial in the unknown: of degree
1 in frames and depth, of degree 2 in sizes and widths. Of these, and of whatever is one of them in a
power of the unknown, the inverse is a closed form in all other factors and the target. Otherwise it is
an algebraic number where the numbers are rational, isolated by sympy; or, where the unknown stands in an
exponent, the root in a certified bracket. Of ``max`` and ``min`` the branch that applies is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import mpmath
import sympy

from x3dspec.formula.enclosures import enclose, evaluated, real, substituted, walk
from x3dspec.formula.powers import forks, powers
from x3dspec.formula.real import DIGITS, Ends, Number, Real, decided, place
from x3dspec.formula.sympy_bridge import to_number
from x3dspec.language.numbers import Exact
from x3dspec.language.syntax import ExpressionError

#: The cost to reach, in closed forms.
TARGET = sympy.Dummy("C", positive=True)
#: Ways through the maxima and minima of one cost that are tried.
MAX_BRANCHES = 64
#: Algebraic numbers of a higher degree are found in a bracket.
MAX_DEGREE = 16
#: A bracket is looked for in so many doublings, and halved to this part of its place before mpmath sees it.
MAX_DOUBLINGS, NEAR = 40, Fraction(1, 2**20)


@dataclass(frozen=True)
class Form:
    """A closed form: the `degree`-th root of an expression over all other symbols and TARGET."""

    radicand: Any
    degree: Any

    @cached_property
    def expression(self) -> Any:
        """As sympy computes with it."""
        return self.radicand ** (1 / self.degree)

    def legible(self, values: Mapping[Any, Any], target: Any) -> Any:
        """As a person would write it, with some symbols replaced: one quotient, under one root.

        Raises:
            ExpressionError: a number of it would be too long.
        """
        quotient = sympy.together(substituted(self.radicand, {**values, TARGET: target}))
        above, below = sympy.fraction(quotient)
        quotient = (
            above if below == 1 else sympy.Mul(above, sympy.Pow(below, -1, evaluate=False), evaluate=False)
        )
        return quotient if self.degree == 1 else sympy.Pow(quotient, 1 / self.degree, evaluate=False)


@dataclass(frozen=True)
class Branch:
    """The cost where each maximum and minimum is one of its arguments, in a fixed choice of these."""

    cost: Any
    unknown: Any
    choices: tuple[tuple[Any, Any], ...]

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
    branches = tuple(_branches(cost, unknown, ()))
    if len(branches) > MAX_BRANCHES:
        branches = (Branch(cost, unknown, ()),)
    return Inverse(cost, unknown, branches)


def _branches(cost: Any, unknown: Any, choices: tuple[tuple[Any, Any], ...]) -> Iterator[Branch]:
    """One for every choice of an argument for each maximum and minimum, the innermost first."""
    inner = forks(cost, unknown)
    if not inner or 2 ** len(choices) > MAX_BRANCHES:
        yield Branch(cost, unknown, choices)
        return
    node = inner[0]
    for argument in sorted(node.args, key=lambda a: (not a.has(unknown), str(a))):
        yield from _branches(cost.xreplace({node: argument}), unknown, (*choices, (node, argument)))


#: A number for each unknown.
Values = dict[Any, Number]


def system(costs: Sequence[Any], unknowns: Sequence[Any], targets: Sequence[Fraction]) -> list[Values]:
    """All positive values of some unknowns at which as many costs, over them alone, have their targets.

    One unknown after the other is eliminated by a resultant: where a cost is linear in it, that is to
    solve for it and to put it into the others. What is left over one unknown has real algebraic roots.

    Raises:
        ExpressionError: a cost is no polynomial in the unknowns.
    """
    equations = [cost - _number(target) for cost, target in zip(costs, targets, strict=True)]
    solutions: list[Values] = []
    for branch in _combined(equations, unknowns):
        for values in _eliminated(branch, list(unknowns)):
            if values not in solutions and all(_holds(each, values) for each in equations):
                solutions.append(values)
    return solutions


def _number(value: Fraction) -> Any:
    return sympy.Rational(value.numerator, value.denominator)


def _combined(equations: Sequence[Any], unknowns: Sequence[Any]) -> Iterator[list[Any]]:
    """The equations in every choice of an argument for each maximum and minimum."""
    nodes = {node for each in equations for node in each.atoms(sympy.Max, sympy.Min) if node.has(*unknowns)}
    inner = [node for node in nodes if not any(a.has(sympy.Max, sympy.Min) for a in node.args)]
    if not inner:
        yield list(equations)
        return
    if len(nodes) > math.log2(MAX_BRANCHES):
        raise ExpressionError("too many maxima and minima")
    node = min(inner, key=str)
    for argument in node.args:
        yield from _combined([each.xreplace({node: argument}) for each in equations], unknowns)


def _eliminated(equations: list[Any], unknowns: list[Any]) -> Iterator[Values]:
    """Positive solutions of polynomial equations, and others that a resultant adds."""
    polys = [_poly(each, unknowns) for each in equations]
    if len(unknowns) == 1:
        yield from ({unknowns[0]: root} for root in _algebraic(polys[0], 1))
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


def equation(name: str, expression: Any, form: str) -> str:
    """`name` equals an expression, as ``text``, ``latex`` or ``python``."""
    if form == "latex":
        return f"{sympy.latex(sympy.Symbol(name))} = {sympy.latex(expression)}"
    if form == "python":
        return f"{name} = {sympy.pycode(expression)}"
    return f"{name} = {expression}"


def _roots(branch: Branch, values: Mapping[Any, Number], above: Exact, reach: Exact) -> Iterator[Solution]:
    solutions: list[tuple[Number | None, Form | None]]
    if branch.forms:
        solutions = [(evaluated(form.expression, values), form) for form in branch.forms]
    elif branch.powers is not None and (poly := _polynomial(branch.powers, values)) is not None:
        solutions = [(number, None) for number in _algebraic(*poly)]
    else:
        solutions = [(_bracketed(branch, values, above, reach), None)]
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
        terms[degree,] = sympy.Rational(number.numerator, number.denominator)
    return sympy.Poly.from_dict(terms, _U, domain="QQ"), root


_U = sympy.Symbol("u", positive=True)


def _algebraic(poly: Any, root: int) -> Iterator[Number]:
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
        middle = root.eval_rational(dx=abs(size) / 10**digits)
        return _rational(middle - abs(size) / 10**digits), _rational(middle + abs(size) / 10**digits)

    isolated = real(enclosed, root)
    multiple = number.xreplace({root: _U})
    return real(lambda digits: enclose(multiple, {_U: isolated}, digits), number)


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
        low, high = self._halved(low, high, digits, NEAR)
        root = self._root(low, high, digits)
        size = abs(root) / 10 ** (digits - 5)
        while low < root - size or root + size < high:
            if self.sign(root - size, digits) < 0 < self.sign(root + size, digits):
                return root - size, root + size
            size *= 1000
        return self._halved(low, high, digits, Fraction(1, 10 ** (digits - 5)))

    def _halved(self, low: Fraction, high: Fraction, digits: int, width: Fraction) -> Ends:
        """The part of a bracket with the change of sign, so narrow for its size if these digits tell."""
        while high - low > width * abs(high):
            middle = (low + high) / 2
            sign = self.sign(middle, digits)
            if sign == 0:
                break
            low, high = (middle, high) if sign < 0 else (low, middle)
        return low, high

    def _root(self, low: Fraction, high: Fraction, digits: int) -> Fraction:
        context = mpmath.MPContext()
        context.dps = digits + 10
        numbers = {symbol: _middle(value, digits, context) for symbol, value in self._others.items()}
        bracket = [_middle(end, digits, context) for end in (low, high)]
        root = context.findroot(
            lambda x: walk(self.function, {**numbers, self.unknown: x}, context),
            bracket, solver="illinois", maxsteps=20 * digits, verify=False,
        )  # fmt: skip
        return Fraction(int(root.man) * 2 ** max(root.exp, 0), 2 ** max(-root.exp, 0))


def _middle(value: Number, digits: int, context: Any) -> Any:
    low, high = value.enclosed(digits) if isinstance(value, Real) else enclose(to_number(value), {}, digits)
    middle = (low + high) / 2
    return context.mpf(middle.numerator) / context.mpf(middle.denominator)
