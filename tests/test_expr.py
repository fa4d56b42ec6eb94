"""Expressions by themselves: what is folded, what stays, and how a tape evaluates it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from x3dspec import exact, expr
from x3dspec.exact import ExactError
from x3dspec.expr import EXACT, ONE, ZERO, Expr, Tape, constant, relax, variable
from x3dspec.syntax import ExpressionError

HALF = Fraction(1, 2)
ROOT = exact.sqrt(2)
X, Y = variable("x"), variable("y")
TOO_LARGE = r"^a number of more than 4096 bits$"
#: An expression that is an integer at any value of x.
WHOLE = expr.ceil(X)


def at(root: Expr, **values: Any) -> Any:
    return Tape([root]).run(EXACT, values)[0]


def test_a_node_is_made_once() -> None:
    assert variable("x") is X
    assert constant(3) is constant(Fraction(3))
    assert X + Y is X + Y
    assert X + Y is not Y + X
    assert constant(1) is not variable("1")
    assert expr.floor(X) is not expr.ceil(X)


def test_a_node_that_nobody_holds_is_forgotten() -> None:
    gone = weakref.ref(X * variable("only here"))
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("node", "shown"),
    [
        (X, "x"),
        (constant(Fraction(9, 4)), "2.25"),
        (constant(ROOT), "sqrt(2)"),
        (X + Y, "add(x, y)"),
        (2 * expr.ceil(X), "multiply(2, ceil(x))"),
    ],
)
def test_how_a_node_shows_itself(node: Expr, shown: str) -> None:
    assert repr(node) == shown


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (X + 0, X),
        (0 + X, X),
        (X * 1, X),
        (1 * X, X),
        (X * 0, ZERO),
        (0 * X, ZERO),
        (X - 0, X),
        (X / 1, X),
        (X / X, ONE),
        (ZERO / X, ZERO),
        (X / 2, X * HALF),
        (2 * (3 * X), 6 * X),
        ((X * 3) * 2, 6 * X),
        (constant(2) + 3, constant(5)),
        (constant(2) - 3, constant(-1)),
        (constant(2) * HALF, ONE),
        (constant(ROOT) * constant(ROOT), constant(2)),
        (expr.power(X, ZERO), ONE),
        (expr.power(X, ONE), X),
        (expr.power(constant(2), constant(HALF)), constant(ROOT)),
        (expr.floor(constant(Fraction(-7, 2))), constant(-4)),
        (expr.ceil(constant(Fraction(-7, 2))), constant(-3)),
        (expr.minimum(X, X), X),
        (expr.maximum(X, X), X),
        (expr.minimum(constant(ROOT), ONE), ONE),
        (expr.maximum(constant(ROOT), ONE), constant(ROOT)),
        (expr.equal(X, X), ONE),
        (expr.equal(ONE, ZERO), ZERO),
        (expr.round_to(constant(20), constant(8)), constant(24)),
        (expr.round_width(constant(54), constant(8)), constant(56)),
        (expr.residues(constant(7), 0, 3), constant(3)),
        (expr.residues(X, 0, 1), X),
        (expr.negation(ZERO), ONE),
        (expr.negation(ONE), ZERO),
        (expr.either(X, ONE), ONE),
        (expr.either(ONE, X), ONE),
        (expr.either(ZERO, X), X),
        (expr.either(X, ZERO), X),
        (expr.lift(2), constant(2)),
        (expr.lift(X), X),
    ],
)
def test_what_is_folded(found: Expr, expected: Expr) -> None:
    assert found is expected


def test_products_gather_their_constants_in_front() -> None:
    product = X * 3
    assert product.operator == "multiply"
    assert product.arguments == (constant(3), X)
    assert (2 * (X * Y)).arguments == (constant(2), X * Y)


@pytest.mark.parametrize("rounding", [expr.floor, expr.ceil, lambda a: expr.round_to(a, ONE)])
@pytest.mark.parametrize(
    "inner",
    [
        WHOLE,
        expr.floor(X),
        WHOLE + 1,
        2 * WHOLE,
        expr.minimum(WHOLE, constant(2)),
        expr.maximum(WHOLE, constant(2)),
        expr.equal(X, Y),
        expr.round_to(X, constant(8)),
        expr.round_width(X, constant(8)),
        expr.residues(WHOLE, 0, 2),
    ],
)
def test_what_is_whole_is_not_rounded_again(rounding: Callable[[Expr], Expr], inner: Expr) -> None:
    assert rounding(inner) is inner


@pytest.mark.parametrize(
    ("rounding", "operator"),
    [(expr.floor, "floor"), (expr.ceil, "ceil"), (lambda a: expr.round_to(a, ONE), "round_to")],
)
@pytest.mark.parametrize(
    "inner",
    [
        X,
        WHOLE + X,
        X + WHOLE,
        WHOLE * HALF,
        X * WHOLE,
        WHOLE * X,
        WHOLE + HALF,
        WHOLE / expr.ceil(Y),
        expr.power(WHOLE, constant(2)),
        expr.minimum(WHOLE, X),
        expr.minimum(X, WHOLE),
        expr.maximum(WHOLE, X),
        expr.maximum(X, WHOLE),
        expr.round_to(X, constant(HALF)),
        expr.round_width(X, constant(HALF)),
    ],
)
def test_what_may_be_a_fraction_is_rounded(
    rounding: Callable[[Expr], Expr], operator: str, inner: Expr
) -> None:
    outer = rounding(inner)
    assert (outer.operator, outer.arguments[0], outer.whole) == (operator, inner, True)


def test_a_whole_number_is_still_rounded_to_a_larger_step() -> None:
    assert at(expr.round_to(WHOLE, constant(8)), x=20) == 24


@pytest.mark.parametrize(
    ("value", "whole"), [(3, True), (Fraction(4, 2), True), (HALF, False), (ROOT, False)]
)
def test_constants_know_whether_they_are_whole(value: Any, whole: bool) -> None:
    assert constant(value).whole is whole


@pytest.mark.parametrize(
    ("root", "values", "expected"),
    [
        (X + Y, {"x": 2, "y": HALF}, Fraction(5, 2)),
        (X - Y, {"x": 2, "y": HALF}, Fraction(3, 2)),
        (X - 3, {"x": 2}, -1),
        (X * Y, {"x": ROOT, "y": ROOT}, 2),
        (X / Y, {"x": 1, "y": 3}, Fraction(1, 3)),
        (X / Y, {"x": 2, "y": ROOT}, ROOT),
        (X / Y, {"x": ROOT, "y": 2}, ROOT / 2),
        (expr.power(X, Y), {"x": 2, "y": HALF}, ROOT),
        (expr.power(X, Y), {"x": Fraction(4, 9), "y": 2}, Fraction(16, 81)),
        (expr.floor(X), {"x": Fraction(-1, 2)}, -1),
        (expr.ceil(X), {"x": ROOT}, 2),
        (expr.minimum(X, Y), {"x": ROOT, "y": 1}, 1),
        (expr.minimum(X, Y), {"x": 1, "y": ROOT}, 1),
        (expr.maximum(X, Y), {"x": ROOT, "y": 1}, ROOT),
        (expr.maximum(X, Y), {"x": 1, "y": ROOT}, ROOT),
        (expr.equal(X, Y), {"x": 2, "y": Fraction(2)}, 1),
        (expr.equal(X, Y), {"x": 2, "y": ROOT}, 0),
        (expr.round_to(X, constant(8)), {"x": 20}, 24),
        (expr.round_to(X, constant(8)), {"x": Fraction(39, 2)}, 16),
        (expr.round_to(X, constant(HALF)), {"x": Fraction(7, 4)}, 2),
        (expr.round_width(X, constant(8)), {"x": 3}, 8),
        (expr.round_width(X, constant(8)), {"x": 18}, 24),
        (expr.round_width(X, constant(8)), {"x": Fraction(53, 3)}, 16),
        (expr.round_width(X, constant(16)), {"x": 40}, 48),
        (expr.negation(X), {"x": 1}, 0),
        (expr.negation(X), {"x": 0}, 1),
    ],
)
def test_exact_values(root: Expr, values: dict[str, Any], expected: Any) -> None:
    assert at(root, **values) == expected


def test_a_width_may_lose_a_tenth_and_no_more() -> None:
    """160 / 9 loses exactly a tenth of itself at 16; whatever is larger does not stay there."""
    rule = expr.round_width(X, constant(8))
    assert at(rule, x=Fraction(160, 9)) == 16
    assert at(rule, x=Fraction(160, 9) + Fraction(1, 10**9)) == 24


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
def test_conditions_are_a_logic(a: int, b: int) -> None:
    assert at(expr.either(X, Y), x=a, y=b) == (a or b)
    assert at(expr.multiply(X, Y), x=a, y=b) == (a and b)


@pytest.mark.parametrize("period", [2, 3, 5])
@pytest.mark.parametrize("count", range(12))
def test_residues_are_a_count(period: int, count: int) -> None:
    for residue in range(period):
        expected = sum(each % period == residue for each in range(count))
        assert at(expr.residues(X, residue, period), x=count) == expected


def test_whole_results_are_python_integers() -> None:
    """They are what a tape mostly holds, and several times as fast as fractions."""
    assert type(EXACT.constant(Fraction(6, 2))) is int
    assert EXACT.constant(HALF) == HALF
    assert type(at(expr.round_to(X, constant(8)), x=Fraction(20))) is int
    assert type(at(expr.equal(X, Y), x=2, y=2)) is int


def test_division_by_zero_is_refused_where_it_happens() -> None:
    with pytest.raises(ExpressionError, match=r"^division by zero$"):
        at(ONE / X, x=0)
    with pytest.raises(ExpressionError, match=r"^division by zero$"):
        expr.divide(X, ZERO)


@pytest.mark.parametrize("operation", [X + Y, X * Y])
def test_numbers_stay_within_their_bound(operation: Expr) -> None:
    largest = 2**exact.MAX_BITS - 1
    neutral = {"add": 0, "multiply": 1}[operation.operator]
    assert at(operation, x=largest, y=neutral) == largest
    for value in (largest, -largest, Fraction(largest)):
        with pytest.raises(ExactError, match=TOO_LARGE):
            at(operation, x=value, y=value)


def test_fractions_stay_within_their_bound() -> None:
    tiny = Fraction(1, 2**3000)
    for root, other in ((X / Y, 3**2000), (X * Y, Fraction(1, 3**2000))):
        with pytest.raises(ExactError, match=TOO_LARGE):
            at(root, x=tiny, y=other)


@pytest.mark.parametrize("operation", [expr.add, expr.multiply])
def test_constants_stay_within_their_bound(operation: Callable[[Expr, Expr], Expr]) -> None:
    largest = constant(2**exact.MAX_BITS - 1)
    with pytest.raises(ExactError, match=TOO_LARGE):
        operation(largest, largest)
    with pytest.raises(ExactError, match=TOO_LARGE):
        largest * (largest * X)


def test_a_tape_has_each_node_once_and_arguments_first() -> None:
    shared = X + 1
    tape: Tape[Any] = Tape([shared * shared, shared, Y, shared])
    assert len(set(tape.nodes)) == len(tape.nodes) == 5
    place = {node: index for index, node in enumerate(tape.nodes)}
    assert all(place[a] < place[node] for node in tape.nodes for a in node.arguments)
    assert tape.run(EXACT, {"x": 2, "y": 7}) == [9, 3, 7, 3]


def test_a_tape_does_not_recurse() -> None:
    tree = X
    for _ in range(5000):
        tree = expr.floor(tree + HALF)
    assert at(tree, x=1) == 1


def test_variables_come_in_order_of_appearance() -> None:
    z = variable("z")
    assert expr.variables([Y * (X + 1), z + Y]) == ["y", "x", "z"]
    assert expr.variables([ONE]) == []


@pytest.mark.parametrize(
    ("rounded", "smooth"),
    [
        (expr.ceil(5 * X), 5 * X),
        (expr.floor(X) * Y, X * Y),
        (expr.round_to(X, constant(8)) / Y, X / Y),
        (expr.round_width(X, constant(8)), X),
        (expr.residues(WHOLE, 1, 2), X * HALF),
        (expr.equal(expr.ceil(X), X), ONE),
        (expr.equal(X, Y), ZERO),
        (expr.minimum(expr.ceil(X), Y), expr.minimum(X, Y)),
        (expr.maximum(expr.ceil(X), Y), expr.maximum(X, Y)),
        (expr.power(expr.ceil(X), Y) + 1, expr.power(X, Y) + 1),
    ],
)
def test_relaxing_leaves_the_rounding_out(rounded: Expr, smooth: Expr) -> None:
    assert relax([rounded]) == [smooth]
