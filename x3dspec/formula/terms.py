"""How large an expression gets when it is multiplied out: counted before sympy sees it.

A spec is untrusted, and one of a few lines can ask for a product of a billion terms. A :class:`Size`
is a polynomial without its coefficients: which monomials it has, and a bound on how large the
coefficients are. It is an algebra like any other, so that one pass over a tape refuses what sympy
would never finish.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import MAX_BITS, MAX_DEGREE, MAX_EXPONENT, Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape, variables

#: Far more than the formula of a stage table has, and few enough to multiply out at once.
MAX_TERMS = 4096
#: Products of two terms, in all of one pass: what multiplying out takes.
MAX_PRODUCTS = 8 * MAX_TERMS
#: How many of them telling which of two sums is larger may take, for every term of theirs.
COMPARISON = 64
#: A sum is not raised to a higher power than this.
MAX_POWER = 8

#: Atoms and their exponents. An atom is a name, or what cannot be multiplied out.
Monomial = frozenset[tuple[Any, Fraction]]
_UNIT: Monomial = frozenset()


@dataclass(frozen=True)
class Size:
    """The monomials of a sum, and about how many bits its longest coefficient has at most.

    `value` is the number that it is, where it is one.
    """

    monomials: frozenset[Monomial]
    bits: float
    value: Exact | None = None


class Sizes:
    """The algebra of sizes, for one pass over a tape. What passes a bound is an ExpressionError."""

    def __init__(self) -> None:
        # Numbered, so that comparing two of them is not comparing all that lies below.
        self._atoms: dict[Any, int] = {}
        self._products = 0

    def constant(self, value: Exact) -> Size:
        rational = (
            value if isinstance(value, Fraction) else Fraction(math.ceil(value if value >= 0 else -value))
        )
        bits = max(rational.numerator.bit_length(), rational.denominator.bit_length())
        return Size(frozenset([_UNIT] if value else []), bits, value)

    def add(self, a: Size, b: Size) -> Size:
        # As if denominators agreed. Where they do not, a sum is longer, by no more than the text of
        # the spec is: products are what grows without measure.
        more = math.log2(1 + 2 ** -abs(a.bits - b.bits))
        return _bounded(a.monomials | b.monomials, max(a.bits, b.bits) + more)

    def multiply(self, a: Size, b: Size) -> Size:
        pairs = len(a.monomials) * len(b.monomials)
        if pairs > MAX_TERMS:
            raise ExpressionError(f"more than {MAX_TERMS} terms when multiplied out")
        self._spend(pairs)
        products = (_product(m, n) for m in a.monomials for n in b.monomials)
        return _bounded(frozenset(products), a.bits + b.bits)

    def divide(self, a: Size, b: Size) -> Size:
        if not b.monomials:
            raise ExpressionError("division by zero")
        return self.multiply(a, self._power(b, Fraction(-1)))

    def power(self, a: Size, b: Size) -> Size:
        exponent = b.value
        return self._power(a, exponent) if isinstance(exponent, Fraction) else self._opaque("power", a, b)

    def floor(self, a: Size) -> Size:
        return self._opaque("floor", a)

    def ceil(self, a: Size) -> Size:
        return self._opaque("ceil", a)

    def minimum(self, a: Size, b: Size) -> Size:
        return self._compared("minimum", a, b)

    def maximum(self, a: Size, b: Size) -> Size:
        return self._compared("maximum", a, b)

    def equal(self, a: Size, b: Size) -> Size:
        return self._opaque("equal", a, b)

    def round_to(self, a: Size, step: Size) -> Size:
        return self._opaque("round_to", a, step)

    def round_width(self, a: Size, divisor: Size) -> Size:
        return self._opaque("round_width", a, divisor)

    def residues(self, count: Size, residue: Size, period: Size) -> Size:
        return self._opaque("residues", count, residue, period)

    def _compared(self, operator: str, a: Size, b: Size) -> Size:
        self._spend(COMPARISON * (len(a.monomials) + len(b.monomials)))
        return self._opaque(operator, a, b)

    def _spend(self, products: int) -> None:
        self._products += products
        if self._products > MAX_PRODUCTS:
            raise ExpressionError(f"more than {MAX_PRODUCTS} products of terms when multiplied out")

    def _opaque(self, *key: Any) -> Size:
        return named(self._atoms.setdefault(key, len(self._atoms)))

    def _power(self, base: Size, exponent: Fraction) -> Size:
        if len(base.monomials) == 1:
            [monomial] = base.monomials
            raised = frozenset((atom, e * exponent) for atom, e in monomial)
            return _bounded(frozenset([raised]), base.bits * float(abs(exponent)))
        if exponent.denominator > 1 or exponent < 0:
            return self._opaque("power", base, exponent)
        if exponent > MAX_POWER:
            raise ExpressionError(f"a sum to a power above {MAX_POWER}")
        power = self.constant(Fraction(1))
        for _ in range(int(exponent)):
            power = self.multiply(power, base)
        return power


def named(key: str | int) -> Size:
    """One atom: a variable, or what is opaque by its number."""
    return Size(frozenset([frozenset([(key, Fraction(1))])]), 1)


def refuse_blow_up(roots: Iterable[Expr]) -> None:
    """Raises:
    ExpressionError: multiplied out, the roots have too many terms, or numbers too long.
    """
    tape: Tape[Size] = Tape(roots)
    tape.run(Sizes(), {name: named(name) for name in variables(tape.roots)})


def _product(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    exponents = dict(a)
    for atom, exponent in b:
        exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
    return frozenset((atom, exponent) for atom, exponent in exponents.items() if exponent)


def _bounded(monomials: frozenset[Monomial], bits: float) -> Size:
    if bits > MAX_BITS:
        raise ExactError(f"a number of more than {MAX_BITS} bits")
    for exponent in {exponent for monomial in monomials for _, exponent in monomial}:
        if abs(exponent) > MAX_EXPONENT or exponent.denominator > MAX_DEGREE:
            raise ExpressionError(f"an exponent beyond {MAX_EXPONENT}, or a root beyond the {MAX_DEGREE}th")
    return Size(monomials, bits)
