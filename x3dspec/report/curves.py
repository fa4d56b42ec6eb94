"""What is drawn of a network, by the page and in pictures: its expansion, and its cost around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from x3dspec.language.errors import SpecError
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Counts, Meter, meter
from x3dspec.network.layers import Factor
from x3dspec.scaling.ladder import nearest
from x3dspec.scaling.published import bare, recorded
from x3dspec.scaling.steps import Step, chosen, in_order

#: Steps of an expansion that nothing is published of.
STEPS = 8
#: Points of a curve, about; and how far it goes from the current value, as a factor of it.
POINTS = 24
REACH = 2


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
    gauge = meter(bare(architecture))
    try:
        start = gauge.counts({})
        record: tuple[Step, ...] = ()
        if architecture.source.network.published:
            record = tuple(step for step in recorded(gauge, {}) if isinstance(step, Step))
        solved = (step for step in chosen(gauge, in_order(gauge.architecture), {}) if isinstance(step, Step))
        return Expansions(start, tuple(islice(solved, len(record) or STEPS)), record)
    except SpecError:
        return None


@dataclass(frozen=True)
class Curve:
    """MACs against one factor, with the others as they are. `value` is where the network stands."""

    factor: str
    value: float
    points: tuple[tuple[float, int], ...]


def curves(resolved: Resolved) -> Iterator[Curve]:
    """What each factor costs, from half its value to twice."""
    gauge = meter(resolved.architecture)
    for factor in resolved.architecture.factors():
        points = tuple(_points(resolved, gauge, factor))
        if len(points) > 1:
            yield Curve(factor.name, float(resolved.factors[factor.name]), points)


def _points(resolved: Resolved, gauge: Meter, factor: Factor) -> Iterator[tuple[float, int]]:
    for value in _values(resolved.factors[factor.name], factor):
        setting = {**resolved.setting, factor.name: value}
        if gauge.refusal(setting) is None:
            yield float(value), gauge.counts(setting).macs


def _values(value: Exact, factor: Factor) -> list[Exact]:
    """Values on the grid and in the domain, and the current one, which may be beside the grid."""
    low = max(nearest(value / REACH, factor.grid), 1)
    high = max(nearest(value * REACH, factor.grid), low)
    rungs = range(low, high + 1, max((high - low) // POINTS, 1))
    values: set[Exact] = {value, *(factor.grid * Fraction(rung) for rung in rungs)}
    kept = [v for v in values if _within(v, factor)]
    return sorted(kept, key=float)


def _within(value: Exact, factor: Factor) -> bool:
    return (factor.low is None or value >= factor.low) and (factor.high is None or value <= factor.high)
