"""Exact numbers against the laws of a ring, against mpmath, and against their own bounds."""

from __future__ import annotations

import ast
import copy
import math
import operator
import pickle
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from x3dspec.language import numbers as exact
from x3dspec.language.numbers import Exact, ExactError, Surd, bounded, ceil, floor, power, sign, sqrt, text

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
    """A sum of up to three roots, with its value worked out by mpmath from the same draws."""
    start = draw(rationals)
    value: Exact = start
    expected = oracle_rational(start)
    for _ in range(draw(st.integers(0, 3))):
        factor, base = draw(rationals), draw(st.integers(1, 60))
        exponent = draw(exponents)
        value = value + factor * power(Fraction(base), exponent)
        expected += oracle_rational(factor) * ORACLE.mpf(base) ** oracle_rational(exponent)
    return value, expected


values = pairs().map(lambda pair: pair[0])
monomials = st.builds(
    lambda factor, base, exponent: factor * power(Fraction(base), exponent),
    rationals.filter(bool),
    st.integers(1, 200),
    exponents,
)


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
def test_ring_laws(x: Exact, y: Exact, z: Exact) -> None:
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert (x * y) * z == x * (y * z)
    assert x * (y + z) == x * y + x * z
    assert x + 0 == x == x * 1
    assert x - y == -(y - x)
    assert x - x == 0 == x * 0
    assert hash((x + y) - y) == hash(x)


@laws
@given(values, values)
def test_every_result_is_canonical(x: Exact, y: Exact) -> None:
    for result in (x, x + y, x - y, x * y):
        assert isinstance(result, (Fraction, Surd))
        if isinstance(result, Surd):
            radicals = [radical for radical, _ in result.terms]
            assert any(radicals)
            assert radicals == sorted(set(radicals))
            assert all(factor for _, factor in result.terms)
            for radical in radicals:
                assert [p for p, _ in radical] == sorted({p for p, _ in radical})
                assert all(sympy.isprime(p) and 0 < a < 1 for p, a in radical)


@laws
@given(values, monomials, st.integers(0, 5))
def test_division_and_whole_powers(x: Exact, m: Exact, n: int) -> None:
    assert x / m * m == x
    assert power(m, -n) * power(m, n) == 1
    assert power(x, n) == math.prod([x] * n, start=Fraction(1))
    assert power(x, n) * x == power(x, n + 1)


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
    x, real = x * y - x, real_x * real_y - real_x
    if isinstance(x, Surd):
        assert float(x) == float(real)
        assert floor(x) == int(ORACLE.floor(real))
        assert ceil(x) == int(ORACLE.ceil(real))
        assert sign(x) == ORACLE.sign(real)
        assert abs(x) == x * sign(x) > 0
    if x != y:
        assert (x < y, x <= y, x > y, x >= y) == ((real < real_y),) * 2 + ((real > real_y),) * 2
    else:
        assert abs(real - real_y) < ORACLE.mpf(10) ** -300
        assert x <= y <= x


@pytest.mark.parametrize("k", [1, 2, 3, 10, 53, 54, 101, 500, 1999, 3000])
def test_powers_that_approach_an_integer(k: int) -> None:
    # (1 + sqrt(2))**k and its conjugate, which tends to 0, add up to an integer.
    close, conjugate = power(1 + sqrt(2), k), power(1 - sqrt(2), k)
    whole = close + conjugate
    assert isinstance(whole, Fraction)
    assert floor(close) == whole - (k % 2 == 0)
    assert ceil(close) == floor(close) + 1
    assert (close < whole) == (k % 2 == 0)
    assert sign(conjugate) == (-1) ** k
    assert floor(conjugate) == -(k % 2)


@given(st.integers(2, 10**6 - 1))
def test_roots_next_to_a_square(n: int) -> None:
    assert floor(sqrt(n * n + 1)) == n == ceil(sqrt(n * n - 1))
    assert ceil(sqrt(n * n + 1)) == n + 1
    assert floor(sqrt(n * n - 1)) == n - 1
    assert sqrt(n * n - 1) < n < sqrt(n * n + 1)
    assert floor(-sqrt(n * n + 1)) == -n - 1
    assert sqrt(n * n) == n


@laws
@given(st.integers(1, 10**300), st.integers(1, 10**6), st.integers(2, 7))
def test_floor_of_a_large_multiple_of_a_root(c: int, n: int, k: int) -> None:
    root = floor(c * power(n, Fraction(1, k)))
    assert root**k <= c**k * n < (root + 1) ** k


@laws
@given(
    st.dictionaries(st.sampled_from([2, 3, 5, 7, 999983]), exponents.map(lambda a: a % 1)),
    rationals.filter(bool),
    st.integers(1, 90),
)
def test_enclosures_hold_the_number(roots: dict[int, Fraction], factor: Fraction, bits: int) -> None:
    radical = tuple(sorted((p, a) for p, a in roots.items() if a))
    low, high = exact._enclose(radical, factor, bits)
    real = oracle_rational(factor) * 2**bits
    for p, a in radical:
        real *= ORACLE.mpf(p) ** oracle_rational(a)
    if radical:
        assert low < real < high
    else:
        assert low <= factor * 2**bits <= high


def test_convergents_are_told_from_the_root() -> None:
    p, q = 1, 1
    for _ in range(600):
        below = p * p < 2 * q * q
        assert (Fraction(p, q) < sqrt(2)) == below == (sqrt(2) > Fraction(p, q))
        p, q = p + 2 * q, p + q


