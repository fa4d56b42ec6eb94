"""What a best network may have that nobody wants: the most MACs alone is no reason to take it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from x3dspec.language.numbers import Exact
from x3dspec.scaling.published import waypoints
from x3dspec.scaling.search.result import Result

#: A range of fewer values than this says nothing when it is gone through to its end.
LONG = 8
#: The end of a range: above it, roundings may make all values one.
END = Fraction(9, 10)


@dataclass(frozen=True)
class Odd:
    """A factor of the best network that somebody should look at.

    Attributes:
        value: what it has there.
        most: the most that a published network of the family has; None where none is published.
        free: whether it costs nothing, so that no search moves it.
    """

    factor: str
    value: Exact
    most: Exact | None = None
    free: bool = False


def odd(result: Result) -> list[Odd]:
    """Factors beyond all that is published, or near their range's end where nothing is; and free ones."""
    return list(_odd(result)) if result.best else []


def _odd(result: Result) -> Iterator[Odd]:
    best, published = result.best[0].setting, _published(result)
    for each in result.ranges:
        value, most = best[each.factor], published.get(each.factor)
        if each.chosen == "costs nothing":
            yield Odd(each.factor, value, free=True)
        elif len(each.values) == 1 or each.chosen == "as given":
            continue
        elif most is not None and value > most:
            yield Odd(each.factor, value, most)
        elif not published and len(each.values) >= LONG and value >= END * each.values[-1]:
            yield Odd(each.factor, value)


def _published(result: Result) -> dict[str, Exact]:
    """The most that each factor has in the published expansion, the start included."""
    start = result.architecture.resolve().factors
    steps = [{**each.to, **each.contracted} for each in waypoints(result.architecture)]
    names = {name for step in steps for name in step}
    return {name: max([start[name], *(step[name] for step in steps if name in step)]) for name in names}
