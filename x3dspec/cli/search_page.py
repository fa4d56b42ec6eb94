"""What a search found, for people: the networks, the front, the ranges, the proof."""

from __future__ import annotations

from collections.abc import Callable

from x3dspec.cli import output, style
from x3dspec.language import numbers
from x3dspec.network.quantities import QUANTITIES
from x3dspec.network.units import short
from x3dspec.scaling.search.result import Found, Result


def page(result: Result, exact: bool, details: bool) -> list[str]:
    limits = ", ".join(each.text for each in result.limits)
    title = style.wrapped(f"The most {_title(result.objective)} within {limits}")
    lines = [*map(style.bold, title), "", *_table(result, result.best, exact)]
    if result.pareto is not None:
        least, most = result.pareto
        lines += [
            "",
            f"{len(result.front)} networks with the least {_title(least)} for their {_title(most)}",
            "",
        ]
        lines += _table(result, result.front, exact)
    if details:
        lines += ["", *_ranges(result), ""]
        meanings = [f"{each.value:,} {_title(each.quantity)}: {each.meaning}" for each in result.limits]
        lines += [line for each in meanings for line in style.wrapped(each)]
    return [*lines, "", *_proof(result, details)]


def _table(result: Result, networks: tuple[Found, ...], exact: bool) -> list[str]:
    if not networks:
        return ["no network yet"]
    full = _cells(result, networks, numbers.text, lambda _, count: f"{count:,}")
    lines = style.table(full)
    if exact or max(map(style.length, lines)) <= style.width():
        return lines
    return style.table(_cells(result, networks, output.brief, short))


def _cells(
    result: Result,
    networks: tuple[Found, ...],
    value: Callable[[numbers.Exact], str],
    count: Callable[[str, int], str],
) -> list[style.Column]:
    """A column for each factor that was free to move, and for each figure."""
    columns = [style.Column("#", [str(index) for index, _ in enumerate(networks, 1)], right=True)]
    for each in result.ranges:
        if len(each.values) > 1 or each.chosen == "costs nothing":
            values = [value(network.setting[each.factor]) for network in networks]
            columns.append(style.Column(style.symbol(each.factor), values, right=True))
    for quantity in networks[0].counts:
        counts = [count(quantity, network.counts[quantity]) for network in networks]
        columns.append(style.Column(_title(quantity), counts, right=True))
    if networks[0].score is not None:
        scores = [f"{network.score:.6g}" for network in networks]
        columns.append(style.Column("score", scores, right=True))
    return columns


def _ranges(result: Result) -> list[str]:
    ends = [(output.brief(each.values[0]), output.brief(each.values[-1])) for each in result.ranges]
    return style.table(
        [
            style.Column("factor", [each.factor for each in result.ranges]),
            style.Column("from", [first for first, _ in ends], right=True),
            style.Column("to", [last for _, last in ends], right=True),
            style.Column("values", [f"{len(each.values):,}" for each in result.ranges], right=True),
            style.Column("distinct", [f"{result.distinct[e.factor]:,}" for e in result.ranges], right=True),
            style.Column("", [each.chosen for each in result.ranges]),
        ]
    )


def _proof(result: Result, details: bool) -> list[str]:
    within = f"{result.proof.within:,} of {result.proof.networks:,} different networks are within the limits"
    lines = style.wrapped(f"{within}, of {result.proof.combinations:,} combinations of values")
    if details:
        counted = f"{result.proof.counted:,} of them one by one, the others by bounds"
        lines += style.wrapped(f"{result.proof.covered:,} covered, {counted}")
    if result.proof.refused:
        lines += style.wrapped(f"{result.proof.refused:,} of those were better and cannot be built")
    if not result.proof.complete:
        share = f"{result.proof.covered / result.proof.networks:.1%} of them"
        return [*lines, style.yellow(f"interrupted after {share}: the best so far, and not proved")]
    bound = result.proof.bound
    proved = "" if bound is None else f": {bound:,} is the most there is"
    return [*lines, style.green(f"proved{proved}")]


def _title(objective: str) -> str:
    """A quantity as people write it; a judge by its name."""
    return QUANTITIES[objective].title if objective in QUANTITIES else objective
