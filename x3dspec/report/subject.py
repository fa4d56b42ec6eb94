"""The network that a page is about: its numbers as the page's program has them, its words as its spec has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from x3dspec.formula import printers
from x3dspec.formula.sympy_bridge import translate
from x3dspec.language.expressions import Expr, lift, variable
from x3dspec.language.paths import Path
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.cost import Cost
from x3dspec.network.quantities import ALWAYS
from x3dspec.report import family, javascript
from x3dspec.report.curves import Expansions, expansions

_COUNTED = (*ALWAYS, "weights", "norm_elements", "layer_norm_elements", "bytes")


class Subject:
    """One network, symbolic in its factors.

    Attributes:
        resolved: the network at the setting that the page shows first.
        derived: the factors that follow from others. Each is a variable here too: the page computes it
            unless it is set by hand.
        open: the spec without what a preset sets: the networks with names are not told by its factors.
        roots: the expressions that the page's program computes, each with its slot: its place among the
            results.
    """

    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        self.architecture = resolved.architecture
        self.source = self.architecture.source
        self.factors = self.architecture.factors()
        self.derived = frozenset(name for name in self.source.network.factors if self.source.derived(name))
        self.network = self.architecture.symbolic(self.derived)
        self.open = Architecture(replace(self.source, factors={}))
        self.roots: dict[Expr, int] = {}

    def slot(self, value: Expr | int) -> int:
        """The place of a number among the results."""
        return self.roots.setdefault(lift(value), len(self.roots))

    def slot_or_none(self, value: Expr | None) -> int | None:
        return None if value is None else self.slot(value)

    def counts(self, cost: Cost[Expr]) -> dict[str, int]:
        """The slots of a cost, by quantity."""
        return {name: self.slot(getattr(cost, name)) for name in _COUNTED}

    def program(self) -> str:
        """The function of all factors that gives every slot's value. Ask for it when all slots are given."""
        return javascript.function(self.roots, [factor.name for factor in self.factors])

    @cached_property
    def scope(self) -> dict[str, Expr]:
        return {factor.name: variable(factor.name) for factor in self.factors}

    @cached_property
    def presets(self) -> list[family.Named]:
        return family.presets(self.open)

    @cached_property
    def expansion(self) -> Expansions | None:
        return expansions(self.architecture)

    def written(self, path: Path, node: Expr) -> str:
        """The spec's own words for an expression; ours where a clip has replaced them."""
        if path[0] == "input" and self.source.clip is not None:
            return spelled(node, {})
        part: Any = self.source.document.data
        for key in path:
            entries = part if isinstance(part, dict) else dict(enumerate(part))
            if key not in entries:
                return spelled(node, {})
            part = entries[key]
        return part if isinstance(part, str) else spelled(node, {})


def spelled(node: Expr, known: Mapping[Expr, str]) -> str:
    """An expression as a spec would say it, where some parts of it have names."""
    return known.get(node) or printers.text(translate([node], known).values[0])
