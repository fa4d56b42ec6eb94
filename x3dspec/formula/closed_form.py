"""The closed form of a cost, arranged for a reader by sympy.

With rounding, every rounded number gets a name after its role (``S_res2`` is the size behind res2)
and each stage's cost is its first block and what the others repeat. Without it, the cost is a
polynomial in the factors. Both are rewritings of what :mod:`x3dspec.network.cost` says, never a second
account of it. How they are spelled is :mod:`x3dspec.formula.printers`' business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from x3dspec.formula.names import names
from x3dspec.formula.sympy_bridge import symbol, to_number, to_sympy, translate
from x3dspec.language import expressions as expr
from x3dspec.language import relaxation
from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.tape import Tape
from x3dspec.network import cost
from x3dspec.network import layers as net
from x3dspec.network.architecture import Architecture
from x3dspec.network.factors import complete
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Quantity
from x3dspec.network.quantities import quantity as counted_as


@dataclass(frozen=True)
class Definition:
    """A named part of the formula. Its value may use the factors and the definitions before it."""

    symbol: Any
    value: Any

    @property
    def name(self) -> str:
        return str(self.symbol.name)


@dataclass(frozen=True)
class Term:
    """What one stage adds. Without rounding the formula is one term, which belongs to no stage."""

    stage: str
    summands: tuple[Any, ...]


@dataclass(frozen=True)
class Formula:
    """A cost as definitions and a sum, in sympy's expressions.

    Attributes:
        spec: the network's name.
        factors: those that the formula depends on, in the order of their declaration.
        setting: the spec's value of each of them.
        value: what the formula is there.
    """

    spec: str
    quantity: Quantity
    relaxed: bool
    factors: tuple[str, ...]
    definitions: tuple[Definition, ...]
    terms: tuple[Term, ...]
    setting: Setting
    value: Exact | float

    @property
    def summands(self) -> list[Any]:
        """All that is added up, stage by stage."""
        return [summand for term in self.terms for summand in term.summands]

    def parts(self, setting: Setting) -> list[Any]:
        """The value of every summand at these factor values, in order, as sympy's exact numbers."""
        known = {symbol(name): to_number(value) for name, value in setting.items()}
        for definition in self.definitions:
            known[definition.symbol] = definition.value.xreplace(known)
        return [summand.xreplace(known) for summand in self.summands]

    def at(self, setting: Setting) -> Any:
        """The formula's value at these factor values, as sympy's exact number."""
        return sum(self.parts(setting))


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
    counted = counted_as(quantity, convention)
    overrides = dict(setting or {})
    values = complete(architecture.source, overrides)
    network = architecture.symbolic(frozenset(overrides))
    total = expr.lift(counted.of(network))
    [root] = relaxation.relax([total]) if relaxed else [total]
    with refusals(architecture):
        definitions, terms = _relaxed(root, values) if relaxed else _rounded(network, counted, values)
        value = _value(root, values)
    used = _symbols(definitions, terms)
    shown = {name: value for name, value in values.items() if symbol(name) in used}
    return Formula(architecture.name, counted, relaxed, (*shown,), definitions, terms, shown, value)


def _value(root: Expr, values: Setting) -> Exact | float:
    """The form's value: exact, or the nearest float where roots would have to be added."""
    try:
        value: Exact = Fraction(0) + Tape[Any]([root]).run(EXACT, values)[0]
    except ExactError:
        known = {symbol(name): to_number(value) for name, value in values.items()}
        return float(to_sympy(root).xreplace(known))
    return value


