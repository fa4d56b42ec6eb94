"""Expressions by themselves: what is folded, what stays, and how a tape evaluates it.

The nodes are made inside the tests, none at import: a node is made once and kept while anybody holds it,
so one made at import would hide what a mutant makes (CONTRIBUTING.md, mutation testing).
"""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction
from typing import Any

import pytest

from x3dspec.language import expressions, numbers, tape
from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import ONE, ZERO, Expr, constant, variable
from x3dspec.language.grammar import parse
from x3dspec.language.meaning import build
from x3dspec.language.numbers import ExactError
from x3dspec.language.relaxation import relax
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape

HALF = Fraction(1, 2)
ROOT = numbers.sqrt(2)
TOO_LARGE = r"^a number of more than 4096 bits$"


def xy() -> tuple[Expr, Expr]:
    return variable("x"), variable("y")


def at(root: Expr, **values: Any) -> Any:
    return Tape([root]).run(EXACT, values)[0]


def test_a_node_is_made_once() -> None:
    x, y = xy()
    assert variable("x") is x
    assert constant(3) is constant(Fraction(3))
    # Compared while both are held.
    for one, other in ((x + y, x + y), (expressions.ceil(x), expressions.ceil(x))):
        assert one is other
    different = [x, y, x + y, y + x, expressions.floor(x), expressions.ceil(x), constant(1), variable("1")]
    assert len(set(different)) == len(different)


def test_a_node_that_nobody_holds_is_forgotten() -> None:
    gone = weakref.ref(variable("x") * variable("only here"))
    gc.collect()
    assert gone() is None


def test_how_a_node_shows_itself() -> None:
    x, y = xy()
    table = {
        "x": x,
        "2.25": constant(Fraction(9, 4)),
        "sqrt(2)": constant(ROOT),
        "add(x, y)": x + y,
        "multiply(2, ceil(x))": 2 * expressions.ceil(x),
    }
    assert {shown: repr(node) for shown, node in table.items()} == {shown: shown for shown in table}


def test_what_is_folded() -> None:
    x, _ = xy()
    table: list[tuple[Expr, Expr]] = [
        (x + 0, x),
        (0 + x, x),
        (x * 1, x),
        (1 * x, x),
        (x * 0, ZERO),
        (0 * x, ZERO),
        (x - 0, x),
        (x / 1, x),
        (x / x, ONE),
        (ZERO / x, ZERO),
        (x / 2, x * HALF),
        (2 * (3 * x), 6 * x),
        ((x * 3) * 2, 6 * x),
        (constant(2) + 3, constant(5)),
        (constant(2) - 3, constant(-1)),
        (constant(2) * HALF, ONE),
        (constant(ROOT) * constant(ROOT), constant(2)),
        (expressions.power(x, ZERO), ONE),
        (expressions.power(x, ONE), x),
        (expressions.power(constant(2), constant(HALF)), constant(ROOT)),
        (expressions.floor(constant(Fraction(-7, 2))), constant(-4)),
        (expressions.ceil(constant(Fraction(-7, 2))), constant(-3)),
        (expressions.minimum(x, x), x),
        (expressions.maximum(x, x), x),
        (expressions.minimum(constant(ROOT), ONE), ONE),
        (expressions.maximum(constant(ROOT), ONE), constant(ROOT)),
        (expressions.equal(x, x), ONE),
        (expressions.equal(ONE, ZERO), ZERO),
        (expressions.round_to(constant(20), constant(8)), constant(24)),
        (expressions.round_width(constant(54), constant(8)), constant(56)),
        (expressions.residues(constant(7), 0, 3), constant(3)),
        (expressions.residues(x, 0, 1), x),
        (expressions.negation(ZERO), ONE),
        (expressions.negation(ONE), ZERO),
        (expressions.either(x, ONE), ONE),
        (expressions.either(ONE, x), ONE),
        (expressions.either(ZERO, x), x),
        (expressions.either(x, ZERO), x),
        (expressions.lift(2), constant(2)),
        (expressions.lift(x), x),
    ]
    for index, (found, expected) in enumerate(table):
        assert found is expected, f"row {index}: {found} is not {expected}"


def test_products_gather_their_constants_in_front() -> None:
    x, y = xy()
    product = x * 3
    assert product.operator == "multiply"
    assert product.arguments == (constant(3), x)
    assert (2 * (x * y)).arguments == (constant(2), x * y)


