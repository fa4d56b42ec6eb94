"""What a spec costs at any factor values, without building its network: the question of every solver.

Two readings of one formula, both exact, in about a third of a millisecond: `counts`, and `integers`,
every number that makes the network, so that two settings with the same integers are the same network.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import Problem, Refusal, sure
from x3dspec.language.numbers import Exact, ExactError, Root
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape
from x3dspec.network import layers as net
from x3dspec.network.architecture import Architecture
from x3dspec.network.factors import complete, completed
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import ALWAYS, Counts


class Form:
    """The formulas of one spec, each compiled when it is first asked for.

    A derived factor is a variable of them where it is `explicit`, set by hand; see ``lower``.
    """

    def __init__(
        self, architecture: Architecture, explicit: frozenset[str], quantities: tuple[str, ...]
    ) -> None:
        self._architecture, self._quantities = architecture, quantities
        self._binder = architecture.binder(explicit)
        self._single: dict[str, Tape[Any]] = {}

    def count(self, quantity: str, values: Setting) -> Fraction | Refusal:
        """One figure, exactly. `values` are those of all factors.

        It is whole where a network can be built, and rises with the factors elsewhere too.
        """
        if quantity not in self._single:
            self._single[quantity] = Tape([self._binder.formula(quantity)])
        figures = self._run(self._single[quantity], values)
        if isinstance(figures, Refusal):
            return figures
        [count] = figures
        return self._refusal("its count is irrational") if isinstance(count, Root) else Fraction(count)

    def counts(self, values: Setting) -> Counts | Refusal:
        """All figures, exactly; a refusal where one is no whole number."""
        figures = self._run(self._all, values)
        if isinstance(figures, Refusal):
            return figures
        whole = [number for figure in figures if (number := net.whole(figure)) is not None]
        if len(whole) < len(figures):
            return self._refusal("its count is not whole")
        return Counts(zip(self._quantities, whole, strict=True))

    def integers(self, values: Setting) -> tuple[Any, ...] | None:
        """Every number of the network, equal for equal networks; None where one has no value."""
        numbers = self._run(self._binder.numbers, values)
        return None if isinstance(numbers, Refusal) else tuple(numbers)

    def problems(self, values: Setting) -> list[Problem]:
        """Why no network can be built at these values; nothing where one can."""
        return self._binder.problems(values)

    def _run(self, tape: Tape[Any], values: Setting) -> list[Any] | Refusal:
        try:
            return tape.run(EXACT, values)
        except (ExpressionError, ExactError) as error:
            return self._refusal(str(error))

    def _refusal(self, message: str) -> Refusal:
        return Refusal((Problem(self._architecture.source.display, 0, 0, "", message),))

    @cached_property
    def _all(self) -> Tape[Any]:
        return Tape([self._binder.formula(quantity) for quantity in self._quantities])


class Evaluator:
    """The figures of one spec; see the module. :meth:`of` compiles its formulas once for all who ask.

    Attributes:
        quantities: what :meth:`counts` counts.
    """

    @classmethod
    def of(cls, architecture: Architecture, *quantities: str) -> Evaluator:
        """The one evaluator of an architecture, or of one with the same content.

        It counts what is always counted, and these `quantities`.
        """
        return _evaluator(architecture, tuple(dict.fromkeys((*ALWAYS, *quantities))))

    def __init__(self, architecture: Architecture, quantities: tuple[str, ...]) -> None:
        self.architecture, self.quantities = architecture, quantities
        self.source = architecture.source
        self.factors = {factor.name: factor for factor in architecture.factors()}
        self._derived = frozenset(name for name in self.factors if self.source.derived(name))
        self._forms: dict[frozenset[str], Form] = {}

    def form(self, explicit: Collection[str]) -> Form:
        """The formulas, where these factors are set by hand."""
        key = self._derived.intersection(explicit)
        if key not in self._forms:
            self._forms[key] = Form(self.architecture, key, self.quantities)
        return self._forms[key]

    def values(self, setting: Setting) -> dict[str, Exact]:
        """Every factor's exact value.

        Raises:
            SpecError: a value outside its domain, or that exact arithmetic cannot hold.
        """
        return complete(self.source, setting)

    def count(self, quantity: str, setting: Setting) -> Fraction | Refusal:
        """One exact figure at a setting, where there is one."""
        values = completed(self.source, setting)
        return values if isinstance(values, Refusal) else self.form(setting).count(quantity, values)

    def counts(self, setting: Setting) -> Counts:
        """The exact figures at a setting. It may still be one that no network can be built from.

        Raises:
            SpecError: a value outside its domain, or a figure that is no whole number.
        """
        return sure(self.form(setting).counts(self.values(setting)))

    def refusal(self, setting: Setting) -> str | None:
        """Why no network can be built at a setting, or None where one can."""
        values = completed(self.source, setting)
        if isinstance(values, Refusal):
            return values.message
        problems = self.form(setting).problems(values)
        return problems[0].message if problems else None

    @cached_property
    def start(self) -> Setting:
        """Every factor's value where the spec starts."""
        return self.values({})


@lru_cache(maxsize=16)
def _evaluator(architecture: Architecture, quantities: tuple[str, ...]) -> Evaluator:
    return Evaluator(architecture, quantities)
