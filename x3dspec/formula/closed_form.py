"""The closed form of a cost, arranged for a reader, and how the cost answers to each factor.

With rounding, every rounded number gets a name after its role (``S_res2`` is the size behind res2)
and each stage's cost is its first block and what the others repeat. Without it, the cost is a
polynomial in the factors. Both are rewritings of what :mod:`x3dspec.network.cost` says, never a second
account of it. How they are spelled is :mod:`x3dspec.formula.notation`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from x3dspec.formula.polynomial import Polynomial, Polynomials, atom, number
from x3dspec.language import expressions as expr
from x3dspec.language import numbers as exact
from x3dspec.language.errors import BadArgument, SpecError, unknown
from x3dspec.language.expressions import EXACT, Expr, Tape, variable
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.network import cost
from x3dspec.network import layers as net
from x3dspec.network.architecture import Architecture
from x3dspec.network.factors import complete
from x3dspec.network.layers import Setting

Measure = Callable[[cost.Cost[Expr]], Expr]

#: What is written where it stands; every other operation rounds or chooses, and gets a name.
_INLINE = {"constant", "variable", "add", "multiply", "divide", "power", "residues"}
_LETTERS = {"width": "w", "inner": "b"}


@dataclass(frozen=True)
class Quantity:
    """What is counted: `name` is what the total is called, `doc` says what one of it is."""

    name: str
    doc: str
    measure: Measure


@dataclass(frozen=True)
class Definition:
    """A named part of the formula. It may use the factors and the definitions before it."""

    name: str
    value: Expr


@dataclass(frozen=True)
class Term:
    """What one stage adds. Without rounding the formula is one term, which belongs to no stage."""

    stage: str
    summands: tuple[Expr, ...]


@dataclass(frozen=True)
class Formula:
    """A cost as definitions and a sum.

    Attributes:
        spec: the network's name.
        factors: those that the formula depends on, in the order of their declaration.
        setting: the spec's value of each of them.
    """

    spec: str
    quantity: Quantity
    relaxed: bool
    factors: tuple[str, ...]
    definitions: tuple[Definition, ...]
    terms: tuple[Term, ...]
    setting: Setting

    def values(self, setting: Setting) -> dict[str, Any]:
        """What every name of the formula stands for at these factor values."""
        known: dict[str, Any] = dict(setting)
        for definition in self.definitions:
            [known[definition.name]] = Tape([definition.value]).run(EXACT, known)
        return known

    def parts(self, setting: Setting) -> list[Exact]:
        """The value of every summand, in order."""
        summands = [summand for term in self.terms for summand in term.summands]
        return [Fraction(0) + value for value in Tape(summands).run(EXACT, self.values(setting))]

    def at(self, setting: Setting) -> Exact:
        """The formula's value at these factor values, exactly."""
        return sum(self.parts(setting), Fraction(0))


@dataclass(frozen=True)
class Elasticity:
    """d ln cost / d ln factor without rounding: the per cent that one per cent more of it costs.

    A float where the exact value would be a quotient of sums of roots.
    """

    factor: str
    value: Exact | float


def derive(
    architecture: Architecture,
    quantity: str = "macs",
    *,
    convention: str = "paper",
    relaxed: bool = False,
    setting: Setting | None = None,
) -> Formula:
    """The closed form of a quantity. `setting` is as in :meth:`Architecture.at`.

    Raises:
        SpecError: an unknown quantity or convention, or a form too large to be multiplied out.
    """
    counted = _quantity(quantity, convention)
    given = dict(setting or {})
    values = complete(architecture.source, given)
    network = architecture.symbolic(frozenset(given))
    arrange = _relaxed if relaxed else _rounded
    with _refusals(architecture):
        definitions, terms = arrange(network, counted, values)
    used = set(_variables(definitions, terms))
    factors = tuple(name for name in values if name in used)
    shown = {name: values[name] for name in factors}
    return Formula(architecture.name, counted, relaxed, factors, definitions, terms, shown)


