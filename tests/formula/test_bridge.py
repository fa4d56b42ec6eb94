"""From our expressions to sympy: the same value, named parts, and no blow-up that sympy would see."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction

import pytest
import sympy

import x3dspec
from x3dspec.formula import sympy_bridge
from x3dspec.formula.sympy_bridge import symbol, to_sympy, translate
from x3dspec.formula.terms import MAX_TERMS, Sizes, named, refuse_blow_up
from x3dspec.language import expressions as expr
from x3dspec.language import tape
from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import Expr, constant, variable
from x3dspec.language.numbers import ExactError
from x3dspec.language.relaxation import relax
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape

X, Y = variable("x"), variable("y")
NETWORKS = (
    "x2d",
    "efficientnet",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "csn_r101",
    "r2plus1d_r50",
    "i3d_r50",
)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_guard_counts_as_sympy_does(name: str) -> None:
    """It cannot know what cancels, and so may count more, never less."""
    roots = relax([x3dspec.load(name).formula(frozenset()).macs])
    [size] = Tape(roots).run(Sizes(), {n: named(n) for n in tape.variables(roots)})
    terms = sympy.Add.make_args(sympy.expand(to_sympy(roots[0])))
    assert len(terms) <= len(size.monomials) <= 2 * len(terms)
    bits = max(term.as_coeff_Mul()[0].p.bit_length() for term in terms)
    assert bits <= size.bits <= bits + 20


def squared(x: Expr, times: int) -> Expr:
    for _ in range(times):
        x = x * x
    return x


def product(count: int) -> Expr:
    return functools.reduce(expr.multiply, (variable(f"v{n}") + 1 for n in range(count)))


BOMBS: dict[str, Callable[[], Expr]] = {
    "a product of sums": lambda: product(40),
    "squares of squares of a sum": lambda: squared(X + Y + 1, 40),
    "squares of squares of a product": lambda: squared(X * 3, 40),
    "squares of squares of a fraction": lambda: squared(X * Fraction(1, 3), 40),
    "powers of powers": lambda: functools.reduce(expr.power, [constant(4096)] * 5, X * 2),
    "powers of powers of a name": lambda: functools.reduce(expr.power, [constant(4096)] * 5, X),
    "a sum to a high power": lambda: expr.power(X + Y, constant(4096)),
    "roots of roots": lambda: functools.reduce(expr.power, [constant(Fraction(1, 97))] * 5, X),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_blow_up_is_refused(bomb: str) -> None:
    root = BOMBS[bomb]()
    for refuse in (lambda: refuse_blow_up([root]), lambda: to_sympy(root, relaxed=True)):
        with pytest.raises((ExpressionError, ExactError)):
            refuse()


def test_what_is_large_and_no_blow_up() -> None:
    many = functools.reduce(expr.add, (X * Y * variable(f"v{n}") * 3 for n in range(MAX_TERMS)))
    refuse_blow_up([many])
    with pytest.raises(ExpressionError, match=f"more than {MAX_TERMS} terms"):
        refuse_blow_up([many * (X + Y)])


def test_comparing_what_is_opaque_is_not_comparing_all_below() -> None:
    left, right = X + Y, Y + X
    for _ in range(200):
        left, right = expr.maximum(left, right * 2), expr.maximum(left, right * 2) + 0 * X
        left, right = left + right, right + left
    refuse_blow_up([left, right])


def test_named_parts() -> None:
    inside = expr.ceil(X * 5)
    outside = expr.floor(inside * Y)
    made = translate([outside * 2 + inside], {inside: "n", outside: "w"})
    n, w = (sympy.Symbol(name, real=True, integer=True) for name in "nw")
    x, y = symbol("x"), symbol("y")
    assert made.definitions == ((n, sympy.ceiling(5 * x)), (w, sympy.floor(n * y)))
    assert made.values == (2 * w + n,)


def test_relaxed_is_without_rounding() -> None:
    cost = expr.ceil(X * 5) * expr.round_width(Y * 3, constant(8))
    assert to_sympy(cost, relaxed=True) == 15 * symbol("x") * symbol("y")
    assert to_sympy(cost).atoms(sympy_bridge.RoundWidth)
    [value] = Tape([cost]).run(EXACT, {"x": Fraction(3, 2), "y": Fraction(7)})
    assert to_sympy(cost).subs({symbol("x"): sympy.Rational(3, 2), symbol("y"): 7}) == value
