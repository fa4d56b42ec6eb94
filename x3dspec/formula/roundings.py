"""What each rounding does to a count: it is taken away alone, and the network counted again, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from x3dspec.formula.closed_form import refusals
from x3dspec.formula.names import names
from x3dspec.language import expressions as expr
from x3dspec.language import relaxation
from x3dspec.language.algebra import EXACT, ExactAlgebra
from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact, Root
from x3dspec.language.tape import Tape
from x3dspec.network.architecture import Architecture
from x3dspec.network.factors import complete
from x3dspec.network.layers import Setting

_ROUNDS = {"floor", "ceil", "round_to", "round_width"}


@dataclass(frozen=True)
class Rounding:
    """One rounding.

    Attributes:
        name: what its result is called in the closed form, such as ``n_res4``.
        before, after: the number that is rounded, and what it is rounded to.
        change: what rounding it adds to the count; negative where it takes off.
    """

    name: str
    before: Exact
    after: Exact
    change: Fraction


@dataclass(frozen=True)
class Rounded:
    """A count and what rounding does to it.

    Attributes:
        count: with every rounding, and `relaxed` without any.
        roundings: those that do something here, what changes the count most first.
    """

    count: Fraction
    relaxed: Fraction
    roundings: tuple[Rounding, ...]

    @property
    def excess(self) -> Fraction:
        """By which part rounding changes the count."""
        return self.count / self.relaxed - 1 if self.relaxed else Fraction(0)


class _Unrounded(ExactAlgebra):
    """Blocks that take turns, of a repeat that is no whole number: as without rounding."""

    def residues(self, count: Any, residue: Any, period: Any) -> Any:
        if Fraction(count).denominator > 1:
            return Fraction(count) / period
        return super().residues(count, residue, period)


def roundings(
    architecture: Architecture, quantity: str = "macs", *, setting: Setting | None = None
) -> Rounded:
    """What rounding does to a count. `setting` is as in :meth:`Architecture.at`.

    Where a number before it is rounded is a root, it counts to the precision of a float.

    Raises:
        SpecError: a count that no exact arithmetic holds.
    """
    overrides = dict(setting or {})
    values = complete(architecture.source, overrides)
    network = architecture.symbolic(frozenset(overrides))
    total = expr.lift(getattr(network.cost(), quantity))
    called = names(network, [total], {*values, quantity})
    with refusals(architecture):
        [relaxed] = Tape[Any](relaxation.relax([total])).run(EXACT, _rational(values))
        [count] = Tape[Any]([total]).run(EXACT, values)
        effects = sorted(_effects(total, called, values), key=lambda each: -abs(each.change))
    return Rounded(Fraction(count), Fraction(relaxed), tuple(effects))


def _effects(total: Expr, called: dict[Expr, str], values: Setting) -> Iterator[Rounding]:
    tape = Tape[Any]([total])
    nodes = [node for node in tape.nodes if node.operator in _ROUNDS]
    arguments = Tape[Any]([node.arguments[0] for node in nodes]).run(EXACT, values)
    results = Tape[Any](nodes).run(EXACT, values)
    [count] = tape.run(EXACT, values)
    for node, before, after in zip(nodes, arguments, results, strict=True):
        if before != after:
            [without] = tape.run(_Unrounded(), values, {node: _rational({"": before})[""]})
            yield Rounding(called[node], before, after, Fraction(count - without))


def _rational(values: Setting) -> dict[str, Any]:
    return {
        name: Fraction(float(value)) if isinstance(value, Root) else value for name, value in values.items()
    }
