"""The expression language: what it accepts, what that means, and the words of each refusal."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from x3dspec.language import grammar as syntax
from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import ONE, ZERO, Expr, constant, variable
from x3dspec.language.grammar import parse
from x3dspec.language.meaning import build
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import Apply, ExpressionError, Name, Number, Text, cycles, names
from x3dspec.language.tape import Tape

FUNCTIONS = f"the functions are {', '.join(syntax.FUNCTIONS)}"
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def value(text: str, **factors: int | Fraction) -> Any:
    """The value of an expression whose factors stay variables until it is evaluated."""
    tree = build(parse(text), {name: variable(name) for name in factors})
    setting = {name: Fraction(number) for name, number in factors.items()}
    return Tape([tree]).run(EXACT, setting)[0]


def folded(text: str) -> Any:
    """The constant that an expression without names is built to."""
    return build(parse(text), {}).value


def refusal(text: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return str(caught.value)


def pythons(text: str, **factors: Fraction) -> Fraction:
    """What Python's own grammar makes of it, in fractions."""

    def walk(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            right = walk(node.right)
            if isinstance(node.op, ast.Pow):
                return Fraction(walk(node.left) ** int(right))
            return Fraction(OPERATORS[type(node.op)](walk(node.left), right))
        if isinstance(node, ast.UnaryOp):
            return -walk(node.operand)
        if isinstance(node, ast.Name):
            return factors[node.id]
        assert isinstance(node, ast.Constant)
        return Fraction(str(node.value))

    return walk(ast.parse(text, mode="eval").body)


NUMBERS = st.sampled_from(["0", "1", "2", "3", "10", "0.5", "2.25", "1e2", "a", "b"])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(parts, st.sampled_from([" + ", "-", "*", " / "]), parts).map("".join)
    # A base that is no plain number stands in parentheses or not: that is what is to be tested.
    powers = st.tuples(parts, st.sampled_from(["**", " ** "]), st.sampled_from("0123")).map("".join)
    return st.one_of(binary, binary, powers, parts.map("-{}".format), parts.map("({})".format))


ARITHMETIC = st.recursive(NUMBERS, joined, max_leaves=8)


@given(ARITHMETIC, st.integers(1, 9), st.fractions("1/9", 9, max_denominator=9))
def test_arithmetic_is_pythons(text: str, a: int, b: Fraction) -> None:
    try:
        expected = pythons(text, a=Fraction(a), b=b)
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="division by zero"):
            value(text, a=a, b=b)
    else:
        assert value(text, a=a, b=b) == expected
        assert folded(re.sub(r"\bb\b", f"({b})", re.sub(r"\ba\b", str(a), text))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-2**2", -4),
        ("(-2)**2", 4),
        ("2**-1", Fraction(1, 2)),
        ("2**3**2", 512),
        ("(2**3)**2", 64),
        ("2**-2**2", Fraction(1, 16)),
        ("--2", 2),
        ("2 - -2", 4),
        ("8 / 2 / 2", 2),
        ("8 - 2 - 2", 4),
        ("8 / 2 * 3", 12),
        ("2 + 3 * 4", 14),
        ("-2 * -3", 6),
        ("0**0", 1),
        ("1e3", 1000),
        ("2.50", Fraction(5, 2)),
        ("1E-2", Fraction(1, 100)),
        ("007", 7),
        (" 1\n+\t1 ", 2),
        ("true + true", 2),
        ("1 == 1 and 2 != 3", 1),
        ("not 1 == 2", 1),
        ("not not 1", 1),
        ("not 0 or 1", 1),
        ("not (0 or 1)", 0),
        ("1 or 0 and 0", 1),
        ("(1 or 0) and 0", 0),
        ("1 + 1 == 2", 1),
        ("'a' == 'a'", 1),
        ("'a' != 'a'", 0),
        ("'a b-c.d' == 'a'", 0),
        ("sqrt(9/4)", Fraction(3, 2)),
        ("ceil(7/2)", 4),
        ("floor(-7/2)", -4),
        ("round(5/2)", 3),
        ("round(-5/2)", -2),
        ("round(9/4)", 2),
        ("round_to(20, 8)", 24),
        ("round_to(18, 8)", 16),
        ("round_to(3, 1/2)", 3),
        ("round_width(54)", 56),
        ("round_width(3)", 8),
        ("round_width(20, 16)", 32),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("max(sqrt(2), 1.4) == sqrt(2)", 1),
        ("sqrt(8) / sqrt(2)", 2),
        ("floor(sqrt(2) * 1e20)", 141421356237309504880),
    ],
)
def test_meaning(text: str, expected: int | Fraction) -> None:
    assert folded(text) == expected