def test_what_is_whole_is_not_rounded_again() -> None:
    x, y = xy()
    whole = expressions.ceil(x)
    table = [
        whole,
        expressions.floor(x),
        whole + 1,
        2 * whole,
        expressions.minimum(whole, constant(2)),
        expressions.maximum(whole, constant(2)),
        expressions.equal(x, y),
        expressions.round_to(x, constant(8)),
        expressions.round_width(x, constant(8)),
        expressions.residues(whole, 0, 2),
    ]
    for inner in table:
        assert inner.whole is True, inner
        for outer in (expressions.floor(inner), expressions.ceil(inner), expressions.round_to(inner, ONE)):
            assert outer is inner


def test_what_may_be_a_fraction_is_rounded() -> None:
    x, y = xy()
    whole = expressions.ceil(x)
    table = [
        x,
        whole + x,
        x + whole,
        whole * HALF,
        x * whole,
        whole * x,
        whole + HALF,
        whole / expressions.ceil(y),
        expressions.power(whole, constant(2)),
        expressions.minimum(whole, x),
        expressions.minimum(x, whole),
        expressions.maximum(whole, x),
        expressions.maximum(x, whole),
        expressions.round_to(x, constant(HALF)),
        expressions.round_width(x, constant(HALF)),
    ]
    for inner in table:
        assert inner.whole is False, inner
        outer = (expressions.floor(inner), expressions.ceil(inner), expressions.round_to(inner, ONE))
        assert [each.operator for each in outer] == ["floor", "ceil", "round_to"]
        assert all(each.arguments[0] is inner and each.whole is True for each in outer)


def test_a_whole_number_is_still_rounded_to_a_larger_step() -> None:
    assert at(expressions.round_to(expressions.ceil(variable("x")), constant(8)), x=20) == 24


@pytest.mark.parametrize(("value", "whole"), [(31, True), (Fraction(32), True), (HALF, False), (ROOT, False)])
def test_constants_know_whether_they_are_whole(value: Any, whole: bool) -> None:
    made = constant(value)
    assert made.whole is whole
    assert made.value == value
    assert not isinstance(made.value, int)


def test_exact_values() -> None:
    x, y = xy()
    eight = constant(8)
    table: list[tuple[Expr, Any, Any, Any]] = [
        (x + y, 2, HALF, Fraction(5, 2)),
        (x - y, 2, HALF, Fraction(3, 2)),
        (x - 3, 2, None, -1),
        (x * y, ROOT, ROOT, 2),
        (x / y, 1, 3, Fraction(1, 3)),
        (x / y, 2, ROOT, ROOT),
        (x / y, ROOT, 2, ROOT / 2),
        (expressions.power(x, y), 2, HALF, ROOT),
        (expressions.power(x, y), Fraction(4, 9), 2, Fraction(16, 81)),
        (expressions.power(x, y), ROOT, 2, 2),
        (expressions.floor(x), Fraction(-1, 2), None, -1),
        (expressions.ceil(x), ROOT, None, 2),
        (expressions.minimum(x, y), ROOT, 1, 1),
        (expressions.minimum(x, y), 1, ROOT, 1),
        (expressions.maximum(x, y), ROOT, 1, ROOT),
        (expressions.maximum(x, y), 1, ROOT, ROOT),
        (expressions.equal(x, y), 2, Fraction(2), 1),
        (expressions.equal(x, y), 2, ROOT, 0),
        (expressions.round_to(x, eight), 20, None, 24),
        (expressions.round_to(x, eight), Fraction(39, 2), None, 16),
        (expressions.round_to(x, constant(HALF)), Fraction(7, 4), None, 2),
        (expressions.round_width(x, eight), 3, None, 8),
        (expressions.round_width(x, eight), 18, None, 24),
        (expressions.round_width(x, eight), Fraction(53, 3), None, 16),
        (expressions.round_width(x, constant(16)), 40, None, 48),
        (expressions.negation(x), 1, None, 0),
        (expressions.negation(x), 0, None, 1),
    ]
    for root, a, b, expected in table:
        assert at(root, x=a, y=b) == expected, f"{root} at {a}, {b}"


def test_a_width_may_lose_a_tenth_and_no_more() -> None:
    """160 / 9 loses exactly a tenth of itself at 16; whatever is larger does not stay there."""
    rule = expressions.round_width(variable("x"), constant(8))
    assert at(rule, x=Fraction(160, 9)) == 16
    assert at(rule, x=Fraction(160, 9) + Fraction(1, 10**9)) == 24


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
def test_conditions_are_a_logic(a: int, b: int) -> None:
    x, y = xy()
    assert at(expressions.either(x, y), x=a, y=b) == (a or b)
    assert at(expressions.multiply(x, y), x=a, y=b) == (a and b)


