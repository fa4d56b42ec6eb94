"""What is solved for: the step that doubles a relaxed cost, and how far an axis or a factor may go.

The cost without rounding is written once in sympy, along an axis or over one factor, and inverted once by
:mod:`x3dspec.formula.solve`; both are kept. What is asked then are values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from x3dspec.formula.real import Number, Real
from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import Expr, variable
from x3dspec.language.meaning import build
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.relaxation import relax
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.network.units import Target
from x3dspec.scaling.axes import Axis

if TYPE_CHECKING:  # sympy is loaded when something is solved, not before
    from x3dspec.formula.solve import Form, Inverse, Solution

#: The factors of an expansion before they are snapped.
Raw = Mapping[str, Number]


@dataclass(frozen=True)
class Doubling:
    """A step that doubles the relaxed cost: its `m`, what the factors become, and the MACs then."""

    multiplier: Number
    factors: Raw
    macs: Number


def doubling(evaluator: Evaluator, axis: Axis, raw: Raw, macs: Number | None = None) -> Doubling | None:
    """The step from `raw` that doubles the relaxed MACs, or None where no step along the axis does.

    `macs` are those at `raw`, where they are known from the step before.

    Raises:
        SpecError: the relaxed cost cannot be inverted.
    """
    target = twice(relaxed(evaluator, raw) if macs is None else macs)
    m = solved(evaluator, axis, raw, "macs", target)
    if m is None:
        return None
    factors = {name: value for name, value in _moved(evaluator, axis, raw, m) if value is not None}
    return Doubling(m, factors, target) if len(factors) == len(axis.changes) else None


def relaxed(evaluator: Evaluator, raw: Raw, quantity: str = "macs") -> Number:
    """What the network costs with every rounding dropped, exactly.

    Raises:
        SpecError: it is no real number there.
    """
    from x3dspec.formula.enclosures import evaluated

    cost = evaluated(
        _relaxed(evaluator.architecture, _explicit(evaluator, raw), quantity), _values(evaluator, raw)
    )
    if cost is None:
        raise SpecError.at(evaluator.source.display, "the cost without rounding is no real number here")
    return cost


def solved(evaluator: Evaluator, axis: Axis, raw: Raw, quantity: str, target: Number) -> Number | None:
    """The least `m` that takes the relaxed cost from `raw` up to a target, or None where none does.

    Raises:
        SpecError: the relaxed cost cannot be inverted.
    """
    from x3dspec.formula.enclosures import evaluated

    course, values = (
        _course(evaluator.architecture, axis.name, _explicit(evaluator, raw), quantity),
        _values(evaluator, raw),
    )
    here = evaluated(course.here, values)
    if here is None:
        return None
    above = here.high if isinstance(here, Real) else here
    solutions = course.inverse.solutions(values, target, above, max(above, Fraction(1)))
    return solutions[0].value if solutions else None


def along(
    evaluator: Evaluator, axis: Axis, raw: Raw, quantity: str, target: Number, above: Exact
) -> list[Solution]:
    """Every `m` above `above` that takes the relaxed cost from `raw` to a target.

    Raises:
        SpecError: the relaxed cost cannot be inverted.
    """
    course = _course(evaluator.architecture, axis.name, _explicit(evaluator, raw), quantity)
    return course.inverse.solutions(_values(evaluator, raw), target, above)


def legible(evaluator: Evaluator, form: Form, name: str, raw: Raw, symbolic: bool) -> Any:
    """A closed form as a person writes it: over `C`, and the other factors if it is `symbolic`."""
    from x3dspec.formula import sympy_bridge

    target = sympy_bridge.symbol("C" if "C" not in evaluator.factors else "cost")
    values = {} if symbolic else {
        symbol: sympy_bridge.to_number(value)
        for symbol, value in _values(evaluator, raw).items()
        if symbol.name != name and not isinstance(value, Real)
    }  # fmt: skip
    with _refusals(evaluator.source, ()):
        return form.legible(values, target)


def system(
    evaluator: Evaluator, names: Sequence[str], others: Setting, targets: Sequence[Target]
) -> list[dict[str, Number]]:
    """The positive values of some factors at which as many relaxed costs have their targets.

    Raises:
        ExpressionError: a cost is no polynomial in them.
    """
    from x3dspec.formula import sympy_bridge, systems

    unknowns = [sympy_bridge.symbol(name) for name in names]
    costs = _numeric(evaluator, names, others, targets)
    found = systems.system(costs, unknowns, [Fraction(target.value) for target in targets])
    return [{name: values[symbol] for name, symbol in zip(names, unknowns, strict=True)} for values in found]


def _numeric(
    evaluator: Evaluator, names: Sequence[str], others: Setting, targets: Sequence[Target]
) -> list[Any]:
    """The relaxed costs over some factors, all others replaced by their values."""
    from x3dspec.formula import sympy_bridge
    from x3dspec.formula.enclosures import substituted

    values = {
        symbol: sympy_bridge.to_number(value)
        for symbol, value in _values(evaluator, others).items()
        if symbol.name not in names and not isinstance(value, Real)
    }
    explicit = _explicit(evaluator, {**others, **dict.fromkeys(names, Fraction(1))})
    costs = (_relaxed(evaluator.architecture, explicit, target.quantity) for target in targets)
    return [substituted(cost, values) for cost in costs]


def reached(evaluator: Evaluator, axis: Axis, raw: Raw, quantity: str, target: Number) -> Number | None:
    """The driving factor where the relaxed cost along an axis reaches a target, or None.

    Raises:
        SpecError: the relaxed cost cannot be inverted.
    """
    m = solved(evaluator, axis, raw, quantity, target)
    return None if m is None else next(_moved(evaluator, axis, raw, m))[1]


def depends(evaluator: Evaluator, factor: str, raw: Raw, quantity: str) -> bool:
    """Whether the relaxed cost depends on a factor, all else as in `raw`."""
    explicit = _explicit(evaluator, {**raw, factor: Fraction(1)})
    inverse = inverted(evaluator.architecture, factor, explicit, quantity)
    return inverse.unknown in inverse.cost.free_symbols


def over(
    evaluator: Evaluator, factor: str, raw: Raw, quantity: str, target: Number, above: Exact = Fraction(0)
) -> list[Solution]:
    """The values of one factor above `above` at which the relaxed cost is `target`, all else as in `raw`.

    Raises:
        SpecError: the relaxed cost cannot be inverted.
    """
    inverse = inverted(
        evaluator.architecture, factor, _explicit(evaluator, {**raw, factor: target}), quantity
    )
    values = {symbol: value for symbol, value in _values(evaluator, raw).items() if symbol != inverse.unknown}
    return inverse.solutions(values, target, above)


def _moved(evaluator: Evaluator, axis: Axis, raw: Raw, m: Number) -> Iterator[tuple[str, Number | None]]:
    from x3dspec.formula.enclosures import evaluated

    course = _course(evaluator.architecture, axis.name, _explicit(evaluator, raw), "macs")
    values = {**_values(evaluator, raw), course.inverse.unknown: m}
    for name, change in course.changes:
        yield name, evaluated(change, values)


def twice(value: Number) -> Number:
    """Exactly 2 times a number."""
    if not isinstance(value, Real):
        return 2 * value
    from x3dspec.formula.enclosures import scaled

    return scaled(value, 2)


@dataclass(frozen=True)
class _Course:
    """A relaxed cost along an axis, in sympy: what a step by m changes, and the inverse over m.

    `here` is the m at which the driving factor is where it is before the step.
    """

    here: Any
    changes: tuple[tuple[str, Any], ...]
    inverse: Inverse


@lru_cache(maxsize=256)
def _course(architecture: Architecture, name: str, explicit: frozenset[str], quantity: str) -> _Course:
    from x3dspec.formula import solve, sympy_bridge

    source = architecture.source
    changes, starts = source.network.axes[name], _starts(source, explicit)
    scope = {factor: variable(factor) for factor in (*source.network.factors, "m")}
    moved = dict(zip(changes, relax([build(tree, scope) for tree in changes.values()], starts), strict=True))
    cost = architecture.binder(explicit | {*changes}).formula(quantity)
    m, driven = sympy_bridge.symbol("m"), next(iter(changes))
    with _refusals(source, ("axes", name)):
        roots = [*relax([cost], {**starts, **moved}), starts[driven], *moved.values()]
        after, value, *steps = sympy_bridge.translate(roots).values
        at_zero, at_one = (steps[0].xreplace({m: m * 0 + at}) for at in (0, 1))
        here = sympy_bridge.simplified((value - at_zero) / (at_one - at_zero))
        return _Course(here, tuple(zip(moved, steps, strict=True)), solve.inverse(after, m))


@lru_cache(maxsize=256)
def _relaxed(architecture: Architecture, explicit: frozenset[str], quantity: str) -> Any:
    from x3dspec.formula import sympy_bridge

    source = architecture.source
    with _refusals(source, ()):
        [cost] = relax([architecture.binder(explicit).formula(quantity)], _starts(source, explicit))
        return sympy_bridge.to_sympy(cost)


@lru_cache(maxsize=256)
def inverted(architecture: Architecture, factor: str, explicit: frozenset[str], quantity: str) -> Inverse:
    """The inverse of a relaxed cost over one factor, where `explicit` ones are set by hand."""
    from x3dspec.formula import solve, sympy_bridge

    return solve.inverse(_relaxed(architecture, explicit, quantity), sympy_bridge.symbol(factor))


@contextmanager
def _refusals(source: Source, path: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except (ExpressionError, ExactError) as error:
        raise SpecError([source.document.problem(path, f"cannot be solved for: {error}")]) from None


def _explicit(evaluator: Evaluator, raw: Raw) -> frozenset[str]:
    """The factors that are set by hand although they would follow from others."""
    return frozenset(filter(evaluator.source.derived, {*raw, *evaluator.source.factors}))


def _starts(source: Source, explicit: frozenset[str]) -> dict[str, Expr]:
    """What each factor is: itself, or where it follows from others, what it follows as."""
    starts: dict[str, Expr] = {}
    for name, factor in source.network.factors.items():
        follows = source.derived(name) and name not in explicit
        starts[name] = relax([build(factor.start, starts)])[0] if follows else variable(name)
    return starts


def _values(evaluator: Evaluator, raw: Raw) -> dict[Any, Number]:
    """The value of every factor's symbol. Of those that follow from others no formula asks."""
    from x3dspec.formula.sympy_bridge import symbol

    return {symbol(name): value for name, value in {**evaluator.start, **raw}.items()}
