"""A cost as a sum of powers of one of its symbols: what it is inverted by, and what it tends to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import sympy

#: Which argument is taken of which maximum or minimum, in the order of choice.
Choices = tuple[tuple[Any, Any], ...]
#: Ways through the maxima and minima of a cost that are tried.
MAX_BRANCHES = 64


def powers(cost: Any, unknown: Any) -> dict[Any, Any] | None:
    """Coefficients by exponent of the unknown, the least first; None where it is no sum of such terms."""
    coefficients: dict[Any, Any] = {}
    for term in sympy.Add.make_args(sympy.expand(cost)):
        coefficient, power = term.as_independent(unknown, as_Add=False)
        base, exponent = power.as_base_exp() if power != 1 else (unknown, sympy.S.Zero)
        if base != unknown or not exponent.is_Rational:
            return None
        coefficients[exponent] = coefficients.get(exponent, 0) + coefficient
    return {exponent: coefficients[exponent] for exponent in sorted(coefficients)}


def leading(cost: Any, unknown: Any) -> tuple[Any, Any] | None:
    """The exponent and the coefficient of the term that outgrows all others, or None as :func:`powers`.

    Of each maximum and minimum it is the argument that applies to large values; the unknown is the only
    symbol of those.
    """
    for fork in forks(cost, unknown):
        argument = _outgrowing(fork, unknown)
        return None if argument is None else leading(cost.xreplace({fork: argument}), unknown)
    coefficients = powers(cost, unknown)
    return None if coefficients is None else list(coefficients.items())[-1]


def forks(cost: Any, *unknowns: Any) -> list[Any]:
    """The innermost maxima and minima over some unknowns, in a fixed order."""
    nodes = [node for node in cost.atoms(sympy.Max, sympy.Min) if node.has(*unknowns)]
    return sorted((n for n in nodes if not any(a.has(sympy.Max, sympy.Min) for a in n.args)), key=str)


def branched(cost: Any, unknowns: Sequence[Any]) -> list[tuple[Any, Choices]] | None:
    """The cost, or a tuple of costs, with every choice of arguments for its maxima and minima.

    The argument with an unknown comes first. None where there are too many ways.
    """
    ways = list(islice(_branched(cost, unknowns, ()), MAX_BRANCHES + 1))
    return ways if len(ways) <= MAX_BRANCHES else None


def _branched(cost: Any, unknowns: Sequence[Any], choices: Choices) -> Iterator[tuple[Any, Choices]]:
    fork = next(iter(forks(cost, *unknowns)), None)
    if fork is None:
        yield cost, choices
        return
    for argument in sorted(fork.args, key=lambda a: (not a.has(*unknowns), str(a))):
        yield from _branched(cost.xreplace({fork: argument}), unknowns, (*choices, (fork, argument)))


def _outgrowing(fork: Any, unknown: Any) -> Any | None:
    sign = 1 if isinstance(fork, sympy.Max) else -1
    chosen = fork.args[0]
    for other in fork.args[1:]:
        head = leading(sign * (other - chosen), unknown)
        if head is None:
            return None
        chosen = other if head[1].is_positive else chosen
    return chosen
