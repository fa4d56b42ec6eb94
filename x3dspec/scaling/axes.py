"""The axes of a spec, as moves: where one step takes every factor that the axis changes.

The first factor that an axis names drives it. Its expression is linear in `m`, so that for any
value that the driving factor should take there is one `m`, and the other factors follow from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from x3dspec.language.errors import BadArgument, Refusal, SpecError
from x3dspec.language.expressions import Expr, constant
from x3dspec.language.meaning import build
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError, Syntax
from x3dspec.language.values import sized
from x3dspec.network.layers import Setting


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a spec: what a step by `m` makes of each factor, the driving one first."""

    name: str
    source: Source

    @property
    def changes(self) -> Mapping[str, Syntax]:
        return self.source.network.axes[self.name]

    @cached_property
    def factor(self) -> str:
        """The driving factor."""
        return next(iter(self.changes))

    def line(self, values: Setting) -> tuple[Exact, Exact]:
        """The driving factor as a linear function of m: its value at 0, and its slope.

        Raises:
            SpecError: it does not grow with m here.
        """
        try:
            at_zero, at_one = (self._exact(self.factor, values, Fraction(m)) for m in (0, 1))
            slope = at_one - at_zero
        except (ExpressionError, ExactError) as error:
            raise self._error(self.factor, str(error)) from None
        if slope <= 0 or not sized(slope):
            raise self._error(self.factor, "a step is solved for this factor: it must grow linearly with m")
        return at_zero, slope

    def multiplier(self, values: Setting, value: Exact) -> Exact:
        """The `m` that takes the driving factor from where it is in `values` to `value`.

        Raises:
            SpecError: see :meth:`line`.
        """
        start, slope = self.line(values)
        try:
            return (value - start) / slope
        except ExactError as error:
            raise self._error(self.factor, str(error)) from None

    def moved(self, values: Setting, value: Exact) -> dict[str, Exact] | Refusal:
        """What the factors of this axis become when the driving one becomes `value`, where they do.

        Raises:
            SpecError: see :meth:`line`.
        """
        moved = {self.factor: value}
        followers = [name for name in self.changes if name != self.factor]
        m = self.multiplier(values, value) if followers else value
        for name in followers:
            try:
                moved[name] = self._exact(name, values, m)
            except (ExpressionError, ExactError) as error:
                return Refusal(self._error(name, str(error)).problems)
        return moved

    def _exact(self, factor: str, values: Setting, m: Fraction | Exact) -> Exact:
        scope: dict[str, Expr | str] = {name: constant(value) for name, value in values.items()}
        value = build(self.changes[factor], {**scope, "m": constant(m)}).value
        if value is None:
            raise ExpressionError("has no exact value")
        return value

    def _error(self, factor: str, message: str) -> SpecError:
        return SpecError([self.source.document.problem(("axes", self.name, factor), message)])


def axes(source: Source, fixed: Collection[str] = ()) -> dict[str, Axis]:
    """The axes that a spec declares, in its order; of them those that move no fixed factor.

    Raises:
        SpecError: it declares none, or each moves a fixed factor.
    """
    if not source.network.axes:
        raise SpecError([source.document.problem((), "this spec has no axes to expand along")])
    free = {
        name: Axis(name, source)
        for name, changes in source.network.axes.items()
        if not changes.keys() & set(fixed)
    }
    if not free:
        raise BadArgument("fix", f"every axis moves a fixed factor: {', '.join(source.network.axes)}")
    return free


def turns(order: Sequence[str], taken: Iterable[str]) -> list[str]:
    """An order of axes from where it goes on, after some steps that passed over what could not be taken."""
    place = 0
    for axis in taken:
        place += 1 + next((n for n in range(len(order)) if order[(place + n) % len(order)] == axis), -1)
    return [order[(place + n) % len(order)] for n in range(len(order))]
