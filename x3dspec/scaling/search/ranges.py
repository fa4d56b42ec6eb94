"""Which values of each factor a search covers: those fixed, those typed, or as far as the limits reach.

By default a factor goes from the value that the spec gives it, along its grid, to the last value at
which the limits hold with every other factor at its least. Costs rise with the factors, so that
nothing beyond it can be within the limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from x3dspec.formula.real import decided
from x3dspec.language.errors import BadArgument, sure, unknown
from x3dspec.language.numbers import Exact, ExactError, text
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import variables
from x3dspec.language.values import outside, parse_number
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import highest
from x3dspec.network.units import Target
from x3dspec.scaling.search.result import Range
from x3dspec.scaling.solving import over

#: Values of one factor.
MAX_VALUES = 2**16


def parse_fix(evaluator: Evaluator, words: Sequence[str]) -> dict[str, tuple[Exact, ...]]:
    """Read ``gamma_b=2.25`` of ``--fix``.

    Raises:
        SpecError: an unknown factor, no number, or a value outside the factor's domain.
    """
    found: dict[str, tuple[Exact, ...]] = {}
    for word in words:
        name, written = _named(evaluator, word, "fix")
        found[name] = (_inside(evaluator, name, _number(written, "fix"), "fix"),)
    return found


def parse_kept(evaluator: Evaluator, words: Sequence[str]) -> dict[str, Exact]:
    """Read ``gamma_b=2.25``, or ``gamma_b`` for the value that it has.

    Raises:
        SpecError: as :func:`parse_fix`.
    """
    typed = parse_fix(evaluator, [word for word in words if "=" in word])
    given = {name: values[0] for name, values in typed.items()}
    names = [_named(evaluator, word if "=" in word else f"{word}=", "fix")[0] for word in words]
    values = evaluator.values(given)
    return {name: values[name] for name in names}


def parse_grid(evaluator: Evaluator, words: Sequence[str]) -> dict[str, tuple[Exact, ...]]:
    """Read ``gamma_b=1:3:0.05`` of ``--grid``: from, to, and the step if it is not the spec's.

    Raises:
        SpecError: as :func:`parse_fix`, or a range that is empty or too long.
    """
    found: dict[str, tuple[Exact, ...]] = {}
    for word in words:
        name, written = _named(evaluator, word, "grid")
        parts = [_number(part, "grid") for part in written.split(":")]
        if len(parts) not in (2, 3):
            raise BadArgument("grid", f"{written!r} is not of the form from:to or from:to:step")
        low, high, *step = parts
        try:
            found[name] = _values(name, low, high, step[0] if step else evaluator.factors[name].grid)
        except ExactError as error:
            raise BadArgument("grid", f"{name}: {error}") from None
        for end in (found[name][0], found[name][-1]):
            _inside(evaluator, name, end, "grid")
    return found


def _values(name: str, low: Exact, high: Exact, step: Exact) -> tuple[Exact, ...]:
    if step <= 0 or high < low:
        raise BadArgument("grid", f"{name}: no values from {text(low)} to {text(high)} by {text(step)}")
    count = math.floor((high - low) / step) + 1
    if count > MAX_VALUES:
        raise BadArgument("grid", f"{name}: {count:,} values are more than {MAX_VALUES:,}")
    return tuple(low + index * step for index in range(count))


def _named(evaluator: Evaluator, word: str, argument: str) -> tuple[str, str]:
    name, equals, written = word.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise BadArgument(argument, f"{word!r} is not of the form factor=value")
    if name not in evaluator.factors:
        raise BadArgument(argument, unknown("factor", name, evaluator.factors))
    return name, written


def _number(written: str, argument: str) -> Exact:
    try:
        return parse_number(written.strip())
    except (ExpressionError, ExactError) as error:
        raise BadArgument(argument, str(error)) from None


def _inside(evaluator: Evaluator, name: str, value: Exact, argument: str) -> Exact:
    message = outside(evaluator.source, name, value)
    if message:
        raise BadArgument(argument, message)
    return value


def ranges(
    evaluator: Evaluator,
    limits: Sequence[Target],
    fixed: Mapping[str, tuple[Exact, ...]],
    grids: Mapping[str, tuple[Exact, ...]],
) -> list[Range]:
    """The values that every factor takes; see the module.

    Raises:
        SpecError: a factor that is fixed and has a grid, or that no limit bounds.
    """
    both = sorted({*fixed} & {*grids})
    if both:
        raise BadArgument("fix", f"{both[0]} is fixed and has a --grid")
    given = {**fixed, **grids}
    explicit = frozenset(given)
    least = evaluator.values({name: values[0] for name, values in given.items()})
    binder = evaluator.architecture.binder(explicit)
    counted = set(variables(binder.formula(quantity) for quantity in evaluator.quantities))
    derived = {each.name for each in evaluator.architecture.factors(dict.fromkeys(given)) if each.derived}
    found = []
    for name in evaluator.factors:
        if name in given:
            found.append(Range(name, given[name], "fixed" if name in fixed else "as given"))
        elif name in derived:
            continue
        elif name not in counted:
            found.append(Range(name, (least[name],), "costs nothing"))
        else:
            found.append(_reaching(evaluator, limits, least, name, explicit))
    return found


def _reaching(
    evaluator: Evaluator,
    limits: Sequence[Target],
    least: Mapping[str, Exact],
    name: str,
    explicit: frozenset[str],
) -> Range:
    """From the least value along the grid, as far as the limits hold with all else at its least."""
    factor, low = evaluator.factors[name], least[name]
    first = math.floor(low / factor.grid) + 1
    form = evaluator.form(explicit)

    def fits(rung: int) -> bool:
        values = {**least, name: rung * factor.grid}
        if factor.high is not None and values[name] > factor.high:
            return False
        return all(sure(form.count(limit.quantity, values)) <= limit.value for limit in limits)

    if not fits(first):
        return Range(name, (low,), "the next value exceeds a limit")
    guess = _solved(evaluator, limits, least, name, explicit)
    near = (
        MAX_VALUES if guess is not None else next((2**k for k in range(17) if not fits(first + 2**k)), None)
    )
    last = first + MAX_VALUES if near is None else highest(fits, first, first + near, guess)
    if last >= first + MAX_VALUES - 1:
        raise BadArgument(
            "limits", f"no limit bounds {name}: give --grid {name}=FROM:TO, or --fix {name}={text(low)}"
        )
    why = "the next value exceeds a limit"
    if factor.high is not None and (last + 1) * factor.grid > factor.high:
        why = "up to its maximum"
    return Range(name, (low, *_rungs(first, last, factor.grid)), why)


def _solved(
    evaluator: Evaluator,
    limits: Sequence[Target],
    least: Mapping[str, Exact],
    name: str,
    explicit: frozenset[str],
) -> int | None:
    """The rung that the strictest limit allows by the costs without rounding, if any does."""
    grid, low = evaluator.factors[name].grid, least[name]
    raw = {n: value for n, value in least.items() if n in explicit or not evaluator.source.derived(n)}
    found = [over(evaluator, name, raw, each.quantity, Fraction(each.value), low) for each in limits]
    rungs = [decided(values[0].value, lambda x: math.floor(x / grid)) for values in found if values]
    return min(rungs, default=None)


def _rungs(first: int, last: int, grid: Exact) -> Iterator[Exact]:
    for rung in range(first, last + 1):
        value = rung * grid
        yield Fraction(value) if isinstance(value, int) else value
