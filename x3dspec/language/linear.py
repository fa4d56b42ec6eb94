"""Whether an expression is linear in one name: what an axis must be in `m` to be solved for.

Decided on the expression's coefficients, which are expressions themselves, and not at some points: a
polynomial of any degree agrees with a line at as many points as one likes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from fractions import Fraction

from x3dspec.language import expressions as expr
from x3dspec.language.expressions import ONE, ZERO, Expr
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape, variables

#: Far above 1, and low enough to multiply out at once.
MAX_DEGREE = 8

#: By power of the name, from 0 up; the last is not ZERO.
Coefficients = Sequence[Expr]


def slope(root: Expr, name: str) -> Expr | None:
    """The factor of `name` where `root` is linear in it, or None where it is not or does not grow.

    What cancels only between names is not seen to: ``w*m*m - w*m*m + m`` is refused.
    """
    names = {term: (expr.variable(term),) for term in variables([root])}
    try:
        [coefficients] = Tape[Coefficients]([root]).run(_Algebra(), {**names, name: (ZERO, ONE)})
    except (ExpressionError, ExactError):
        return None
    if len(coefficients) != 2:
        return None
    slope: Expr = coefficients[1]
    return slope if slope.value is None or slope.value > 0 else None


class _Algebra:
    """Polynomials in the name. What is none of a low degree is an ExpressionError."""

    def constant(self, value: Exact) -> Coefficients:
        return _trimmed([expr.constant(value)])

    def add(self, a: Coefficients, b: Coefficients) -> Coefficients:
        size = max(len(a), len(b))
        pairs = zip(*([*term, *[ZERO] * (size - len(term))] for term in (a, b)), strict=True)
        return _trimmed([expr.add(*pair) for pair in pairs])

    def multiply(self, a: Coefficients, b: Coefficients) -> Coefficients:
        sums = [ZERO] * max(0, len(a) + len(b) - 1)
        if len(sums) > MAX_DEGREE + 1:
            raise ExpressionError("too high a degree")
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                sums[i + j] = expr.add(sums[i + j], expr.multiply(x, y))
        return _trimmed(sums)

    def divide(self, a: Coefficients, b: Coefficients) -> Coefficients:
        return self.multiply(a, self._whole(expr.divide, (ONE,), b))

    def power(self, a: Coefficients, b: Coefficients) -> Coefficients:
        exponent = b[0].value if len(b) == 1 else None
        if len(a) > 1 and isinstance(exponent, Fraction) and exponent in range(1, MAX_DEGREE + 1):
            return functools.reduce(self.multiply, [a] * int(exponent))
        return self._whole(expr.power, a, b)

    def floor(self, a: Coefficients) -> Coefficients:
        return self._whole(expr.floor, a)

    def ceil(self, a: Coefficients) -> Coefficients:
        return self._whole(expr.ceil, a)

    def minimum(self, a: Coefficients, b: Coefficients) -> Coefficients:
        return self._whole(expr.minimum, a, b)

    def maximum(self, a: Coefficients, b: Coefficients) -> Coefficients:
        return self._whole(expr.maximum, a, b)

    def equal(self, a: Coefficients, b: Coefficients) -> Coefficients:
        return self._whole(expr.equal, a, b)

    def round_to(self, a: Coefficients, step: Coefficients) -> Coefficients:
        return self._whole(expr.round_to, a, step)

    def round_width(self, a: Coefficients, divisor: Coefficients) -> Coefficients:
        return self._whole(expr.round_width, a, divisor)

    def residues(self, count: Coefficients, residue: Coefficients, period: Coefficients) -> Coefficients:
        raise ExpressionError("no polynomial")

    def _whole(self, function: Callable[..., Expr], *arguments: Coefficients) -> Coefficients:
        """Of numbers without the name: of those with it, nothing else is a polynomial."""
        if any(len(term) > 1 for term in arguments):
            raise ExpressionError("no polynomial")
        return _trimmed([function(*(term[0] if term else ZERO for term in arguments))])


def _trimmed(coefficients: list[Expr]) -> Coefficients:
    while coefficients and coefficients[-1] is ZERO:
        coefficients.pop()
    return tuple(coefficients)