@pytest.mark.parametrize("period", [2, 3, 5])
@pytest.mark.parametrize("count", range(12))
def test_residues_are_a_count(period: int, count: int) -> None:
    for residue in range(period):
        expected = sum(each % period == residue for each in range(count))
        assert at(expressions.residues(variable("x"), residue, period), x=count) == expected


def test_whole_results_are_python_integers() -> None:
    """They are what a tape mostly holds, and several times as fast as fractions."""
    x, y = xy()
    assert type(EXACT.constant(Fraction(6, 2))) is int
    assert EXACT.constant(HALF) == HALF
    for root in (
        x + y,
        x * y,
        expressions.round_to(x, constant(8)),
        expressions.floor(x / y),
        expressions.equal(x, y),
    ):
        assert type(at(root, x=20, y=2)) is int, root


def test_division_by_zero_is_refused_where_it_happens() -> None:
    x, _ = xy()
    with pytest.raises(ExpressionError, match=r"^division by zero$"):
        at(ONE / x, x=0)
    with pytest.raises(ExpressionError, match=r"^division by zero$"):
        expressions.divide(x, ZERO)


def test_numbers_stay_within_their_bound() -> None:
    x, y = xy()
    largest = 2**numbers.MAX_BITS - 1
    for root, neutral in ((x + y, 0), (x * y, 1)):
        assert at(root, x=largest, y=neutral) == largest
        for value in (largest, -largest, Fraction(largest)):
            with pytest.raises(ExactError, match=TOO_LARGE):
                at(root, x=value, y=value)


def test_fractions_stay_within_their_bound() -> None:
    x, y = xy()
    tiny = Fraction(1, 2**3000)
    for root, other in ((x / y, 3**2000), (x * y, Fraction(1, 3**2000))):
        with pytest.raises(ExactError, match=TOO_LARGE):
            at(root, x=tiny, y=other)


def test_constants_stay_within_their_bound() -> None:
    largest = constant(2**numbers.MAX_BITS - 1)
    for operation in (expressions.add, expressions.multiply):
        with pytest.raises(ExactError, match=TOO_LARGE):
            operation(largest, largest)
    with pytest.raises(ExactError, match=TOO_LARGE):
        largest * (largest * variable("x"))


def test_a_tape_has_each_node_once_and_arguments_first() -> None:
    x, y = xy()
    shared = x + 1
    tape: Tape[Any] = Tape([shared * shared, shared, y, shared])
    assert len(set(tape.nodes)) == len(tape.nodes) == 5
    place = {node: index for index, node in enumerate(tape.nodes)}
    assert all(place[a] < place[node] for node in tape.nodes for a in node.arguments)
    assert tape.run(EXACT, {"x": 2, "y": 7}) == [9, 3, 7, 3]


def test_a_tape_does_not_recurse() -> None:
    tree = variable("x")
    for _ in range(5000):
        tree = expressions.floor(tree + HALF)
    assert at(tree, x=1) == 1


def test_variables_come_in_order_of_appearance() -> None:
    x, y = xy()
    assert tape.variables([y * (x + 1), variable("z") + y]) == ["y", "x", "z"]
    assert tape.variables([ONE]) == []


def test_relaxing_leaves_the_rounding_out() -> None:
    x, y = xy()
    whole = expressions.ceil(x)
    table: list[tuple[Expr, Expr]] = [
        (expressions.ceil(5 * x), 5 * x),
        (expressions.floor(x) * y, x * y),
        (expressions.round_to(x, constant(8)) / y, x / y),
        (expressions.round_width(x, constant(8)), x),
        (expressions.residues(whole, 1, 2), x * HALF),
        (expressions.equal(whole, x), ONE),
        (expressions.equal(x, y), ZERO),
        (expressions.minimum(whole, y), expressions.minimum(x, y)),
        (expressions.maximum(whole, y), expressions.maximum(x, y)),
        (expressions.power(whole, y) + 1, expressions.power(x, y) + 1),
    ]
    for rounded, smooth in table:
        assert relax([rounded]) == [smooth]


def test_the_block_that_a_cycle_is_read_for() -> None:
    """The first where none is named, and the same one however deep the cycle stands."""
    assert build(parse("cycle(2, 3)"), {}) is constant(2)
    assert build(parse("ceil(1 + cycle(2, 3))"), {}, 1) is constant(4)
    assert build(parse("min(cycle(9, 2 + cycle(3, 4)), 8)"), {}, 1) is constant(6)
