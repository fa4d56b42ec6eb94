"""The inverse of a cost: put back in by sympy, and against bisection in mpmath that knows no formula."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import pytest
import specgen
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import x3dspec
from specs import COMPOUND, written
from x3dspec import SpecError
from x3dspec.formula.enclosures import enclose, evaluated
from x3dspec.formula.real import Number, Real, decided, place
from x3dspec.formula.solve import TARGET, Solution, inverse
from x3dspec.formula.sympy_bridge import to_number
from x3dspec.formula.systems import system
from x3dspec.language.shipped import shipped
from x3dspec.network.evaluator import Evaluator
from x3dspec.scaling import solving
from x3dspec.scaling.axes import axes

#: How many random specs are solved. X3DSPEC_RANDOM=300 takes as many as the evidence does.
SEEDS = int(os.environ.get("X3DSPEC_RANDOM", "12"))
#: Where a bisection begins to look downwards.
END = Fraction(64)
X, Y, A, B = sympy.symbols("x y a b", positive=True)
#: The bases: presets have their axes.
BASES = ("x2d", "slow_r50", "c2d_r50", "i3d_r50", "r2plus1d_r50", "csn_r101", "mobilenet_v2",
         "mobilenet_v3_large", "efficientnet")  # fmt: skip
AXES = [(name, axis) for name in BASES for axis in axes(x3dspec.load(name).source)]


def ends(number: Number) -> tuple[Fraction, Fraction]:
    return (number.low, number.high) if isinstance(number, Real) else (Fraction(number), Fraction(number))  # type: ignore[arg-type]


def bisected(
    cost: Any, unknown: Any, values: dict[Any, Any], target: Fraction, above: Fraction, end: Fraction = END
) -> Any:
    """Where a rising cost passes its target, by halving alone, in 60 digits of mpmath."""
    with mpmath.workdps(60):
        function = sympy.lambdify([unknown], cost.subs(values), modules="mpmath")
        low, high = (
            mpmath.mpf(above.numerator) / above.denominator,
            mpmath.mpf(end.numerator) / end.denominator,
        )
        aim = mpmath.mpf(target.numerator) / target.denominator
        for _ in range(220):
            middle = (low + high) / 2
            low, high = (middle, high) if function(middle) < aim else (low, middle)
        return low


def agrees(number: Number, digits: Any) -> None:
    with mpmath.workdps(60):
        low, high = (mpmath.mpf(end.numerator) / end.denominator for end in ends(number))
        assert abs(low - digits) < mpmath.mpf(10) ** -40 * abs(digits)
        assert abs(high - digits) < mpmath.mpf(10) ** -40 * abs(digits)


@pytest.mark.parametrize(("name", "axis"), AXES)
def test_every_axis_of_every_shipped_spec(name: str, axis: str) -> None:
    """Twice the cost: identically in all other factors where there is a closed form, and in digits."""
    architecture = x3dspec.load(name)
    evaluator, here = Evaluator.of(architecture), axes(architecture.source)[axis]
    course = solving._course(architecture, axis, frozenset(), "macs")
    start = solving.relaxed(evaluator, {})
    step = solving.doubling(evaluator, here, {})
    assert step is not None
    assert step.macs == solving.twice(start)
    for branch in course.inverse.branches:
        for form in branch.forms:
            back = branch.cost.subs(branch.unknown, form.expression) - TARGET
            assert sympy.simplify(sympy.expand(back)) == 0
    values = {
        k: sympy.Rational(v.numerator, v.denominator) for k, v in solving._values(evaluator, {}).items()
    }  # type: ignore[union-attr]
    above = evaluated(course.here, solving._values(evaluator, {}))
    assert isinstance(above, Fraction)
    assert isinstance(step.macs, Fraction)
    agrees(step.multiplier, bisected(course.inverse.cost, course.inverse.unknown, values, step.macs, above))
    if isinstance(step.multiplier, Real) and step.multiplier.expression is not None:
        at = course.inverse.cost.subs({**values, course.inverse.unknown: step.multiplier.expression})
        assert sympy.expand(at) == step.macs, "the exact number costs exactly twice as much"


def test_presets_have_no_axes_of_their_own() -> None:
    assert {x3dspec.load(name).source.network.name for name in shipped()} >= {"x2d", "efficientnet"}
    assert len(AXES) >= 36


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([pair for pair in AXES if pair[0] != "efficientnet"]),
    st.fractions(min_value=1, max_value=9, max_denominator=99),
    st.fractions(min_value=1, max_value=9, max_denominator=99),
)
def test_random_settings(pair: tuple[str, str], one: Fraction, two: Fraction) -> None:
    """From any start, k steps along one axis have 2**k times its cost, recomputed from the raw factors."""
    architecture = x3dspec.load(pair[0])
    evaluator, axis = Evaluator.of(architecture), axes(architecture.source)[pair[1]]
    names = [name for name in evaluator.factors if name != "gamma_tau"]
    raw: dict[str, Number] = {names[0]: one, names[-1]: two}
    start = solving.relaxed(evaluator, raw)
    macs: Number | None = None
    for index in range(1, 4):
        step = solving.doubling(evaluator, axis, raw, macs)
        assert step is not None
        raw, macs = {**raw, **step.factors}, step.macs
        low, high = ends(solving.relaxed(evaluator, raw))
        assert low <= 2**index * ends(start)[0] <= high
        assert high - low <= high / 10**50


def random_spec(seed: int, folder: Path) -> tuple[Evaluator, dict[str, Any]]:
    """A spec of the generator that is a network at its setting; the next seeds' where it is none."""
    drawn = specgen.draw(seed)
    try:
        architecture = written(folder, drawn.text).choose(**drawn.options)
        architecture.resolve(**drawn.setting)
        architecture.resolve()
    except SpecError:
        return random_spec(seed + SEEDS, folder)
    return Evaluator.of(architecture), dict(architecture.exactly(drawn.setting))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_specs(seed: int, tmp_path: Path) -> None:
    """Every factor, for one and a half times the cost: put back in, and against bisection."""
    evaluator, raw = random_spec(seed, tmp_path)
    for factor in evaluator.factors:
        if not solving.depends(evaluator, factor, raw, "macs"):
            continue
        found = solving.inverted(evaluator.architecture, factor, explicit(evaluator, raw, factor), "macs")
        target = Fraction(round(1.5 * float(solving.relaxed(evaluator, raw))))
        solutions = solving.over(evaluator, factor, raw, "macs", target)
        values = {
            symbol: to_number(value)  # type: ignore[arg-type]
            for symbol, value in solving._values(evaluator, raw).items()
            if symbol != found.unknown
        }
        cost = found.cost.xreplace(values)
        for solution in solutions:
            low, high = enclose(cost - to_number(target), {found.unknown: solution.value}, 80)
            assert low <= 0 <= high
            assert high - low < target / 10**50
            exact = solution.value if isinstance(solution.value, Fraction) else solution.value.expression
            if solution.form is not None and isinstance(exact, Fraction):
                assert sympy.expand(cost.xreplace({found.unknown: to_number(exact)})) == to_number(target)
            elif solution.form is not None and exact is not None and rational(cost):
                assert sympy.expand(cost.xreplace({found.unknown: exact})) == to_number(target)
        below = [place(solution.value) for solution in solutions]
        if len(below) == 1:
            agrees(solutions[0].value, bisected(cost, found.unknown, {}, target, Fraction(0), 4 * below[0]))


