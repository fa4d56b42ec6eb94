"""What a spec costs at any factor values, without building its network: the question of every solver.

Three readings of one formula. `counts` is exact, in about a third of a millisecond; `relaxed` is the
smooth cost, rounding dropped, in floats; `integers` is every number that makes the network, so that
two settings with the same integers are the same network.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import EXACT, Expr, Tape, build, relax, variable
from x3dspec.language.grammar import ExpressionError
from x3dspec.language.numbers import Exact, ExactError, Root, approximate
from x3dspec.network import bind, cost
from x3dspec.network import layers as net
from x3dspec.network.architecture import Architecture
from x3dspec.network.layers import Setting

#: What a budget may limit.
QUANTITIES = ("macs", "params", "activations")

Floats = Mapping[str, float]


@dataclass(frozen=True)
class Counts:
    """Exact figures for one clip: MACs, parameters, and elements that convolutions and linears make."""

    macs: int
    params: int
    activations: int

    def of(self, quantity: str) -> int:
        """The figure of one of :data:`QUANTITIES`."""
        count: int = getattr(self, quantity)
        return count


class FloatAlgebra:
    """Floating point, for solving: approximate, and an order of magnitude faster than exact."""

    def constant(self, value: Exact) -> float:
        return approximate(value)

    def add(self, a: float, b: float) -> float:
        return a + b

    def multiply(self, a: float, b: float) -> float:
        return a * b

    def divide(self, a: float, b: float) -> float:
        if b == 0:
            raise ExpressionError("division by zero")
        return a / b

    def power(self, a: float, b: float) -> float:
        try:
            return math.pow(a, b)
        except OverflowError:
            return math.inf
        except ValueError:
            raise ExpressionError("a root of a negative number") from None

    minimum = staticmethod(min)
    maximum = staticmethod(max)

    def floor(self, a: float) -> float:
        return math.floor(a)

    def ceil(self, a: float) -> float:
        return math.ceil(a)

    def equal(self, a: float, b: float) -> float:
        return float(a == b)

    def round_to(self, a: float, step: float) -> float:
        return math.floor(a / step + 0.5) * step

    def round_width(self, a: float, divisor: float) -> float:
        width = max(divisor, self.round_to(a, divisor))
        return width + divisor if width < 0.9 * a else width

    def residues(self, count: float, residue: float, period: float) -> float:
        return math.ceil((count - residue) / period)


FLOAT = FloatAlgebra()


class Form:
    """The formulas of one spec, each compiled when it is first asked for.

    A derived factor is a variable of them where it is `explicit`, set by hand; see ``lower``.
    """

    def __init__(self, architecture: Architecture, explicit: frozenset[str]) -> None:
        self._architecture = architecture
        self._explicit = explicit
        #: Integers of networks that are known to be buildable: asked of again and again.
        self.built: set[tuple[Any, ...]] = set()

    def count(self, quantity: str, values: Setting) -> Fraction:
        """One figure, exactly. `values` are those of all factors.

        It is whole where a network can be built, and rises with the factors elsewhere too.

        Raises:
            SpecError: the formula has no value there.
        """
        [count] = self._run(self._single[quantity], values)
        if isinstance(count, Root):
            raise self._error("its count is irrational")
        return Fraction(count)

    def counts(self, values: Setting) -> Counts:
        """All figures, exactly.

        Raises:
            SpecError: the formula has no value there, or one that is no whole number.
        """
        found = [net.whole(value) for value in self._run(self._all, values)]
        whole = [number for number in found if number is not None]
        if len(whole) < len(found):
            raise self._error("its count is not whole")
        return Counts(*whole)

    def integers(self, values: Setting) -> tuple[Any, ...]:
        """Every number of the network: equal for equal networks.

        Raises:
            SpecError: an expression has no value there.
        """
        return tuple(self._run(self._network, values))

    def relaxed(self, values: Floats) -> float:
        """MACs with every rounding function dropped.

        Raises:
            ExpressionError: the formula has no value there.
        """
        [macs] = self._relaxed.run(FLOAT, values)
        return float(macs)

    def _run(self, tape: Tape[Any], values: Setting) -> list[Any]:
        try:
            return tape.run(EXACT, values)
        except (ExpressionError, ExactError) as error:
            raise self._error(str(error)) from None

    def _error(self, message: str) -> SpecError:
        return SpecError.at(self._architecture.source.display, message)

    @cached_property
    def _tally(self) -> cost.Tally[Expr]:
        return self._architecture.formula(self._explicit)

    @cached_property
    def _all(self) -> Tape[Any]:
        return Tape([getattr(self._tally, quantity) for quantity in QUANTITIES])

    @cached_property
    def _single(self) -> dict[str, Tape[Any]]:
        return {quantity: Tape([getattr(self._tally, quantity)]) for quantity in QUANTITIES}

    @cached_property
    def _relaxed(self) -> Tape[Any]:
        return Tape(relax([self._tally.macs]))

    @cached_property
    def _network(self) -> Tape[Any]:
        return Tape(dict.fromkeys(net.expressions(self._architecture.symbolic(self._explicit))))


class Meter:
    """The figures of one spec; see the module."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.source = architecture.source
        self.factors = {factor.name: factor for factor in architecture.factors()}
        self._derived = frozenset(name for name in self.factors if self.source.derived(name))
        self._forms: dict[frozenset[str], Form] = {}

    def form(self, explicit: Collection[str]) -> Form:
        """The formulas, where these factors are set by hand."""
        key = self._derived.intersection(explicit)
        if key not in self._forms:
            self._forms[key] = Form(self.architecture, key)
        return self._forms[key]

    def values(self, setting: Setting) -> dict[str, Exact]:
        """Every factor's exact value.

        Raises:
            SpecError: a value outside its domain, or that exact arithmetic cannot hold.
        """
        return bind.complete(self.source, setting)

    def counts(self, setting: Setting) -> Counts:
        """The exact figures at a setting. It may still be one that no network can be built from.

        Raises:
            SpecError: as :meth:`values` and :meth:`Form.count`.
        """
        return self.form(setting).counts(self.values(setting))

    def refusal(self, setting: Setting) -> str | None:
        """Why no network can be built at a setting, or None where one can."""
        try:
            form = self.form(setting)
            made = form.integers(self.values(setting))
            if made not in form.built:
                self.architecture.at(setting)
                form.built.add(made)
        except SpecError as error:
            return error.problems[0].message
        return None

    def floats(self, setting: Setting) -> dict[str, float]:
        """Every factor's value in floats; those that follow from others follow smoothly."""
        values: dict[str, float] = {}
        for name, start in self._starts.items():
            given = setting.get(name, self.source.factors.get(name))
            values[name] = float(start.run(FLOAT, values)[0] if given is None else given)
        return values

    @cached_property
    def _starts(self) -> dict[str, Tape[Any]]:
        names = {name: variable(name) for name in self.factors}
        declared = self.source.network.factors
        return {name: Tape(relax([build(factor.start, names)])) for name, factor in declared.items()}


@lru_cache(maxsize=16)
def meter(architecture: Architecture) -> Meter:
    """The one meter of an architecture: its formulas are compiled once."""
    return Meter(architecture)
