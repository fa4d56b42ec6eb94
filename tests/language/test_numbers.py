"""Exact numbers against the laws of a ring, against mpmath, and against their own bounds."""

from __future__ import annotations

import ast
import copy
import math
import operator
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from x3dspec.language import numbers as exact
from x3dspec.language.numbers import (
    Exact,
    ExactError,
    Root,
    bounded,
    ceil,
    floor,
    nearest_integer,
    power,
    sign,
    sqrt,
    text,
)

ORACLE = mpmath.MPContext()
ORACLE.dps = 400
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
OPERATIONS: dict[type[ast.AST], Callable[[Any, Any], Exact]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: power,
}

laws = settings(deadline=None, max_examples=120)
rationals = st.fractions(min_value=-50, max_value=50, max_denominator=60)
# Divisors of 12, so that no product of roots outgrows the bound on degrees.
exponents = st.builds(Fraction, st.integers(-12, 12), st.sampled_from([1, 2, 3, 4, 6]))


def oracle_rational(x: Fraction) -> Any:
    return ORACLE.mpf(x.numerator) / x.denominator


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Exact, Any]:
    """A rational times a root, with its value worked out by mpmath from the same draws."""
    factor, base, exponent = (
        draw(rationals.filter(lambda x: x > 0)),
        draw(st.integers(1, 60)),
        draw(exponents),
    )
    value = factor * power(Fraction(base), exponent)
    return value, oracle_rational(factor) * ORACLE.mpf(base) ** oracle_rational(exponent)


values = pairs().map(lambda pair: pair[0])


def read(source: str) -> Exact:
    """The value of an expression, by the plainest reading of its grammar."""

    def value(node: ast.AST) -> Exact:
        match node:
            case ast.Expression(body):
                return value(body)
            case ast.Constant():
                return Fraction(ast.get_source_segment(source, node) or "")
            case ast.UnaryOp(ast.USub(), operand):
                return -value(operand)
            case ast.BinOp(left, op, right):
                return OPERATIONS[type(op)](value(left), value(right))
            case ast.Call(ast.Name("sqrt"), [argument]):
                return sqrt(value(argument))
        raise AssertionError(ast.dump(node))

    return value(ast.parse(source, mode="eval"))


@laws
@given(values, values, values)
def test_laws_of_a_group(x: Exact, y: Exact, z: Exact) -> None:
    assert x * y == y * x
    assert (x * y) * z == x * (y * z)
    assert x * 1 == x == x + 0 == 0 + x == x - 0
    assert x * 0 == 0 == 0 * x
    assert x / y * y == x
    assert hash(x * y / y) == hash(x)


@laws
@given(values, values)
def test_every_result_is_in_lowest_terms(x: Exact, y: Exact) -> None:
    for result in (x, x * y, x / y):
        assert isinstance(result, (Fraction, Root))
        if isinstance(result, Root):
            root = sympy.Rational(result.radicand) ** sympy.Rational(1, result.degree)
            minimal = sympy.minimal_polynomial(root)
            assert sympy.degree(minimal) == result.degree > 1


@laws
@given(values, st.integers(0, 5))
def test_whole_powers(x: Exact, n: int) -> None:
    assert power(x, -n) * power(x, n) == 1
    assert power(x, n) == math.prod([x] * n, start=Fraction(1))


@laws
@given(
    st.builds(lambda factor, n: abs(factor) * sqrt(n), rationals.filter(bool), st.integers(1, 99)),
    st.fractions(min_value=-3, max_value=3, max_denominator=5),
    st.fractions(min_value=-3, max_value=3, max_denominator=5),
)
def test_fractional_powers_obey_the_laws_of_exponents(m: Exact, a: Fraction, b: Fraction) -> None:
    assert power(m, a) * power(m, b) == power(m, a + b)
    assert power(power(m, a), b) == power(m, a * b)
    assert power(power(m, a), a.denominator) == power(m, a.numerator)


@laws
@given(pairs(), pairs())
def test_agrees_with_mpmath(first: tuple[Exact, Any], second: tuple[Exact, Any]) -> None:
    (x, real_x), (y, real_y) = first, second
    x, real = x * y / power(x, 3), real_x * real_y / real_x**3
    if isinstance(x, Root):
        assert float(x) == float(real)
        assert floor(x) == int(ORACLE.floor(real))
        assert ceil(x) == int(ORACLE.ceil(real))
        assert nearest_integer(x) == int(ORACLE.floor(real + 0.5))
        assert sign(x) == 1
        assert abs(x) == x > 0
    if x != y:
        assert (x < y, x <= y, x > y, x >= y) == ((real < real_y),) * 2 + ((real > real_y),) * 2
    else:
        assert abs(real - real_y) < ORACLE.mpf(10) ** -300
        assert x <= y <= x


