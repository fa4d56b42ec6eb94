"""Expressions over factors: interned nodes, folded as they are made, evaluated by tape.

A node is made once: two equal expressions are the same object, so that equality is identity and a
network's thousands of mentions of one width are one node. Building folds what can be folded exactly
(constants, neutral elements, ``x / x``, the rounding of what is whole already) and nothing else.

Evaluation never recurses. :class:`Tape` sorts the nodes below some roots once, then runs them
through an :class:`Algebra`: exact numbers, sympy, or other expressions (see :func:`relax`).
A number system is thus one class of a dozen short methods, and every one sees the same formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from x3dspec.language import numbers as exact
from x3dspec.language.errors import shown
from x3dspec.language.grammar import Apply, ExpressionError, Name, Number, Syntax, Text
from x3dspec.language.numbers import Exact, ExactError

T = TypeVar("T")


class Algebra(Protocol[T]):
    """A number system that expressions can be evaluated in."""

    def constant(self, value: Exact) -> T: ...
    def add(self, a: T, b: T) -> T: ...
    def multiply(self, a: T, b: T) -> T: ...
    def divide(self, a: T, b: T) -> T: ...
    def power(self, a: T, b: T) -> T: ...
    def floor(self, a: T) -> T: ...
    def ceil(self, a: T) -> T: ...
    def minimum(self, a: T, b: T) -> T: ...
    def maximum(self, a: T, b: T) -> T: ...
    def equal(self, a: T, b: T) -> T: ...
    def round_to(self, a: T, step: T) -> T:
        """The multiple of `step` nearest to `a`, ties up."""

    def round_width(self, a: T, divisor: T) -> T:
        """The multiple of `divisor` nearest to `a`, ties up, at least one `divisor`, and one more
        where that lost more than 10 % of `a`: the channel rounding of X3D, MobileNet, EfficientNet.
        """

    def residues(self, count: T, residue: T, period: T) -> T:
        """How many of the integers 0 .. count - 1 leave `residue` when divided by `period`."""


class Expr:
    """One node. Made by the functions below and by operators, never directly."""

    __slots__ = ("__weakref__", "arguments", "name", "operator", "value", "whole")
    _nodes: ClassVar[WeakValueDictionary[Any, Expr]] = WeakValueDictionary()

    operator: str
    arguments: tuple[Expr, ...]
    value: Exact | None
    name: str
    whole: bool

    @classmethod
    def _make(
        cls,
        operator: str,
        arguments: tuple[Expr, ...] = (),
        *,
        value: Exact | None = None,
        name: str = "",
        whole: bool = False,
    ) -> Expr:
        key = (operator, arguments, value, name)
        node = cls._nodes.get(key)
        if node is None:
            node = cls.__new__(cls)
            node.operator, node.arguments = operator, arguments
            node.value, node.name, node.whole = value, name, whole
            cls._nodes[key] = node
        return node

    def __repr__(self) -> str:
        if self.value is not None:
            return exact.text(self.value)
        return self.name or f"{self.operator}({', '.join(map(repr, self.arguments))})"

    def __add__(self, other: Operand) -> Expr:
        return add(self, lift(other))

    def __radd__(self, other: Operand) -> Expr:
        return add(lift(other), self)

    def __sub__(self, other: Operand) -> Expr:
        return add(self, multiply(_MINUS_ONE, lift(other)))

    def __mul__(self, other: Operand) -> Expr:
        return multiply(self, lift(other))

    def __rmul__(self, other: Operand) -> Expr:
        return multiply(lift(other), self)

    def __truediv__(self, other: Operand) -> Expr:
        return divide(self, lift(other))


Operand = Expr | int | Fraction


def constant(value: Exact | int) -> Expr:
    number: Exact = Fraction(value) if isinstance(value, int) else value
    whole = isinstance(number, Fraction) and number.denominator == 1
    return Expr._make("constant", value=number, whole=whole)


def variable(name: str) -> Expr:
    return Expr._make("variable", name=name)


def lift(operand: Operand) -> Expr:
    return operand if isinstance(operand, Expr) else constant(operand)


ZERO = constant(0)
ONE = constant(1)
_MINUS_ONE = constant(-1)


def add(a: Expr, b: Expr) -> Expr:
    if a.value is not None and b.value is not None:
        return constant(exact.bounded(a.value + b.value))
    if a is ZERO:
        return b
    if b is ZERO:
        return a
    return Expr._make("add", (a, b), whole=a.whole and b.whole)


def multiply(a: Expr, b: Expr) -> Expr:
    if b.value is not None:
        a, b = b, a
    if a.value is not None:
        if b.value is not None:
            return constant(exact.bounded(a.value * b.value))
        if a is ZERO or a is ONE:
            return ZERO if a is ZERO else b
        if b.operator == "multiply" and b.arguments[0].value is not None:
            return multiply(constant(exact.bounded(a.value * b.arguments[0].value)), b.arguments[1])
    return Expr._make("multiply", (a, b), whole=a.whole and b.whole)


def divide(a: Expr, b: Expr) -> Expr:
    if b is ZERO:
        raise ExpressionError("division by zero")
    if b.value is not None:
        return multiply(constant(exact.power(b.value, Fraction(-1))), a)
    if a is b:
        return ONE
    return ZERO if a is ZERO else Expr._make("divide", (a, b))


def power(a: Expr, b: Expr) -> Expr:
    if a.value is not None and b.value is not None:
        return constant(exact.power(a.value, b.value))
    if b is ZERO or b is ONE:
        return ONE if b is ZERO else a
    return Expr._make("power", (a, b))


def floor(a: Expr) -> Expr:
    if a.value is not None:
        return constant(exact.floor(a.value))
    return a if a.whole else Expr._make("floor", (a,), whole=True)


def ceil(a: Expr) -> Expr:
    if a.value is not None:
        return constant(exact.ceil(a.value))
    return a if a.whole else Expr._make("ceil", (a,), whole=True)


def minimum(a: Expr, b: Expr) -> Expr:
    return a if a is b else _folded("minimum", (a, b), whole=a.whole and b.whole)


def maximum(a: Expr, b: Expr) -> Expr:
    return a if a is b else _folded("maximum", (a, b), whole=a.whole and b.whole)


def equal(a: Expr, b: Expr) -> Expr:
    """1 where both are the same number, otherwise 0."""
    return ONE if a is b else _folded("equal", (a, b), whole=True)


def round_to(a: Expr, step: Expr) -> Expr:
    if a.whole and step is ONE:
        return a
    return _folded("round_to", (a, step), whole=step.whole)


def round_width(a: Expr, divisor: Expr) -> Expr:
    return _folded("round_width", (a, divisor), whole=divisor.whole)


def residues(count: Expr, residue: int, period: int) -> Expr:
    if period == 1:
        return count
    return _folded("residues", (count, constant(residue), constant(period)), whole=True)


def negation(a: Expr) -> Expr:
    """1 - a: the opposite of a condition, which is 0 or 1."""
    return ONE - a


def either(a: Expr, b: Expr) -> Expr:
    if a is ONE or b is ONE:
        return ONE
    return add(add(a, b), multiply(_MINUS_ONE, multiply(a, b)))


def _folded(operator: str, arguments: tuple[Expr, ...], *, whole: bool) -> Expr:
    """Constants are computed by the very algebra that evaluates them later."""
    values = [argument.value for argument in arguments]
    if all(value is not None for value in values):
        return constant(getattr(EXACT, operator)(*values))
    return Expr._make(operator, arguments, whole=whole)


_NOTHING: Mapping[Expr, Any] = {}


class Tape(Generic[T]):
    """The nodes below some roots, each once, arguments before what uses them.

    What is below `leaves` is left out: their values are `known` whenever the tape runs.
    """

    def __init__(self, roots: Iterable[Expr], leaves: Collection[Expr] = ()) -> None:
        self.roots = tuple(roots)
        self.nodes = _ordered(self.roots, leaves)
        place = {node: index for index, node in enumerate(self.nodes)}
        self._arguments = [
            () if node in leaves else tuple(place[a] for a in node.arguments) for node in self.nodes
        ]
        self._results = [place[root] for root in self.roots]

    def run(
        self, algebra: Algebra[Any], values: Mapping[str, Any], known: Mapping[Expr, Any] = _NOTHING
    ) -> list[Any]:
        """The value of every root, given the value of every variable, in that algebra's numbers.

        A node that is `known` has the value given for it, whatever is below it.

        Raises:
            ExpressionError: division by zero, or a bound of exact arithmetic that was passed.
        """
        results: list[Any] = []
        methods: dict[str, Callable[..., Any]] = {}
        for node, arguments in zip(self.nodes, self._arguments, strict=True):
            if node in known:
                results.append(known[node])
            elif node.operator == "variable":
                results.append(values[node.name])
            elif node.operator == "constant":
                results.append(algebra.constant(node.value))  # type: ignore[arg-type]
            else:
                method = methods.get(node.operator)
                if method is None:
                    method = methods[node.operator] = getattr(algebra, node.operator)
                results.append(method(*[results[index] for index in arguments]))
        return [results[index] for index in self._results]


def _ordered(roots: Sequence[Expr], leaves: Collection[Expr] = ()) -> list[Expr]:
    order: dict[Expr, None] = {}
    pending = [(root, False) for root in reversed(roots)]
    while pending:
        node, ready = pending.pop()
        if node in order:
            continue
        if ready or not node.arguments or node in leaves:
            order[node] = None
        else:
            pending.append((node, True))
            pending.extend((argument, False) for argument in reversed(node.arguments))
    return list(order)


def variables(roots: Iterable[Expr]) -> list[str]:
    """The names that the roots depend on, in order of appearance."""
    return [node.name for node in _ordered(tuple(roots)) if node.operator == "variable"]


class ExactAlgebra:
    """Rationals and roots of rationals; whole numbers stay Python integers, which are faster."""

    def constant(self, value: Exact) -> Any:
        whole = isinstance(value, Fraction) and value.denominator == 1
        return value.numerator if whole else value  # type: ignore[union-attr]

    def add(self, a: Any, b: Any) -> Any:
        return _bounded(a + b)

    def multiply(self, a: Any, b: Any) -> Any:
        return _bounded(a * b)

    def divide(self, a: Any, b: Any) -> Any:
        if b == 0:
            raise ExpressionError("division by zero")
        return _bounded(Fraction(a) / b if isinstance(a, int) else a / b)

    def power(self, a: Any, b: Any) -> Any:
        return exact.power(a, b)

    floor = staticmethod(math.floor)
    ceil = staticmethod(math.ceil)

    def minimum(self, a: Any, b: Any) -> Any:
        return a if a <= b else b

    def maximum(self, a: Any, b: Any) -> Any:
        return a if a >= b else b

    def equal(self, a: Any, b: Any) -> Any:
        return int(a == b)

    def round_to(self, a: Any, step: Any) -> Any:
        return exact.nearest_integer(self.divide(a, step)) * step

    def round_width(self, a: Any, divisor: Any) -> Any:
        width = self.maximum(divisor, self.round_to(a, divisor))
        return width + divisor if width * 10 < a * 9 else width

    def residues(self, count: Any, residue: Any, period: Any) -> Any:
        return math.ceil(Fraction(count - residue) / period)


def _bounded(value: Any) -> Any:
    """The same value; sharing lets a short spec write a product that doubles its digits per line."""
    if type(value) is not int:
        return exact.bounded(value)
    if value.bit_length() > exact.MAX_BITS:
        raise ExactError(f"a number of more than {exact.MAX_BITS} bits")
    return value


EXACT = ExactAlgebra()


class _Relaxed:
    """Expressions again, with every rounding function left out: what remains is smooth."""

    def constant(self, value: Exact) -> Expr:
        return constant(value)

    add = staticmethod(add)
    multiply = staticmethod(multiply)
    divide = staticmethod(divide)
    power = staticmethod(power)
    minimum = staticmethod(minimum)
    maximum = staticmethod(maximum)

    def floor(self, a: Expr) -> Expr:
        return a

    ceil = floor

    def equal(self, a: Expr, b: Expr) -> Expr:
        # Two different expressions agree on isolated points only, which a smooth form does not see.
        return ONE if a is b else ZERO

    def round_to(self, a: Expr, step: Expr) -> Expr:
        return a

    round_width = round_to

    def residues(self, count: Expr, residue: Expr, period: Expr) -> Expr:
        return divide(count, period)


def relax(roots: Iterable[Expr], values: Mapping[str, Expr] | None = None) -> list[Expr]:
    """The same expressions without rounding: ``ceil(5 * gamma_d)`` becomes ``5 * gamma_d``.

    `values` says what stands in the place of a variable, where it is not itself.
    """
    tape: Tape[Expr] = Tape(roots)
    names = {node.name: node for node in tape.nodes if node.operator == "variable"}
    return tape.run(_Relaxed(), {**names, **(values or {})})


Scope = Mapping[str, "Expr | str"]


def build(tree: Syntax, scope: Scope, index: int = 0) -> Expr:
    """The expression that a syntax tree stands for.

    `scope` gives every name its meaning: an expression, or the text of an option's choice, which
    can only be compared. `index` is the position of the block in its stage, which ``cycle`` reads.

    Raises:
        ExpressionError: a name without meaning, text where a number is needed, a division by zero.
    """
    value = _meaning(tree, scope, index)
    if isinstance(value, str):
        raise ExpressionError(f"{shown(value)} is text, which can only be compared with == or !=")
    return value


def _meaning(tree: Syntax, scope: Scope, index: int) -> Expr | str:
    if isinstance(tree, Number):
        return constant(tree.value)
    if isinstance(tree, Text):
        return tree.value
    if isinstance(tree, Name):
        if tree.name not in scope:
            raise ExpressionError(f"unknown name {shown(tree.name)}")
        return scope[tree.name]
    if tree.operator == "cycle":
        return _meaning(tree.arguments[index % len(tree.arguments)], scope, index)
    if tree.operator in ("==", "!="):
        same = _same(*(_meaning(argument, scope, index) for argument in tree.arguments))
        return same if tree.operator == "==" else negation(same)
    try:
        return _apply(tree, [build(argument, scope, index) for argument in tree.arguments])
    except ExactError as error:
        raise ExpressionError(str(error)) from None


def _same(a: Expr | str, b: Expr | str) -> Expr:
    if isinstance(a, str) != isinstance(b, str):
        text = a if isinstance(a, str) else b
        raise ExpressionError(f"{shown(str(text))} is text and cannot be compared with a number")
    if isinstance(a, Expr) and isinstance(b, Expr):
        return equal(a, b)
    return ONE if a == b else ZERO


def _apply(tree: Apply, arguments: list[Expr]) -> Expr:
    if tree.operator in ("min", "max"):
        function = minimum if tree.operator == "min" else maximum
        result = arguments[0]
        for argument in arguments[1:]:
            result = function(result, argument)
        return result
    if tree.operator == "round_width" and len(arguments) == 1:
        arguments = [*arguments, constant(8)]
    if tree.operator in ("round_to", "round_width"):
        step = arguments[1]
        if step.value is None or exact.sign(step.value) <= 0:
            raise ExpressionError(f"the step of {tree.operator} must be a positive number")
    return _OPERATORS[tree.operator](*arguments)


_OPERATORS: dict[str, Callable[..., Expr]] = {
    "+": add,
    "-": lambda a, b: a - b,
    "*": multiply,
    "/": divide,
    "**": power,
    "negate": lambda a: multiply(_MINUS_ONE, a),
    "not": negation,
    "and": multiply,
    "or": either,
    "sqrt": lambda a: power(a, constant(Fraction(1, 2))),
    "ceil": ceil,
    "floor": floor,
    "round": lambda a: round_to(a, ONE),
    "round_to": round_to,
    "round_width": round_width,
}
