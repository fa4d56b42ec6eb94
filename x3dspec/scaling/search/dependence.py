"""What the nodes of a tape depend on: which factors meet in a rounding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from x3dspec.language.expressions import Expr
from x3dspec.language.tape import Tape


def dependencies(tape: Tape[Any]) -> dict[Expr, frozenset[str]]:
    found: dict[Expr, frozenset[str]] = {}
    for node in tape.nodes:
        own = {node.name} if node.operator == "variable" else set()
        found[node] = frozenset(own).union(*(found[argument] for argument in node.arguments))
    return found


def top_nodes(tape: Tape[Any], depends: Mapping[Expr, frozenset[str]]) -> list[Expr]:
    """The nodes that a node of more factors uses, or that are asked for themselves."""
    found = dict.fromkeys(tape.roots)
    for node in tape.nodes:
        found |= dict.fromkeys(a for a in node.arguments if depends[a] != depends[node])
    return list(found)


def topmost_roundings(tape: Tape[Any]) -> list[Expr]:
    """The topmost nodes that are neither sums nor products."""
    leaves = {node for node in tape.nodes if node.operator not in ("add", "multiply")}
    return [node for node in Tape(tape.roots, leaves).nodes if node in leaves and node.value is None]


def grouped(together: Iterable[frozenset[str]], names: Sequence[str]) -> list[tuple[str, ...]]:
    """The names in groups, so that no set of `together` is torn apart."""
    groups = [{name} for name in names]
    for tied in together:
        touched = [group for group in groups if group & tied]
        if len(touched) > 1:
            groups = [group for group in groups if not group & tied] + [set().union(*touched)]
    order = {name: index for index, name in enumerate(names)}
    return sorted((tuple(sorted(g, key=order.__getitem__)) for g in groups), key=lambda g: order[g[0]])