def rational(cost: Any) -> bool:
    """Whether a cost has rational coefficients, so that roots in it are cancelled by multiplying out."""
    return not any(power.is_number for power in cost.atoms(sympy.Pow))


def explicit(evaluator: Evaluator, raw: dict[str, Any], factor: str) -> frozenset[str]:
    return frozenset(filter(evaluator.source.derived, {*raw, *evaluator.source.factors, factor}))


POLYNOMIAL = st.lists(st.integers(0, 50), min_size=1, max_size=5).filter(any)


@settings(max_examples=40, deadline=None)
@given(POLYNOMIAL, st.integers(1, 10**6))
def test_random_polynomials(coefficients: list[int], target: int) -> None:
    """One positive root each; where it is exact, it is exactly one."""
    cost = sum(c * X**k for k, c in enumerate(coefficients, 1))
    [solution] = inverse(cost, X).solutions({}, Fraction(target), Fraction(0))
    low, high = ends(solution.value)
    assert sum(c * low**k for k, c in enumerate(coefficients, 1)) <= target
    assert sum(c * high**k for k, c in enumerate(coefficients, 1)) >= target


def solved(cost: Any, target: int, above: int = 0) -> list[Solution]:
    return inverse(cost, X).solutions({}, Fraction(target), Fraction(above))