def elasticities(
    architecture: Architecture,
    quantity: str = "macs",
    *,
    convention: str = "paper",
    setting: Setting | None = None,
) -> tuple[Elasticity, ...]:
    """How the relaxed cost answers to each factor that it depends on, at the spec's values.

    Raises:
        SpecError: an unknown quantity or convention.
    """
    counted = _quantity(quantity, convention)
    given = dict(setting or {})
    values = complete(architecture.source, given)
    total = counted.measure(architecture.symbolic(frozenset(given)).cost())
    with _refusals(architecture):
        tape: Tape[Dual] = Tape(expr.relax([total]))
        used = set(expr.variables(tape.roots))
        return tuple(Elasticity(name, _elasticity(tape, values, name)) for name in values if name in used)


@contextmanager
def _refusals(architecture: Architecture) -> Iterator[None]:
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise SpecError.at(architecture.source.display, f"no closed form: {error}") from None


def _quantity(quantity: str, convention: str) -> Quantity:
    if quantity not in cost.QUANTITIES:
        raise BadArgument("quantity", unknown("quantity", quantity, cost.QUANTITIES, "the quantities are"))
    if convention not in cost.CONVENTIONS:
        raise BadArgument(
            "convention", unknown("convention", convention, cost.CONVENTIONS, "the conventions are")
        )
    if quantity == "macs":
        chosen = cost.CONVENTIONS[convention]
        return Quantity(chosen.unit.lower(), f"{chosen.name}: {chosen.doc}", chosen.of)
    return Quantity(quantity, _DOCS[quantity], lambda tally: getattr(tally, quantity))


_DOCS = {
    "params": "trainable parameters",
    "activations": "elements that convolutions and linear layers produce",
    "weights": "weights of convolutions and linear layers",
    "bytes": "bytes read and written in 32-bit floats when every layer runs by itself",
}


def _variables(definitions: Iterable[Definition], terms: Iterable[Term]) -> list[str]:
    values = [definition.value for definition in definitions]
    return expr.variables([*values, *(summand for term in terms for summand in term.summands)])


Arranged = tuple[tuple[Definition, ...], tuple[Term, ...]]


def _relaxed(network: net.Network[Expr], quantity: Quantity, values: Setting) -> Arranged:
    """One polynomial, its largest terms at the given values first."""
    factors = {name: variable(name) for name in values}
    algebra = Polynomials(factors.values(), factors.values())
    atoms = {name: atom(node) for name, node in factors.items()}
    roots = expr.relax([quantity.measure(network.cost())])
    [total] = Tape[Polynomial](roots).run(algebra, atoms)
    summands = [algebra.summand(*term) for term in total.terms.items()]
    sizes = dict(zip(summands, Tape[Any](summands).run(EXACT, values), strict=True))
    summands.sort(key=lambda summand: float(sizes[summand]), reverse=True)
    return (), (Term("", tuple(summands)),)


def _rounded(network: net.Network[Expr], quantity: Quantity, values: Setting) -> Arranged:
    """Named roundings, and stage by stage the first block and the others."""
    blocks = {stage.name: _blocks(stage, quantity.measure) for stage in network.stages}
    roots = [node for pairs in blocks.values() for pair in pairs for node in pair]
    roots += [stage.repeat for stage in network.stages]
    names = _names(network, roots, {*values, quantity.name})
    written = _Named(names, [variable(name) for name in values], roots)
    terms = [Term(stage.name, written.summands(stage.repeat, blocks[stage.name])) for stage in network.stages]
    terms = [term for term in terms if term.summands]
    return _needed(written.definitions, terms), tuple(terms)


