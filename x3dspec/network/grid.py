"""The grid of a factor: its values, and what stands on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from x3dspec.language.numbers import Exact, nearest_integer
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator, Form
from x3dspec.network.layers import Factor, Setting


def nearest(value: Exact, grid: Exact) -> int:
    """The number of grid steps nearest to a value, ties up."""
    return nearest_integer(value / grid)


def highest(fits: Callable[[int], bool], low: int, high: int, guess: int | None = None) -> int:
    """The highest number from `low` to under `high` that fits, where `low` does and larger fit less.

    A `guess` that is right is proved by asking of it and of the next one; around one that is not, the
    answer is looked for at distances that double, and by bisection in the end.
    """
    if guess is not None:
        low, high = _around(fits, low, high, min(max(guess, low), high - 1))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _around(fits: Callable[[int], bool], low: int, high: int, guess: int) -> tuple[int, int]:
    distance = 1
    if guess == low or fits(guess):
        low = guess
        while guess + distance < high and fits(guess + distance):
            low, distance = guess + distance, 2 * distance
        return low, min(guess + distance, high)
    high = guess
    while guess - distance > low and not fits(guess - distance):
        high, distance = guess - distance, 2 * distance
    return max(guess - distance, low), high


def snapped(architecture: Architecture, setting: Setting) -> dict[str, Exact | None]:
    """For every factor the grid value nearest to its own that builds the very same network, or None.

    One factor after the other, so that all of them together build it too. A factor that follows from
    others is where they take it: it is only looked up on its grid.

    Raises:
        SpecError: the setting has a value outside its domain.
    """
    evaluator = Evaluator.of(architecture)
    form, values = evaluator.form(setting), evaluator.values(setting)
    found: dict[str, Exact | None] = {}
    for factor in architecture.factors(setting):
        raw = values[factor.name]
        near = (value for value in _beside(raw, factor) if _same(form, values, factor.name, value))
        found[factor.name] = next(near, None)
        values[factor.name] = found[factor.name] or raw
    return found


def _beside(value: Exact, factor: Factor) -> Iterator[Exact]:
    """The grid values on both sides of a value, the nearer one first; the value itself if it is one."""
    rung = nearest(value, factor.grid)
    if rung * factor.grid == value:
        yield value
    elif not factor.derived:
        for each in (rung, rung + 1 if rung * factor.grid < value else rung - 1):
            on_grid = each * factor.grid
            above = on_grid > 0 if factor.low is None else on_grid >= factor.low
            if above and (factor.high is None or on_grid <= factor.high):
                yield on_grid


def _same(form: Form, values: Setting, name: str, value: Exact) -> bool:
    if value == values[name]:
        return True
    numbers = form.integers({**values, name: value})
    return numbers is not None and numbers == form.integers(values)
