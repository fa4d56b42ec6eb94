"""Expressions multiplied out, and put together again so that a person can read them.

A polynomial maps monomials to exact coefficients. Its variables are the atoms: names, and whatever
cannot be multiplied out (a rounded number, a maximum, one over a sum). Exponents are rational, so
that ``sqrt(gamma_s)`` and ``1 / gamma_tau`` are monomials too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from x3dspec.language import expressions as expr
from x3dspec.language import numbers as exact
from x3dspec.language.expressions import Expr
from x3dspec.language.grammar import ExpressionError
from x3dspec.language.numbers import Exact

#: Far more than the formula of a stage table has, and few enough to multiply out at once.
MAX_TERMS = 4096
#: A sum to a higher power than this is an atom.
MAX_POWER = 8

Monomial = frozenset[tuple[Expr, Fraction]]
_UNIT: Monomial = frozenset()


@dataclass(frozen=True)
class Polynomial:
    """A sum of monomials with coefficients other than 0."""

    terms: Mapping[Monomial, Exact]

    def __add__(self, other: Polynomial) -> Polynomial:
        return _collected((*self.terms.items(), *other.terms.items()))

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + number(-1) * other

    def __mul__(self, other: Polynomial) -> Polynomial:
        if len(self.terms) * len(other.terms) > MAX_TERMS:
            raise ExpressionError(f"more than {MAX_TERMS} terms when multiplied out")
        pairs = ((m, a, n, b) for m, a in self.terms.items() for n, b in other.terms.items())
        return _collected((_product(m, n), exact.bounded(a * b)) for m, a, n, b in pairs)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def value(self) -> Exact | None:
        """The number that it is, or None."""
        if not self.terms:
            return Fraction(0)
        return self.terms.get(_UNIT) if len(self.terms) == 1 else None


def number(value: Exact | int) -> Polynomial:
    return _collected([(_UNIT, Fraction(value) if isinstance(value, int) else value)])


def atom(node: Expr, exponent: Fraction = Fraction(1)) -> Polynomial:
    return Polynomial({frozenset([(node, exponent)]): Fraction(1)})


def _collected(terms: Iterable[tuple[Monomial, Exact]]) -> Polynomial:
    total: dict[Monomial, Exact] = {}
    for monomial, coefficient in terms:
        total[monomial] = exact.bounded(total.get(monomial, Fraction(0)) + coefficient)
    return Polynomial({monomial: value for monomial, value in total.items() if value != 0})


def _product(a: Monomial, b: Monomial) -> Monomial:
    exponents = dict(a)
    for node, exponent in b:
        exponents[node] = exponents.get(node, Fraction(0)) + exponent
    return frozenset((node, exponent) for node, exponent in exponents.items() if exponent)


class Polynomials:
    """The algebra of polynomials, and the order in which its atoms are written.

    `names` are the variables in that order; atoms that turn up on the way come after them. Of
    `positive` ones a root may be taken factor by factor.
    """

    def __init__(self, names: Iterable[Expr], positive: Iterable[Expr]) -> None:
        self._order = {node: index for index, node in enumerate(names)}
        self._positive = frozenset(positive)

    def constant(self, value: Exact) -> Polynomial:
        return number(value)

    def add(self, a: Polynomial, b: Polynomial) -> Polynomial:
        return a + b

    def multiply(self, a: Polynomial, b: Polynomial) -> Polynomial:
        return a * b

    def divide(self, a: Polynomial, b: Polynomial) -> Polynomial:
        if not b:
            raise ExpressionError("division by zero")
        return a * self._power(b, Fraction(-1))

    def power(self, a: Polynomial, b: Polynomial) -> Polynomial:
        exponent = b.value
        if isinstance(exponent, Fraction) and (a or exponent > 0):
            return self._power(a, exponent)
        return self._opaque(expr.power, a, b)

    def floor(self, a: Polynomial) -> Polynomial:
        return self._opaque(expr.floor, a)

    def ceil(self, a: Polynomial) -> Polynomial:
        return self._opaque(expr.ceil, a)

    def minimum(self, a: Polynomial, b: Polynomial) -> Polynomial:
        return self._opaque(expr.minimum, a, b)

    def maximum(self, a: Polynomial, b: Polynomial) -> Polynomial:
        return self._opaque(expr.maximum, a, b)

    def equal(self, a: Polynomial, b: Polynomial) -> Polynomial:
        return self._opaque(expr.equal, a, b)

    def round_to(self, a: Polynomial, step: Polynomial) -> Polynomial:
        return self._opaque(expr.round_to, a, step)

    def round_width(self, a: Polynomial, divisor: Polynomial) -> Polynomial:
        return self._opaque(expr.round_width, a, divisor)

    def residues(self, count: Polynomial, residue: Polynomial, period: Polynomial) -> Polynomial:
        r, p = (math.floor(each.value or 0) for each in (residue, period))
        return self._opaque(lambda n: expr.residues(n, r, p), count)

    def written(self, polynomial: Polynomial, times: Expr = expr.ONE) -> Expr:
        """An expression for it, as often as `times` says, with what its terms share in front."""
        if not polynomial:
            return expr.ZERO
        content, common, rest = self._split(polynomial)
        above, below = self._fraction(common)
        product = expr.multiply(expr.multiply(times, above), self._sum(rest))
        return expr.multiply(expr.constant(content), expr.divide(product, below))

    def summand(self, monomial: Monomial, coefficient: Exact) -> Expr:
        """One term of a polynomial."""
        above, below = self._fraction(monomial)
        return expr.multiply(expr.constant(coefficient), expr.divide(above, below))

    def _opaque(self, function: Callable[..., Expr], *arguments: Polynomial) -> Polynomial:
        node = function(*(self.written(argument) for argument in arguments))
        return number(node.value) if node.value is not None else self._atom(node)

    def _atom(self, node: Expr, exponent: Fraction = Fraction(1)) -> Polynomial:
        self._order.setdefault(node, len(self._order))
        return atom(node, exponent)

    def _power(self, base: Polynomial, exponent: Fraction) -> Polynomial:
        whole = exponent.denominator == 1
        if len(base.terms) == 1:
            [(monomial, coefficient)] = base.terms.items()
            if whole or (exact.sign(coefficient) > 0 and {node for node, _ in monomial} <= self._positive):
                raised = frozenset((node, e * exponent) for node, e in monomial if exponent)
                return Polynomial({raised: exact.power(coefficient, exponent)})
        if whole and 0 <= exponent <= MAX_POWER:
            return math.prod([base] * int(exponent), start=number(1))
        return self._atom(self.written(base), exponent)

    def _split(self, polynomial: Polynomial) -> tuple[Fraction, Monomial, Polynomial]:
        """Coefficient and monomial that all terms share, and what is left of the sum."""
        content = _content(list(polynomial.terms.values()))
        common = _common(polynomial.terms)
        inverse = frozenset((node, -exponent) for node, exponent in common)
        return content, common, polynomial * Polynomial({inverse: 1 / content})

    def _sum(self, polynomial: Polynomial) -> Expr:
        """A sum whose terms share nothing: what many of them share is put in front of those."""
        left = polynomial
        parts: list[Expr] = []
        while (shared := self._shared(left)) is not None:
            chosen = Polynomial({m: c for m, c in left.terms.items() if dict(m).get(shared, 0) > 0})
            parts.append(self.written(chosen))
            left = left - chosen
        return functools.reduce(expr.add, parts + self._ordered(left))

    def _shared(self, polynomial: Polynomial) -> Expr | None:
        """The atom that most terms have, at least two; the first in order where several do."""
        counts: dict[Expr, int] = {}
        for monomial in polynomial.terms:
            for node, exponent in monomial:
                counts[node] = counts.get(node, 0) + (exponent > 0)
        often = [node for node, count in counts.items() if count > 1]
        return min(often, key=lambda node: (-counts[node], self._order[node]), default=None)

    def _ordered(self, polynomial: Polynomial) -> list[Expr]:
        """The terms as expressions: what is subtracted last, a bare number after the others."""

        def key(term: tuple[Monomial, Exact]) -> tuple[bool, bool, list[int]]:
            monomial, coefficient = term
            places = sorted(self._order[node] for node, _ in monomial)
            return exact.sign(coefficient) < 0, not monomial, places

        return [self.summand(*term) for term in sorted(polynomial.terms.items(), key=key)]

    def _fraction(self, monomial: Monomial) -> tuple[Expr, Expr]:
        """Numerator and denominator."""
        above, below = expr.ONE, expr.ONE
        for node, exponent in sorted(monomial, key=lambda power: self._order[power[0]]):
            raised = expr.power(node, expr.constant(abs(exponent)))
            if exponent > 0:
                above = expr.multiply(above, raised)
            else:
                below = expr.multiply(below, raised)
        return above, below


def _content(coefficients: Collection[Exact]) -> Fraction:
    """What can be taken out of all coefficients so that small whole numbers are left."""
    rational = [each for each in coefficients if isinstance(each, Fraction)]
    if len(rational) < len(coefficients):
        return Fraction(1)
    size = Fraction(
        math.gcd(*(each.numerator for each in rational)),
        math.lcm(*(each.denominator for each in rational)),
    )
    return size if any(each > 0 for each in rational) else -size


def _common(monomials: Iterable[Monomial]) -> Monomial:
    """The greatest monomial that divides all of them."""
    powers = [dict(monomial) for monomial in monomials]
    nodes = {node for each in powers for node in each}
    least = ((node, min(each.get(node, Fraction(0)) for each in powers)) for node in nodes)
    return frozenset((node, exponent) for node, exponent in least if exponent)
