"""What is drawn of a network, by the page and in pictures: its expansion, and its cost around it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from x3dspec.language.errors import SpecError
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Factor
from x3dspec.network.quantities import Counts
from x3dspec.report import family
from x3dspec.scaling.loop import expanded, in_turns
from x3dspec.scaling.published import bare, replay
from x3dspec.scaling.trajectory import Step

#: Steps of an expansion that nothing is published of.
STEPS = 8
#: Points of a curve, about.
POINTS = 32


@dataclass(frozen=True)
class Expansions:
    """Where an expansion starts, and its steps: solved for twice the cost, and as published."""

    start: Counts
    solved: tuple[Step, ...]
    published: tuple[Step, ...]


def expansions(architecture: Architecture) -> Expansions | None:
    """The expansion of a spec from its start; None where it has no axes, or none that can be solved."""
    if not architecture.source.network.axes:
        return None
    evaluator = Evaluator.of(bare(architecture))
    try:
        start = evaluator.counts({})
        record: tuple[Step, ...] = ()
        if architecture.source.network.published:
            record = replay(evaluator).steps
        solved = expanded(evaluator, in_turns(evaluator), "solved", most=len(record) or STEPS)
        return Expansions(start, solved.steps, record)
    except SpecError:
        return None


@dataclass(frozen=True)
class Curve:
    """MACs against one factor, with the others as they are. `value` is where the network stands."""

    factor: str
    value: float
    points: tuple[tuple[float, int], ...]


def curves(resolved: Resolved) -> Iterator[Curve]:
    """What each factor costs, from its least value to where the page's slider ends."""
    architecture = resolved.architecture
    evaluator = Evaluator.of(architecture)
    open_base = Architecture(replace(architecture.source, factors={}))
    settings = [resolved.factors, *(values for _, values in family.presets(open_base))]
    for factor in architecture.factors():
        values = _values(resolved.factors[factor.name], factor, family.last_rung(factor, settings))
        points = tuple(_points(resolved, evaluator, factor, values))
        if len(points) > 1:
            yield Curve(factor.name, float(resolved.factors[factor.name]), points)


def _points(
    resolved: Resolved, evaluator: Evaluator, factor: Factor, values: Sequence[Exact]
) -> Iterator[tuple[float, int]]:
    for value in values:
        setting = {**resolved.setting, factor.name: value}
        if evaluator.refusal(setting) is None:
            yield float(value), evaluator.counts(setting).macs


def _values(value: Exact, factor: Factor, last: int) -> list[Exact]:
    """Values on the grid and in the domain, and the current one, which may be beside the grid."""
    first = 1 if factor.low is None else math.ceil(factor.low / factor.grid)
    rungs = [*range(first, last, (last - first) // POINTS + 1), last]
    values: set[Exact] = {value, *(factor.grid * Fraction(rung) for rung in rungs)}
    return sorted((v for v in values if _within(v, factor)), key=float)


def _within(value: Exact, factor: Factor) -> bool:
    return (factor.low is None or value >= factor.low) and (factor.high is None or value <= factor.high)