def _blocks(stage: net.Stage[Expr], measure: Measure) -> list[tuple[Expr, Expr]]:
    """(how often, what) for the first block and for each phase of the others."""
    blocks = [(expr.ONE, expr.lift(measure(cost.of_body(stage.first))))]
    for residue, body in enumerate(stage.rest):
        count = cost.occurrences(stage.repeat, residue, len(stage.rest))
        blocks.append((expr.lift(count), expr.lift(measure(cost.of_body(body)))))
    return blocks


def _names(network: net.Network[Expr], roots: Iterable[Expr], taken: Collection[str]) -> dict[Expr, str]:
    """A name for every node with a role in the network, and for what else is rounded."""
    names: dict[Expr, str] = {}
    used = set(taken)

    def give(node: Expr, name: str) -> None:
        while name in used:
            name += "_"
        used.add(name)
        names[node] = name

    for name, node in (*_sizes(network), *_counts(network)):
        if node not in names and node.operator not in ("constant", "variable"):
            give(node, name)
    nodes = Tape[Any]([*names, *roots]).nodes
    others = [node for node in nodes if node.operator not in _INLINE and node not in names]
    for index, node in enumerate(others, start=1):
        give(node, f"r{index}")
    return names


Roles = Iterator[tuple[str, Expr]]


def _sizes(network: net.Network[Expr]) -> Roles:
    """Frames and sizes: of the clip, behind every stage, and between its layers."""
    yield from _sides(network.inputs, "")
    for stage in network.stages:
        yield from _sides(stage.outputs, f"_{stage.name}")
    for stage in network.stages:
        for layer in net.walk(stage):
            yield from _sides(layer.outputs, f"_{stage.name}_{layer.name}")


def _sides(shape: net.Shape[Expr], suffix: str) -> Roles:
    *frames, height, width = shape.sizes or (expr.ONE, expr.ONE)
    yield from ((f"T{suffix}", each) for each in frames)
    if height is not width:
        yield f"H{suffix}", height
    yield f"S{suffix}", width


def _counts(network: net.Network[Expr]) -> Roles:
    """Repeats and channels: what each stage says, then what only its layers say.

    Of the latter, a plain multiple of something else reads best as what it is.
    """
    for stage in network.stages:
        yield f"n_{stage.name}", stage.repeat
        for argument, value in stage.arguments:
            yield f"{_LETTERS.get(argument, argument)}_{stage.name}", value
        for layer in net.walk(stage):
            if isinstance(layer, net.SqueezeExcite):
                yield f"h_{stage.name}", layer.hidden
    for stage in network.stages:
        yield from ((name, node) for name, node in _channels(stage) if not _is_multiple(node))


def _channels(stage: net.Stage[Expr]) -> Roles:
    yield f"c_{stage.name}", stage.outputs.channels
    for layer in net.walk(stage):
        yield f"c_{stage.name}_{layer.name}", layer.outputs.channels


def _is_multiple(node: Expr) -> bool:
    return node.operator == "multiply" and node.arguments[0].value is not None


class _Named:
    """Every node as a polynomial in names: factors, and what was given a name on the way."""

    def __init__(self, names: Mapping[Expr, str], factors: Collection[Expr], roots: Iterable[Expr]) -> None:
        self.definitions: list[Definition] = []
        self._names = names
        self._algebra = Polynomials([*map(variable, names.values()), *factors], factors)
        self._values: dict[Expr, Polynomial] = {}
        for node in Tape[Any]([*names, *roots]).nodes:
            self._values[node] = self._read(node)

    def summands(self, repeat: Expr, blocks: Iterable[tuple[Expr, Expr]]) -> tuple[Expr, ...]:
        """The blocks of a stage as products of how often and what."""
        pairs = [(self._values[count], self._values[body]) for count, body in blocks]
        return tuple(
            self._algebra.written(body, self._algebra.written(count))
            for count, body in _shared(self._values[repeat], pairs)
            if body and count
        )

    def _read(self, node: Expr) -> Polynomial:
        if node.operator == "variable":
            return atom(node)
        if node.value is not None:
            return number(node.value)
        arguments = [self._values[argument] for argument in node.arguments]
        value: Polynomial = getattr(self._algebra, node.operator)(*arguments)
        if node not in self._names:
            return value
        name = self._names[node]
        self.definitions.append(Definition(name, self._algebra.written(value)))
        return atom(variable(name))