@given(st.integers(2, 10**6 - 1))
def test_roots_next_to_a_square(n: int) -> None:
    assert floor(sqrt(n * n + 1)) == n == ceil(sqrt(n * n - 1))
    assert ceil(sqrt(n * n + 1)) == n + 1
    assert floor(sqrt(n * n - 1)) == n - 1
    assert sqrt(n * n - 1) < n < sqrt(n * n + 1)
    assert sqrt(n * n) == n


@laws
@given(st.integers(1, 10**150), st.integers(1, 10**6), st.integers(2, 7))
def test_floor_of_a_large_multiple_of_a_root(c: int, n: int, k: int) -> None:
    root = floor(c * power(n, Fraction(1, k)))
    assert root**k <= c**k * n < (root + 1) ** k


@given(st.fractions(min_value=-99, max_value=99))
def test_the_nearest_integer_of_a_rational(x: Fraction) -> None:
    assert nearest_integer(x) == math.floor(x + HALF)


def test_convergents_are_told_from_the_root() -> None:
    p, q = 1, 1
    for _ in range(600):
        below = p * p < 2 * q * q
        assert (Fraction(p, q) < sqrt(2)) == below == (sqrt(2) > Fraction(p, q))
        p, q = p + 2 * q, p + q


def test_canonical_form() -> None:
    assert sqrt(8) == 2 * sqrt(2) == sqrt(2) * 2
    assert sqrt(HALF) == sqrt(2) / 2 == 1 / sqrt(2)
    assert power(2, HALF) * power(2, THIRD) == power(2, Fraction(5, 6))
    assert power(4, Fraction(1, 4)) == sqrt(2)
    assert sqrt(2 * sqrt(2)) == power(2, Fraction(3, 4))
    assert power(Fraction(8, 27), Fraction(-2, 3)) == Fraction(9, 4)
    assert sqrt(2) != Fraction(1414, 1000)
    assert sqrt(2) != math.sqrt(2)
    assert len({sqrt(8), 2 * sqrt(2), sqrt(3)}) == 2


@pytest.mark.parametrize(
    "rational",
    [
        sqrt(2) * sqrt(2),
        sqrt(8) / sqrt(2),
        power(sqrt(2), -2),
        power(sqrt(2), 0),
        power(0, HALF),
        power(0, 0),
        power(7, 1),
        sqrt(10**40),
        bounded(3),
    ],
)
def test_a_rational_result_is_a_fraction(rational: Exact) -> None:
    assert type(rational) is Fraction


def test_operators_take_both_orders() -> None:
    root, half = sqrt(2), HALF
    assert 3 * root == root * 3
    assert half / root == root / 4
    assert 2 / (2 * root) == root / 2
    assert root**3 == 2 * root
    assert bool(root)
    assert 1 < root < 2
    assert half <= root
    assert not root <= half
    assert max(1, root, half) == root
    assert math.floor(root) == 1
    assert math.ceil(root) == 2
    assert floor(Fraction(-7, 2)) == -4
    assert [sign(x) for x in (Fraction(-3), Fraction(0), 5)] == [-1, 0, 1]
    assert repr(root) == "Root(sqrt(2))"
    assert pickle.loads(pickle.dumps(root)) == copy.deepcopy(root) == root


@pytest.mark.parametrize("mistake", [operator.add, operator.sub, operator.mul, operator.lt])
@pytest.mark.parametrize("stranger", [0.5, "a", None])
def test_other_types_are_not_taken(mistake: Callable[..., object], stranger: object) -> None:
    with pytest.raises(TypeError):
        mistake(sqrt(2), stranger)
    with pytest.raises(TypeError):
        mistake(stranger, sqrt(2))


@pytest.mark.parametrize(
    ("value", "spelling"),
    [
        (Fraction(0), "0"),
        (-12, "-12"),
        (Fraction(9, 4), "2.25"),
        (Fraction(-1, 20), "-0.05"),
        (Fraction("1.45"), "1.45"),
        (Fraction("2.284"), "2.284"),
        (Fraction(1, 16), "0.0625"),
        (Fraction(1, 32), "1/32"),
        (Fraction(10, 7), "10/7"),
        (sqrt(2), "sqrt(2)"),
        (3 * sqrt(2) / 2, "3/2*sqrt(2)"),
        (power(6, THIRD), "6**(1/3)"),
        (power(12, THIRD), "12**(1/3)"),
        (power(Fraction(6, 5), Fraction(13, 10)), "(6/5)**(13/10)"),
        (power(2, Fraction(131, 100)), "2**(131/100)"),
        (sqrt(999983) * sqrt(1000003) * sqrt(2), "sqrt(1999971999898)"),
    ],
)
def test_text(value: Exact, spelling: str) -> None:
    assert text(value) == spelling
    assert read(spelling) == value