def test_nearly_equal_sums_are_told_apart() -> None:
    # Equal to 36 digits: the classic near-tie among sums of three square roots.
    x = power(10, 40) * (sqrt(10**10 + 1) + sqrt(10**10 - 1) - 2 * sqrt(10**10))
    with ORACLE.workdps(100):
        near = [ORACLE.sqrt(10**10 + d) for d in (1, -1, 0)]
        assert floor(x) == int(ORACLE.floor((near[0] + near[1] - 2 * near[2]) * 10**40))
    assert x < 0


def test_canonical_form() -> None:
    assert sqrt(8) == 2 * sqrt(2) == sqrt(2) + sqrt(2)
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
        sqrt(2) - sqrt(2),
        sqrt(8) / sqrt(2),
        power(sqrt(2), -2),
        (1 + sqrt(2)) * (1 - sqrt(2)),
        power(1 + sqrt(2), 0),
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
    assert 1 + root == root + 1
    assert half - root == -(root - half)
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
    assert abs(1 - root) == root - 1
    assert repr(root) == "Surd(sqrt(2))"
    assert pickle.loads(pickle.dumps(root)) == copy.deepcopy(root) == root


@pytest.mark.parametrize("mistake", [operator.add, operator.sub, operator.lt])
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
        (-sqrt(2), "-sqrt(2)"),
        (3 * sqrt(2) / 2, "3/2*sqrt(2)"),
        (power(6, THIRD), "6**(1/3)"),
        (power(12, THIRD), "2**(2/3)*3**(1/3)"),
        (HALF + sqrt(5) / 2, "1/2 + 1/2*sqrt(5)"),
        (1 - sqrt(6) - power(3, THIRD), "1 - sqrt(6) - 3**(1/3)"),
        (power(Fraction(6, 5), Fraction(13, 10)), "6/25*6**(3/10)*5**(7/10)"),
        (sqrt(999983) * sqrt(1000003) * sqrt(2), "sqrt(2)*sqrt(999983)*sqrt(1000003)"),
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


def many_roots(count: int, exponent: Fraction = HALF) -> list[Exact]:
    return [power(int(p), exponent) for p in sympy.primerange(2, 400)][:count]


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "0**-1": (lambda: power(0, -1), "division by zero"),
    "root/0": (lambda: sqrt(2) / 0, "division by zero"),
    "0**(-1/2)": (lambda: power(Fraction(0), -HALF), "division by zero"),
    "1/sum": (lambda: 1 / (1 + sqrt(2)), "division by a sum of roots"),
    "sum**-2": (lambda: (1 + sqrt(2)) ** -2, "division by a sum of roots"),
    "root of sum": (lambda: sqrt(1 + sqrt(2)), "a root of a sum of roots"),
    "root of negative": (lambda: power(-8, THIRD), "a root of a negative number"),
    "root of -root": (lambda: sqrt(-sqrt(2)), "a root of a negative number"),
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
    "bits of a sum": (lambda: (1 + sqrt(2)) ** 4096, "a number of more than 4096 bits"),
    "huge operand": (lambda: sqrt(2) * (1 << 10**6), "a number of more than 4096 bits"),
    "huge radicand": (lambda: sqrt(1 << 10**6), "a number of more than 4096 bits"),
    "terms": (lambda: sum(many_roots(65)), "a sum of more than 64 roots"),
    "primes": (lambda: math.prod(many_roots(17)), "more than 16 primes under the roots of one"),
    "factoring": (lambda: sqrt(10**12 + 39), "too large to factor under a root"),
    "long factoring": (lambda: sqrt(3**2500 + 2), "too large to factor under a root"),
    "tie": (
        lambda: sign((x := sum(many_roots(63, Fraction(1, 64)))) - Fraction(floor(x * 2**4000), 2**4000)),
        "too close to a tie to decide",
    ),
}


@pytest.mark.parametrize(("attempt", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_quickly_and_briefly(attempt: Callable[[], object], message: str) -> None:
    start = time.process_time()
    with pytest.raises(ExactError, match=message) as refusal:
        attempt()
    assert time.process_time() - start < 5
    assert len(str(refusal.value)) < 80
    assert isinstance(refusal.value, ValueError)


def test_within_the_bounds() -> None:
    assert floor(sum(many_roots(64))) == int(sum(ORACLE.sqrt(p) for p in sympy.primerange(2, 312)))
    assert text(sqrt(999999999989)) == "sqrt(999999999989)"
    assert power(power(2, Fraction(1, exact.MAX_ROOT)), exact.MAX_ROOT) == 2
    assert power(2, exact.MAX_BITS - 1) == 1 << exact.MAX_BITS - 1
    assert power(1, exact.MAX_EXPONENT) == 1


def test_values_that_exist_can_always_be_compared() -> None:
    roots = many_roots(70)
    assert sum(roots[:40]) < sum(roots[30:])


def test_float_is_rounded_correctly_at_the_edges() -> None:
    assert float(sqrt(2) * power(2, -1074)) == 5e-324
    assert float(sqrt(2) * power(2, -2000)) == 0
    assert float(sqrt(2) * power(2, 1023)) == math.sqrt(2) * 2.0**1023
    with pytest.raises(OverflowError):
        float(sqrt(2) * power(2, 1024))