def test_trees() -> None:
    a, b = Name("a"), Name("b.c")
    assert parse("a - b.c") == Apply("-", (a, b))
    assert parse("not a == 'x'") == Apply("not", (Apply("==", (a, Text("x"))),))
    assert parse("min(a, 1)") == Apply("min", (a, Number(Fraction(1))))
    assert parse("((a))") == a
    assert parse("sqrt") == Name("sqrt")
    assert list(names(parse("b.c + min(a, a) * cycle(a, 'a')"))) == ["b.c", "a", "a", "a"]
    assert list(cycles(parse("cycle(1, cycle(2, 3, 4)) + cycle(5)"))) == [2, 3, 1]


def test_cycle_takes_the_block_in_turn() -> None:
    tree = parse("cycle(1, a, 'x' == 'x')")
    scope = {"a": variable("a")}
    assert [build(tree, scope, index) for index in range(5)] == [ONE, variable("a"), ONE, ONE, variable("a")]
    assert build(parse("cycle(cycle(1, 2), 3)"), {}, 2) is ONE


def test_options_are_compared_as_text() -> None:
    scope: dict[str, Expr | str] = {"mode": "always", "other": "always", "taps": constant(5)}
    assert build(parse("mode == 'always'"), scope) is ONE
    assert build(parse("mode != 'always'"), scope) is ZERO
    assert build(parse("mode == other"), scope) is ONE
    assert build(parse("taps == 5"), scope) is ONE
    assert build(parse("cycle('x', mode) == 'always'"), scope, 1) is ONE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode", "'always' is text, which can only be compared with == or !="),
        ("mode + 1", "'always' is text, which can only be compared with == or !="),
        ("not mode", "'always' is text, which can only be compared with == or !="),
        ("mode == 1", "'always' is text and cannot be compared with a number"),
        ("w * w * w == 'x'", "'x' is text and cannot be compared with a number"),
        ("nothing", "unknown name 'nothing'"),
        ("1 / 0", "division by zero"),
        ("w / (2 - 2)", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("sqrt(-1)", "a root of a negative number"),
        ("2**sqrt(2)", "irrational exponent"),
        ("2**5000", "an exponent beyond 4096"),
        ("(2**4000)**2", "a number of more than 4096 bits"),
        ("2**4000 * 2**4000", "a number of more than 4096 bits"),
        ("round_to(w, 0)", "the step of round_to must be a positive number"),
        ("round_width(w, w)", "the step of round_width must be a positive number"),
    ],
)
def test_what_has_no_meaning(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        build(parse(text), {"mode": "always", "w": variable("w")})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty expression"),
        (" \n", "empty expression"),
        ("1 +", "unfinished expression '1 +'"),
        ("(1", "expected ')', found the end at character 3 of '(1'"),
        ("(1 2)", "expected ')', found '2' at character 4 of '(1 2)'"),
        ("1 2", "unexpected '2' at character 3 of '1 2'"),
        ("1)", "unexpected ')' at character 2 of '1)'"),
        ("*1", "unexpected '*' at character 1 of '*1'"),
        ("1 == 2 == 3", "unexpected '==' at character 8 of '1 == 2 == 3'"),
        ("2 not 3", "unexpected 'not' at character 3 of '2 not 3'"),
        ("1 + not 2", "unexpected 'not' at character 5 of '1 + not 2'"),
        ("min(1,)", "unexpected ')' at character 7 of 'min(1,)'"),
        ("ceil()", "unexpected ')' at character 6 of 'ceil()'"),
        ("2w", "unexpected 'w' at character 2 of '2w'"),
        ("1 ^ 2", "unexpected '^' at character 3 of '1 ^ 2': a power is written **"),
        ("w % 2", "unexpected '%' at character 3 of 'w % 2': there is no remainder"),
        ("w < 2", "unexpected '<' at character 3 of 'w < 2': conditions compare with == or !="),
        ('w == "a"', "unexpected '\"' at character 6 of 'w == \"a\"': text stands in single quotes"),
        ("'a", "unexpected \"'\" at character 1 of \"'a\""),
        ("a.b.c", "unexpected '.' at character 4 of 'a.b.c'"),
        ("a[0]", "unexpected '[' at character 2 of 'a[0]'"),
        ("2 × w", "unexpected '×' at character 3 of '2 × w'"),
        ("w\u202e2", r"unexpected '\u202e' at character 2 of 'w\u202e2'"),
        ("1\x00", r"unexpected '\x00' at character 2 of '1\x00'"),
        ("exec(1)", f"unknown function 'exec'; {FUNCTIONS}"),
        ("cieling(1)", f"unknown function 'cieling'; {FUNCTIONS}"),
        ("a.sqrt(1)", f"unknown function 'a.sqrt'; did you mean sqrt? {FUNCTIONS}"),
        ("sqrt(1, 2)", "sqrt takes 1 argument, not 2"),
        ("round_to(1)", "round_to takes 2 arguments, not 1"),
        ("min(1)", "min takes 2 to 8 arguments, not 1"),
        ("1" * 41, f"number '{'1' * 41}' has more than 40 digits"),
        ("1e31", "number '1e31' has an exponent beyond 30"),
        (f"1e{'9' * 300}", f"number '1e{'9' * 55}...' has an exponent beyond 30"),
        ("1" * 401, "expression longer than 400 characters"),
        ("(" * 25 + "1" + ")" * 25, "expression nested deeper than 24"),
        ("-" * 24 + "1", "expression nested deeper than 24"),
        ("not " * 24 + "1", "expression nested deeper than 24"),
        ("1" + "**1" * 25, "expression nested deeper than 24"),
        ("1" + "+1" * 24, "expression nested deeper than 24"),
        ("1" + "+1" * 30 + "?", f"unexpected '?' at character 62 of '{'1+' * 28}1...'"),
    ],
)  # fmt: skip
def test_refusals(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "1" * 40,
        "1." + "1" * 39,
        "1e30",
        "1e-30",
        "(" * 24 + "1" + ")" * 24,
        "-" * 23 + "1",
        "1" + "**1" * 23,
        "1" + "+1" * 23,
        "w" * 400,
        f"cycle({', '.join('1' * 64)})",
    ],
)
def test_the_last_within_each_bound(text: str) -> None:
    parse(text)


WORDS = [*syntax.FUNCTIONS, *"(),+-*/w2", "**", "==", "!=", "and", "or", "not", "'x'", "true"]


@given(
    st.text(max_size=60)
    | st.text(" ()*+-/,.'=!0129aew_", max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
)
def test_no_text_does_anything_else(text: str) -> None:
    try:
        tree = parse(text)
        build(tree, {name: variable(name) for name in names(tree)})
    except ExpressionError as error:
        message = str(error)
        assert message.isprintable()
        assert len(message) < 300


def test_deep_sharing_does_not_grow_a_message() -> None:
    """Two hundred lines of squares are a sum of 2**200 terms: nothing may ever write it out."""
    tree: Expr = variable("w") + 1
    for _ in range(200):
        tree = tree * tree
    with pytest.raises(ExpressionError, match=r"^'x' is text and cannot be compared with a number$"):
        build(parse("a == 'x'"), {"a": tree})
    with pytest.raises(ExactError, match="more than 4096 bits"):
        Tape([tree]).run(EXACT, {"w": Fraction(2)})