@laws
@given(values, values)
def test_text_reads_back(x: Exact, y: Exact) -> None:
    assert read(text(x * y)) == x * y


@settings(deadline=None, max_examples=25)
@given(values)
def test_text_means_the_same_to_sympy(x: Exact) -> None:
    theirs = sympy.sympify(text(x), rational=True).evalf(30)
    assert float(x) == pytest.approx(float(theirs), rel=1e-14, abs=0)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "0**-1": (lambda: power(0, -1), "division by zero"),
    "root/0": (lambda: sqrt(2) / 0, "division by zero"),
    "0**(-1/2)": (lambda: power(Fraction(0), -HALF), "division by zero"),
    "sum": (lambda: 1 + sqrt(2), "a root in a sum: round it first, as in floor"),
    "sum of roots": (lambda: sqrt(2) + sqrt(2), "a root in a sum: round it first, as in floor"),
    "difference": (lambda: sqrt(2) - 1, "a root in a sum: round it first, as in floor"),
    "difference from a number": (lambda: 2 - sqrt(2), "a root in a sum: round it first, as in floor"),
    "negative": (lambda: -sqrt(2), "a root with a minus: it can be multiplied and rounded"),
    "negative product": (lambda: -3 * sqrt(2), "a root with a minus: it can be multiplied and rounded"),
    "root of negative": (lambda: power(-8, THIRD), "a root of a negative number"),
    "root of -root": (lambda: sqrt(-sqrt(2)), "a root with a minus: it can be multiplied and rounded"),
    "2**root": (lambda: power(2, sqrt(2)), "irrational exponent"),
    "int**root": (lambda: 2 ** sqrt(2), "irrational exponent"),
    "fraction**root": (lambda: HALF ** sqrt(2), "irrational exponent"),
    "exponent": (lambda: power(10, 10**9), "an exponent beyond 4096"),
    "exponent of a fraction": (lambda: power(10, Fraction(10**9, 7)), "an exponent beyond 4096"),
    "prime root": (lambda: power(2, Fraction(1, 999999937)), "a root of degree more than 100"),
    "root of root": (lambda: sqrt(power(2, Fraction(1, 64))), "a root of degree more than 100"),
    "product of roots": (
        lambda: power(2, Fraction(1, 63)) * power(2, Fraction(1, 64)),
        "a root of degree more than 100",
    ),
    "bits": (lambda: power(10, 4096), "a number of more than 4096 bits"),
    "bits, downwards": (lambda: power(10, -4096), "a number of more than 4096 bits"),
    "bits of a power": (lambda: power(3**2500, -4096), "a number of more than 4096 bits"),
    "bits of a root": (lambda: power(sqrt(7), 4000), "a number of more than 4096 bits"),
    "bits of a product": (lambda: bounded(1 << 4096), "a number of more than 4096 bits"),
    "huge operand": (lambda: sqrt(2) * (1 << 10**6), "a number of more than 4096 bits"),
    "huge radicand": (lambda: sqrt(1 << 10**6), "a number of more than 4096 bits"),
    "huge number beside a root": (lambda: sqrt(2) < (1 << 10**6), "a number of more than 4096 bits"),
}


@pytest.mark.parametrize(("attempt", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_briefly(attempt: Callable[[], object], message: str) -> None:
    with pytest.raises(ExactError, match=message) as refusal:
        attempt()
    assert len(str(refusal.value)) < 80
    assert isinstance(refusal.value, ValueError)


def test_within_the_bounds() -> None:
    assert floor(sqrt(10**12 + 39)) == 10**6
    assert floor(sqrt(3**2500 + 2)) ** 2 < 3**2500 + 2 < (floor(sqrt(3**2500 + 2)) + 1) ** 2
    assert power(power(2, Fraction(1, exact.MAX_DEGREE)), exact.MAX_DEGREE) == 2
    assert power(2, exact.MAX_BITS - 1) == 1 << exact.MAX_BITS - 1
    assert power(1, exact.MAX_EXPONENT) == 1
    # The largest factor and its inverse, to the highest degree.
    root = power(2, Fraction(1, exact.MAX_DEGREE))
    assert Fraction(1, 10**12) < root < 10**12


def test_float_is_rounded_correctly_at_the_edges() -> None:
    assert float(power(2, Fraction(-2147, 2))) == 5e-324
    assert float(power(2, Fraction(-3999, 2))) == 0
    assert float(power(2, Fraction(2047, 2))) == math.sqrt(2) * 2.0**1023
    with pytest.raises(OverflowError):
        float(power(2, Fraction(2049, 2)))
