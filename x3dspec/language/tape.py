"""Evaluation: the nodes below some roots are sorted once, then run through an algebra.

It never recurses. A number system is one class of a dozen short methods (exact numbers, sympy, or other
expressions, see :mod:`x3dspec.language.relaxation`), and every one sees the same formula.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Generic

from x3dspec.language.algebra import Algebra, T
from x3dspec.language.expressions import Expr

_NOTHING: Mapping[Expr, Any] = {}


class Tape(Generic[T]):
    """The nodes below some roots, each once, arguments before what uses them.

    What is below `leaves` is left out: their values are `known` whenever the tape runs.
    """

    def __init__(self, roots: Iterable[Expr], leaves: Collection[Expr] = ()) -> None:
        self.roots = tuple(roots)
        self.nodes = ordered(self.roots, leaves)
        place = {node: index for index, node in enumerate(self.nodes)}
        self._arguments = [
            () if node in leaves else tuple(place[a] for a in node.arguments) for node in self.nodes
        ]
        self._results = [place[root] for root in self.roots]

    def run(
        self, algebra: Algebra[Any], values: Mapping[str, Any], known: Mapping[Expr, Any] = _NOTHING
    ) -> list[Any]:
        """The value of every root, given the value of every variable, in that algebra's numbers.

        A node that is `known` has the value given for it, whatever is below it.

        Raises:
            ExpressionError: division by zero, or a bound of exact arithmetic that was passed.
        """
        results: list[Any] = []
        methods: dict[str, Callable[..., Any]] = {}
        for node, arguments in zip(self.nodes, self._arguments, strict=True):
            if node in known:
                results.append(known[node])
            elif node.operator == "variable":
                results.append(values[node.name])
            elif node.operator == "constant":
                results.append(algebra.constant(node.value))  # type: ignore[arg-type]
            else:
                method = methods.get(node.operator)
                if method is None:
                    method = methods[node.operator] = getattr(algebra, node.operator)
                results.append(method(*[results[index] for index in arguments]))
        return [results[index] for index in self._results]


def ordered(roots: Sequence[Expr], leaves: Collection[Expr] = ()) -> list[Expr]:
    order: dict[Expr, None] = {}
    pending = [(root, False) for root in reversed(roots)]
    while pending:
        node, ready = pending.pop()
        if node in order:
            continue
        if ready or not node.arguments or node in leaves:
            order[node] = None
        else:
            pending.append((node, True))
            pending.extend((argument, False) for argument in reversed(node.arguments))
    return list(order)


def variables(roots: Iterable[Expr]) -> list[str]:
    """The names that the roots depend on, in order of appearance."""
    return [node.name for node in ordered(tuple(roots)) if node.operator == "variable"]
