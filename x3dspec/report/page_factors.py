"""What the page says of a network's factors and of its clip."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from x3dspec.language import numbers as exact
from x3dspec.language.errors import SpecError
from x3dspec.language.meaning import build
from x3dspec.language.numbers import Exact
from x3dspec.network.factors import complete
from x3dspec.network.layers import Factor
from x3dspec.report import family, javascript
from x3dspec.report.subject import Subject


def factors(subject: Subject) -> list[dict[str, Any]]:
    """A slider each.

    Raises:
        SpecError: a grid or bounds that are no rational number.
    """
    return [_factor(subject, factor) for factor in subject.factors]


def starts(subject: Subject) -> list[str]:
    """For every factor that follows from others the function that says how; ``null`` for others."""
    names = [factor.name for factor in subject.factors]
    declared = subject.source.network.factors
    return [
        javascript.function([build(declared[name].start, subject.scope)], names)
        if name in subject.derived
        else "null"
        for name in names
    ]


def clip(subject: Subject) -> dict[str, Any]:
    """The input: its slots, and how it follows from the factors."""
    network = subject.network
    return {
        "frames": subject.slot_or_none(network.frames),
        "size": subject.slot(network.size),
        "stride": subject.slot_or_none(network.stride),
        "symbolic": [
            f"{letter} = {subject.written(('input', key), node)}"
            for letter, key, node in (("T", "frames", network.frames), ("S", "size", network.size))
            if node is not None
        ],
    }


def _factor(subject: Subject, factor: Factor) -> dict[str, Any]:
    """`value` is what the page starts with, `own` what the spec says; None where it follows."""
    name = factor.name
    follows = name in subject.derived and name not in subject.source.factors
    by_hand = name in subject.resolved.setting
    return {
        "name": name,
        "doc": factor.doc,
        "grid": exact.text(_rational(factor.grid, name)),
        "low": None if factor.low is None else exact.text(_rational(factor.low, name)),
        "high": None if factor.high is None else exact.text(_rational(factor.high, name)),
        "top": exact.text(_top(subject, factor)),
        "follows": _rule(subject, name),
        "own": None if follows else exact.text(complete(subject.source, {})[name]),
        "value": None if follows and not by_hand else exact.text(subject.resolved.factors[name]),
    }


def _rule(subject: Subject, name: str) -> str | None:
    """How a factor follows from others, if it does."""
    if name not in subject.derived:
        return None
    start = build(subject.source.network.factors[name].start, subject.scope)
    return subject.written(("factors", name, "start"), start)


def _top(subject: Subject, factor: Factor) -> Fraction:
    """Where the slider ends: on the grid, within the domain, beyond all that has a name."""
    settings = [subject.resolved.factors, *(values for _, values in subject.presets)]
    return family.last_rung(factor, settings) * _rational(factor.grid, factor.name)


def _rational(value: Exact, name: str) -> Fraction:
    if isinstance(value, Fraction):
        return value
    raise SpecError.at("x3dspec report", f"the grid and the bounds of {name} must be rational for a slider")