@contextmanager
def refusals(architecture: Architecture) -> Iterator[None]:
    """What has no closed form, or none that can be written down, is a problem of the spec."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        raise SpecError.at(architecture.source.display, f"no closed form: {error}") from None


def _symbols(definitions: Iterable[Definition], terms: Iterable[Term]) -> set[Any]:
    values = [definition.value for definition in definitions]
    values += [summand for term in terms for summand in term.summands]
    return set().union(*(value.free_symbols for value in values))


Arranged = tuple[tuple[Definition, ...], tuple[Term, ...]]


def _relaxed(root: Expr, values: Setting) -> Arranged:
    """One polynomial, its largest terms at the given values first."""
    form = sympy.expand(to_sympy(root))
    known = {symbol(name): to_number(value) for name, value in values.items()}
    sizes = {term: float(term.xreplace(known)) for term in sympy.Add.make_args(form)}
    summands = sorted(sizes, key=lambda term: (-sizes[term], term.sort_key()))
    return (), (Term("", tuple(summands)),)


def _rounded(network: net.Network[Expr], quantity: Quantity, values: Setting) -> Arranged:
    """Named roundings, and stage by stage the first block and the others."""
    blocks = _blocks(network, quantity)
    roots = [node for pairs in blocks.values() for pair in pairs for node in pair]
    roots += [stage.repeat for stage in network.stages]
    translation = translate(roots, names(network, roots, {*values, quantity.name}))
    known = dict(zip(roots, translation.values, strict=True))
    terms = [Term(stage.name, _summands(stage.repeat, blocks[stage.name], known)) for stage in network.stages]
    terms = [term for term in terms if term.summands]
    definitions = [Definition(name, value) for name, value in translation.definitions]
    return _needed(definitions, terms), tuple(terms)


def _blocks(network: net.Network[Expr], quantity: Quantity) -> dict[str, list[tuple[Expr, Expr]]]:
    """For each stage (how often, what): of its first block, and of each phase of the others.

    Where blocks do not add up, it is one for the whole stage.
    """
    if quantity.tally is not None:
        return {stage.name: list(_phases(stage, quantity.tally)) for stage in quantity.viewed(network).stages}
    assert quantity.by_stage is not None
    pairs = zip(network.stages, quantity.by_stage(network), strict=True)
    return {stage.name: [(expr.ONE, expr.lift(total))] for stage, total in pairs}


def _phases(stage: net.Stage[Expr], tally: Callable[[cost.Cost[Expr]], Any]) -> Iterator[tuple[Expr, Expr]]:
    yield expr.ONE, expr.lift(tally(cost.of_body(stage.first)))
    for residue, body in enumerate(stage.rest):
        count = cost.occurrences(stage.repeat, residue, len(stage.rest))
        yield expr.lift(count), expr.lift(tally(cost.of_body(body)))


def _summands(
    repeat: Expr, blocks: Iterable[tuple[Expr, Expr]], known: Mapping[Expr, Any]
) -> tuple[Any, ...]:
    """The blocks of a stage as products of how often and what."""
    pairs = [(known[count], sympy.expand(known[body])) for count, body in blocks]
    shared = _shared(known[repeat], pairs)
    return tuple(_product(count, arranged(body)) for count, body in shared if body != 0 and count != 0)


Pair = tuple[Any, Any]


def _shared(repeat: Any, blocks: list[Pair]) -> list[Pair]:
    """First block, what the others have in common, and what each phase of them has on top of it.

    The phases take turns, so their counts sum to one less than the repeat: a step that holds for
    whole repeats, the only ones there are.
    """
    (one, first), *others = blocks
    if not others:
        return blocks
    base = min((body for _, body in others), key=lambda body: len(sympy.Add.make_args(body)))
    extras = [(count, body - base) for count, body in others]
    if first == base:
        return [(repeat, base), *extras]
    return [(one, first), (repeat - one, base), *extras]


def arranged(total: Any) -> Any:
    """A sum whose terms are put together: what most of them share stands in front of those."""
    total = sympy.factor_terms(total)
    if total.is_Mul:
        return _product(*(arranged(factor) if factor.is_Add else factor for factor in total.args))
    if not total.is_Add:
        return total
    left = {term: _letters(term) for term in total.args}
    parts: list[Any] = []
    while (letter := _commonest(left.values())) is not None:
        inside = [term for term, letters in left.items() if letter in letters]
        left = {term: letters for term, letters in left.items() if letter not in letters}
        parts.append(arranged(sympy.Add(*inside)) if parts or left else sympy.Add(*inside))
    return sympy.Add(*parts, *left, evaluate=False)


def _letters(term: Any) -> set[Any]:
    """The symbols that a term is a multiple of."""
    powers = term.as_powers_dict().items()
    return {base for base, exponent in powers if base.is_Symbol and exponent.is_positive}


def _commonest(terms: Iterable[Collection[Any]]) -> Any | None:
    """The symbol that most terms have, at least two of them; the first by name where several do."""
    counts = Counter(letter for letters in terms for letter in letters)
    often = [letter for letter, count in counts.items() if count > 1]
    return min(often, key=lambda letter: (-counts[letter], letter.name), default=None)


def _product(*factors: Any) -> Any:
    """A product that stays as it is: sympy would multiply a number into a sum again."""
    parts = [part for factor in factors for part in sympy.Mul.make_args(factor)]
    number = sympy.prod(part for part in parts if part.is_Number)
    others = [part for part in parts if not part.is_Number]
    return sympy.Mul(*([] if number == 1 and others else [number]), *others, evaluate=False)


def _needed(definitions: list[Definition], terms: list[Term]) -> tuple[Definition, ...]:
    """The definitions that the terms use, themselves or through other definitions."""
    used = _symbols((), terms)
    kept = []
    for definition in reversed(definitions):
        if definition.symbol in used:
            used |= definition.value.free_symbols
            kept.append(definition)
    return tuple(reversed(kept))