def test_what_has_which_form() -> None:
    [cubic] = solved(X**3 + X, 10)
    assert cubic.value == 2
    [algebraic] = solved(X**3 + X, 11)
    assert isinstance(algebraic.value, Real)
    assert algebraic.value.exact == "CRootOf(x**3 + x - 11, 0)"
    assert [s.value for s in solved(5 * X**3, 40)] == [2]
    [fourth] = solved(X**4 + X**2, 6)
    assert isinstance(fourth.value, Real)
    assert fourth.value.exact == "sqrt(2)"
    [root] = solved(sympy.sqrt(X) + 3, 5)
    assert root.value == 4
    [once] = solved(X + 3 * sympy.sqrt(X), 10)
    assert once.value == 4, "25 is the square of -5, which is no root of a positive number"
    [exponent] = solved(2**X * X, 1)
    assert exponent.form is None
    assert isinstance(exponent.value, Real)
    agrees(exponent.value, bisected(2**X * X, X, {}, Fraction(1), Fraction(0)))


def test_a_steep_function_is_enclosed_as_closely() -> None:
    """Far from a straight line between its ends, where regula falsi would creep."""
    for cost in (X**22 * 3 + X**13, 10**6 * X**22 + 2 ** (8 * X), 2 ** (30 * X) + X**19):
        [solution] = solved(cost, 4 * 10**9)
        assert isinstance(solution.value, Real)
        assert solution.value.high - solution.value.low < Fraction(1, 10**60)
        agrees(solution.value, bisected(cost, X, {}, Fraction(4 * 10**9), Fraction(0)))


def test_the_branch_that_applies() -> None:
    cost = sympy.Max(10, 4 * X) + X
    assert [s.value for s in solved(cost, 11)] == [1]
    assert [s.value for s in solved(cost, 20)] == [4]
    assert [s.value for s in solved(sympy.Min(10, 4 * X) + X, 20)] == [10]


def test_none_several_and_negative_ones() -> None:
    assert solved(X + 5, 3) == []
    assert [s.value for s in solved(X + 5, 3, above=-9)] == [-2]
    assert [s.value for s in solved(X**2 - 5 * X + 10, 4)] == [2, 3]
    assert solved(sympy.Integer(7), 7) == []


def test_systems() -> None:
    [both] = system([X * Y + X, X + Y], [X, Y], [Fraction(8), Fraction(5)])[:1]
    assert both[X] * both[Y] + both[X] == 8
    assert system([X + Y, X + Y], [X, Y], [Fraction(1), Fraction(2)]) == []


def test_a_number_is_read_as_closely_as_the_question_needs() -> None:
    """sqrt(2) to 100 places, less the same 100 places, is decided; a tie belongs above."""
    root = evaluated(sympy.sqrt(A), {A: Fraction(2)})
    assert isinstance(root, Real)
    near = root.enclosed(160)[0]
    close = evaluated(B - near.numerator * sympy.Integer(1) / near.denominator, {B: root})
    assert close is not None
    assert decided(close, lambda x: x > 0)
    assert root.digits(30) == "1.41421356237309504880168872421"
    tie = evaluated(A * A - 2 + sympy.sqrt(3) - sympy.sqrt(3), {A: root})
    assert tie == 0


def test_spec_with_a_compound_axis(tmp_path: Any) -> None:
    path = tmp_path / "compound.yaml"
    path.write_text(COMPOUND)
    architecture = x3dspec.load(str(path))
    evaluator = Evaluator.of(architecture)
    step = solving.doubling(evaluator, axes(architecture.source)["both"], {})
    assert step is not None
    low, high = ends(solving.relaxed(evaluator, step.factors))
    assert low <= ends(step.macs)[0] <= high
