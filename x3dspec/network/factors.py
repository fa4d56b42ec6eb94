"""The factors of a spec: what each is worth, and what a solver needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from x3dspec.language import schema
from x3dspec.language.errors import Problem, Refusal, sure
from x3dspec.language.expressions import constant
from x3dspec.language.meaning import build
from x3dspec.language.numbers import Exact
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import outside
from x3dspec.network import layers as net
from x3dspec.network.layers import Setting


def complete(source: Source, overrides: Setting) -> dict[str, Exact]:
    """Every factor's value: what is set by hand, by a preset, or else its start.

    Raises:
        SpecError: a value outside the factor's domain, or a start without a value.
    """
    return sure(completed(source, overrides))


def completed(source: Source, overrides: Setting) -> dict[str, Exact] | Refusal:
    """As :func:`complete`, where there may be no values."""
    values: dict[str, Exact] = {}
    problems: list[Problem] = []
    for name, factor in source.network.factors.items():
        given = overrides.get(name, source.factors.get(name))
        try:
            values[name] = _start(factor, values) if given is None else given
            message = outside(source, name, values[name])
        except ExpressionError as error:
            message = str(error)
        if message:
            values[name] = Fraction(1)  # so that what derives from it is not refused for it
        if message and given is None:
            problems.append(source.document.problem(("factors", name, "start"), message))
        elif message:
            problems.append(Problem(source.document.source, 0, 0, "", message))
    return Refusal(tuple(problems)) if problems else values


def _start(factor: schema.Factor, before: Mapping[str, Exact]) -> Exact:
    value = build(factor.start, {name: constant(value) for name, value in before.items()}).value
    assert value is not None, "loading has checked that it reads factors before it alone"
    return value


def declared(source: Source, overrides: Mapping[str, Any]) -> tuple[net.Factor, ...]:
    """What the solvers need to know of every factor."""

    def value(tree: Any) -> Exact | None:
        return None if tree is None else build(tree, {}).value

    return tuple(
        net.Factor(
            name,
            value(given.grid) or Fraction(1),
            value(given.min),
            value(given.max),
            source.derived(name) and name not in overrides and name not in source.factors,
            given.doc,
        )
        for name, given in source.network.factors.items()
    )
