"""Every number system that reads expressions has every operator, with one meaning.

The exact algebra is the reference: arrays and sympy have to agree with it exactly, and what
people read has to be the operator that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from x3dspec.formula import printers, sympy_bridge
from x3dspec.language import expressions as expr
from x3dspec.language import numbers as exact
from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import Expr, constant, variable
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape
from x3dspec.report.javascript import JavaScript, function
from x3dspec.scaling.search.arrays import ARRAYS, joined, numbers

ROOT = exact.sqrt(2)
BINARY = ("add", "multiply", "divide", "minimum", "maximum", "equal")
ROUNDING = ("round_to", "round_width")
#: Numbers of every size and kind: a few bits, more than a machine word, fractions of both, roots.
small = st.fractions(min_value=-50, max_value=50, max_denominator=30)
large = st.builds(lambda x, shift: x * 2**shift, st.fractions(-9, 9, max_denominator=7), st.integers(55, 90))
roots = st.builds(
    lambda x, n: x * exact.sqrt(n), st.fractions(1, 9, max_denominator=6), st.sampled_from([2, 3])
)
anything: st.SearchStrategy[Exact] = st.one_of(small, large, roots)


@given(st.lists(anything, min_size=1, max_size=4), anything.filter(bool))
def test_arrays_are_exact_where_numbers_leave_the_machine(values: list[Exact], other: Exact) -> None:
    array, single = numbers(values), numbers([other], ())
    for operator in BINARY:
        try:
            expected = [getattr(EXACT, operator)(value, other) for value in values]
        except ExactError:  # a root in a sum, or with a minus
            with pytest.raises(ExactError):
                getattr(ARRAYS, operator)(array, single)
        else:
            assert getattr(ARRAYS, operator)(array, single).objects().tolist() == expected, operator
    for operator in ("floor", "ceil"):
        found = getattr(ARRAYS, operator)(array).objects().tolist()
        assert found == [getattr(EXACT, operator)(value) for value in values], operator


@given(
    st.lists(st.one_of(small, large), min_size=1, max_size=4), st.sampled_from([1, 8, Fraction(1, 2), 2**61])
)
def test_arrays_round_exactly(values: list[Exact], step: Any) -> None:
    for operator in ROUNDING:
        found = getattr(ARRAYS, operator)(numbers(values), numbers([step], ())).objects().tolist()
        assert found == [getattr(EXACT, operator)(value, step) for value in values], operator


positive = anything.filter(lambda x: x > 0)


@given(st.lists(positive, min_size=2, max_size=4), st.lists(positive, min_size=2, max_size=4))
def test_arrays_divide_element_by_element(above: list[Exact], below: list[Exact]) -> None:
    pairs = list(zip(above, below, strict=False))
    found = ARRAYS.divide(numbers(a for a, _ in pairs), numbers(b for _, b in pairs))
    assert found.objects().tolist() == [EXACT.divide(a, b) for a, b in pairs]


def test_arrays_refuse_a_division_by_zero() -> None:
    with pytest.raises(ExpressionError, match=r"^division by zero$"):
        ARRAYS.divide(numbers([1, 2]), numbers([1, 0]))


@given(st.lists(st.lists(anything, min_size=1, max_size=3), min_size=1, max_size=3))
def test_vectors_are_joined_whatever_they_hold(parts: list[list[Exact]]) -> None:
    found = joined([numbers(part) for part in parts])
    assert found.objects().tolist() == [value for part in parts for value in part]


@given(st.lists(anything, min_size=1, max_size=4))
def test_arrays_know_what_is_whole_and_what_is_between(values: list[Exact]) -> None:
    array = numbers(values)
    assert array.whole().tolist() == [isinstance(v, Fraction) and v.denominator == 1 for v in values]
    assert array.between(-3, 40).tolist() == [-3 <= value <= 40 for value in values]


def test_denominators_beyond_a_machine_word() -> None:
    """Each is a machine fraction by itself; their common denominator is none."""
    a, b = Fraction(1, 2**61 - 1), Fraction(1, 2**60)
    assert numbers([a]).plain
    found = joined([numbers([a]), numbers([b])])
    assert not found.plain
    assert found.objects().tolist() == [a, b]
    assert ARRAYS.add(numbers([a]), numbers([b])).objects().tolist() == [a + b]


CASES: dict[str, Callable[[Expr, Expr], Expr]] = {
    "add": lambda x, y: x + y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, y: expr.power(x, constant(3)),
    "root": lambda x, y: expr.power(x, constant(Fraction(1, 2))),
    "floor": lambda x, y: expr.floor(x),
    "ceil": lambda x, y: expr.ceil(x),
    "minimum": expr.minimum,
    "maximum": expr.maximum,
    "equal": expr.equal,
    "round_to": lambda x, y: expr.round_to(x, constant(8)),
    "round_width": lambda x, y: expr.round_width(x, constant(8)),
    "residues": lambda x, y: expr.residues(expr.ceil(x), 1, 3),
}
PLACES: list[tuple[Exact, Exact]] = [
    (Fraction(20), Fraction(3)),
    (Fraction(7, 2), Fraction(7, 2)),
    (Fraction(159, 10), Fraction(1, 3)),
    (Fraction(4, 9), Fraction(12)),
    (ROOT, Fraction(1)),
]


def exactly(root: Expr, x: Exact, y: Exact) -> Any:
    return Tape([root]).run(EXACT, {"x": x, "y": y})[0]


@pytest.mark.parametrize("case", CASES)
def test_sympy_is_equal(case: str) -> None:
    root = CASES[case](variable("x"), variable("y"))
    for x, y in PLACES[: -1 if case == "add" else None]:
        values = {"x": sympy_bridge.to_number(x), "y": sympy_bridge.to_number(y)}
        found = Tape([root]).run(sympy_bridge.SYMPY, values)[0]
        expected = exactly(root, x, y)
        assert found == (sympy_bridge.to_number(expected) if not isinstance(expected, int) else expected)


#: What a person reads: as text, and in LaTeX.
WRITTEN = {
    "add": ("x + y", "x + y"),
    "multiply": ("x*y", r"x y"),
    "divide": ("x/y", r"\frac{x}{y}"),
    "power": ("x**3", "x^{3}"),
    "root": ("sqrt(x)", r"\sqrt{x}"),
    "floor": ("floor(x)", r"\left\lfloor{x}\right\rfloor"),
    "ceil": ("ceil(x)", r"\left\lceil{x}\right\rceil"),
    "minimum": ("min(x, y)", r"\min\left(x, y\right)"),
    "maximum": ("max(x, y)", r"\max\left(x, y\right)"),
    "equal": ("(x == y)", r"\left[x = y\right]"),
    "round_to": ("round_to(x, 8)", r"\operatorname{round}_{8}\left(x\right)"),
    "round_width": ("round_width(x)", r"\operatorname{roundwidth}_{8}\left(x\right)"),
    "residues": (
        "ceil(ceil(x)/3 - 1/3)",
        r"\left\lceil{\frac{\left\lceil{x}\right\rceil}{3} - \frac{1}{3}}\right\rceil",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_written(case: str) -> None:
    root = CASES[case](variable("x"), variable("y"))
    form = sympy_bridge.to_sympy(root)
    assert (printers.text(form), printers.latex(form)) == WRITTEN[case]


def test_javascript_spells_exact_constants() -> None:
    root = constant(Fraction(3, 2)) * variable("x") + variable("y") * constant(3 * ROOT / 2)
    text = function([root], ["x", "y"])
    for part in ("q(3n,2n)", "pow(q(9n,2n),q(1n,2n))"):
        assert part in text


def test_javascript_uses_plain_operators_on_integers_alone() -> None:
    algebra = JavaScript()
    three, four = algebra.constant(Fraction(3)), algebra.constant(Fraction(-4))
    half = algebra.constant(Fraction(1, 2))
    for operator in ("add", "multiply", "minimum", "maximum"):
        assert getattr(algebra, operator)(three, four).whole
        assert not getattr(algebra, operator)(three, half).whole
    assert not algebra.divide(three, four).whole
    assert algebra.lines == [
        "const t0=3n+(-4n);", "const t1=add(3n,c0);",
        "const t2=3n*(-4n);", "const t3=mul(3n,c0);",
        "const t4=3n<(-4n)?3n:(-4n);", "const t5=min(3n,c0);",
        "const t6=3n>(-4n)?3n:(-4n);", "const t7=max(3n,c0);",
        "const t8=div(3n,(-4n));",
    ]  # fmt: skip
    assert algebra.constants == {"q(1n,2n)": "c0"}