Pair = tuple[Polynomial, Polynomial]


def _shared(repeat: Polynomial, blocks: list[Pair]) -> list[Pair]:
    """First block, what the others have in common, and what each phase of them has on top of it.

    The phases take turns, so their counts sum to one less than the repeat: a step that holds for
    whole repeats, the only ones there are.
    """
    (one, first), *others = blocks
    if not others:
        return blocks
    base = min((body for _, body in others), key=lambda body: len(body.terms))
    extras = [(count, body - base) for count, body in others]
    if first == base:
        return [(repeat, base), *extras]
    return [(one, first), (repeat - one, base), *extras]


def _needed(definitions: list[Definition], terms: list[Term]) -> tuple[Definition, ...]:
    """The definitions that the terms use, themselves or through other definitions."""
    used = set(_variables([], terms))
    kept = []
    for definition in reversed(definitions):
        if definition.name in used:
            used.update(expr.variables([definition.value]))
            kept.append(definition)
    return tuple(reversed(kept))


@dataclass(frozen=True)
class Dual:
    """A value and its derivative, in exact numbers or in floats."""

    value: Any
    slope: Any


class _Duals:
    """What relaxed expressions are differentiated in; `exactly` or in floats.

    It lacks the operations that relaxed expressions are without.
    """

    def __init__(self, exactly: bool) -> None:
        self._exactly = exactly

    def constant(self, value: Exact) -> Dual:
        return Dual(value, Fraction(0)) if self._exactly else Dual(float(value), 0.0)

    def add(self, a: Dual, b: Dual) -> Dual:
        return Dual(a.value + b.value, a.slope + b.slope)

    def multiply(self, a: Dual, b: Dual) -> Dual:
        return Dual(a.value * b.value, a.slope * b.value + a.value * b.slope)

    def divide(self, a: Dual, b: Dual) -> Dual:
        quotient = a.value / b.value
        return Dual(quotient, (a.slope - quotient * b.slope) / b.value)

    def power(self, a: Dual, b: Dual) -> Dual:
        power: Callable[[Any, Any], Any] = exact.power if self._exactly else math.pow
        value = power(a.value, b.value)
        slope = b.value * power(a.value, b.value - 1) * a.slope
        if b.slope and self._exactly:
            raise ExactError("the derivative of a power by its exponent is a logarithm")
        return Dual(value, slope + value * math.log(a.value) * b.slope if b.slope else slope)

    def minimum(self, a: Dual, b: Dual) -> Dual:
        return a if a.value <= b.value else b

    def maximum(self, a: Dual, b: Dual) -> Dual:
        return a if a.value >= b.value else b


def _elasticity(tape: Tape[Dual], values: Setting, factor: str) -> Exact | float:
    try:
        found = _slope(tape, values, factor, exactly=True)
    except ExactError:
        found = _slope(tape, values, factor, exactly=False)
    if not math.isfinite(exact.approximate(found) if isinstance(found, Fraction | exact.Root) else found):
        raise OverflowError(f"the elasticity of {factor} is larger than any float")
    return found


def _slope(tape: Tape[Dual], values: Setting, factor: str, *, exactly: bool) -> Exact | float:
    """The slope of ln cost over ln factor: along a step of the factor as large as itself."""
    algebra: Any = _Duals(exactly)
    numbers = {name: algebra.constant(value).value for name, value in values.items()}
    zero = algebra.constant(Fraction(0)).value
    steps = {name: Dual(value, value if name == factor else zero) for name, value in numbers.items()}
    [total] = tape.run(algebra, steps)
    ratio: Exact | float = total.slope / total.value
    return ratio
