"""What a network's cost is made of as a factor grows: shares of each kind of layer, and break-evens.

Without rounding the cost of each kind of layer is a sum of powers of a factor, so that which kind costs
most changes at the roots of differences alone, which are exact; and in the limit shares are quotients
of leading coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any

import sympy

from x3dspec.formula.closed_form import refusals
from x3dspec.formula.elasticity import quotient, relaxed
from x3dspec.formula.enclosures import evaluated
from x3dspec.formula.powers import leading
from x3dspec.formula.real import Number, Real, place
from x3dspec.formula.solve import inverse
from x3dspec.formula.sympy_bridge import symbol, to_number
from x3dspec.language import expressions as expr
from x3dspec.network import kinds
from x3dspec.network.architecture import Architecture
from x3dspec.network.factors import complete
from x3dspec.network.layers import Setting


@dataclass(frozen=True)
class Lead:
    """The kind of layer that costs most, from a value of the factor on."""

    kind: str
    since: Number


@dataclass(frozen=True)
class Growth:
    """How the cost is made up as one factor grows and all others stay.

    Attributes:
        limits: the share of each kind in the limit, exact numbers of sympy.
        leads: which kind costs most, from the least values of the factor on.
    """

    factor: str
    limits: Mapping[str, Any]
    leads: tuple[Lead, ...]


@dataclass(frozen=True)
class Makeup:
    """The cost without rounding by kinds of layers.

    Attributes:
        costs: of each kind, in sympy, the dearest at `values` first, on the branch of every maximum
            that applies there.
        everywhere: the same on all branches.
        values: of all factors, as sympy's numbers.
    """

    costs: Mapping[str, Any]
    everywhere: Mapping[str, Any]
    values: Mapping[Any, Any]

    @cached_property
    def shares(self) -> dict[str, Any]:
        """The part of each kind at the values, exactly."""
        amounts = {kind: cost.xreplace(self.values) for kind, cost in self.costs.items()}
        return {kind: amount / sum(amounts.values()) for kind, amount in amounts.items()}

    @cached_property
    def growths(self) -> tuple[Growth, ...]:
        """One for each factor of which the costs are sums of powers."""
        used = set().union(*(cost.free_symbols for cost in self.everywhere.values()))
        return tuple(growth for factor in self.values if factor in used for growth in self._growth(factor))

    @property
    def dearest(self) -> tuple[str, str] | None:
        """The two kinds that cost most; None of a network of one kind."""
        first, *others = self.costs
        return (first, others[0]) if others else None

    def ratio(self, above: str, below: str) -> Any:
        """What one kind costs over what another does, in lowest terms."""
        return quotient(self.costs[above], self.costs[below])

    def tendency(self, above: str, below: str, factor: Any) -> Any | None:
        """The ratio's leading term as a factor grows, in lowest terms; None where it is in an exponent."""
        over, under = (leading(self.costs[kind], factor) for kind in (above, below))
        if over is None or under is None:
            return None
        (high, a), (low, b) = over, under
        return quotient(a, b) * factor ** (high - low)

    def _growth(self, factor: Any) -> Iterator[Growth]:
        others = {name: value for name, value in self.values.items() if name != factor}
        costs = {kind: cost.xreplace(others) for kind, cost in self.everywhere.items()}
        heads = {kind: leading(cost, factor) for kind, cost in costs.items()}
        if None not in heads.values():
            yield Growth(factor.name, _limits(heads), tuple(_leads(costs, factor)))


def makeup(architecture: Architecture, quantity: str = "macs", *, setting: Setting | None = None) -> Makeup:
    """What a cost is made of. `setting` is as in :meth:`Architecture.at`.

    Raises:
        SpecError: a form too large to be multiplied out.
    """
    overrides = dict(setting or {})
    values = complete(architecture.source, overrides)
    tallies = kinds.costs(architecture.symbolic(frozenset(overrides)))
    roots = {kind: expr.lift(getattr(tally, quantity)) for kind, tally in tallies.items()}
    roots = {kind: root for kind, root in roots.items() if root is not expr.ZERO}
    known = {symbol(name): to_number(value) for name, value in values.items()}
    with refusals(architecture):
        forms = dict(zip(roots, relaxed(roots.values(), values), strict=True))
        order = sorted(forms, key=lambda kind: -float(forms[kind][0].xreplace(known)))
        here, everywhere = ({kind: forms[kind][side] for kind in order} for side in (0, 1))
        return Makeup(here, everywhere, known)


def _limits(heads: Mapping[str, Any]) -> dict[str, Any]:
    highest = max(power for power, _ in heads.values())
    parts = {kind: head if power == highest else sympy.S.Zero for kind, (power, head) in heads.items()}
    return {kind: part / sum(parts.values()) for kind, part in parts.items()}


def _leads(costs: Mapping[str, Any], factor: Any) -> Iterator[Lead]:
    """Between two neighbouring roots of differences one kind costs most, as it does in the middle."""
    crossings: set[Number] = set()
    for a, b in combinations(costs.values(), 2):
        crossings |= {s.value for s in inverse(a - b, factor).solutions({}, Fraction(0), Fraction(0))}
    starts = [Fraction(0), *sorted(crossings, key=place)]
    before = None
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        kind = _dearest(costs, factor, _between(start, end))
        if kind != before:
            yield Lead(kind, start)
        before = kind


def _between(start: Number, end: Number | None) -> Fraction:
    low = start.high if isinstance(start, Real) else place(start)
    return 2 * low + 1 if end is None else (low + place(end)) / 2


def _dearest(costs: Mapping[str, Any], factor: Any, at: Fraction) -> str:
    amounts = {kind: evaluated(cost, {factor: at}) for kind, cost in costs.items()}
    places = {kind: place(amount) for kind, amount in amounts.items() if amount is not None}
    return max(places, key=places.__getitem__)
