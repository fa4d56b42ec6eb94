"""What ``x3dspec scaling`` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from x3dspec.cli import style
from x3dspec.cli.style import Column
from x3dspec.formula import printers
from x3dspec.formula.analysis import Analysis, Together
from x3dspec.formula.exchange import Exchange
from x3dspec.formula.growth import Growth, Makeup
from x3dspec.formula.real import Number, text
from x3dspec.formula.roundings import Rounded, Rounding
from x3dspec.formula.sympy_bridge import symbol
from x3dspec.network.quantities import ALWAYS

#: Characters of a formula on a line; --json and --format latex have them all.
MAX_FORMULA = 110
#: Characters of an exact number beside its digits.
MAX_EXACT = 30
#: Roundings that are listed.
MAX_ROUNDINGS = 6
OTHERS = ALWAYS[1:]


def page(analysis: Analysis) -> Iterator[str]:
    """The whole answer, a paragraph for each thing that is derived."""
    yield from _elasticities(analysis)
    yield from _rates(analysis.exchanges)
    yield from _makeup(analysis.makeup)
    yield from _roundings(analysis.rounded)
    yield from _seen(analysis)
    if analysis.together:
        yield from _together(analysis.together)


def _elasticities(analysis: Analysis) -> Iterator[str]:
    rows = analysis.exchanges
    yield f"elasticities of {analysis.name}, without rounding: 1 % more of a factor costs, in %"
    columns = [_numbers(name, [row.elasticities for row in rows], name) for name in ALWAYS]
    yield from style.table([_factors(rows), *columns])
    formulas = {row.factor: printers.text(row.along) for row in rows}
    if any(len(formula) <= MAX_FORMULA for formula in formulas.values()):
        yield from ("", "the elasticity of the macs as that factor alone changes")
        short = {name: formula for name, formula in formulas.items() if len(formula) <= MAX_FORMULA}
        yield from style.table([Column("", list(short)), Column("", list(short.values()))])


def _rates(rows: tuple[Exchange, ...]) -> Iterator[str]:
    yield from ("", "doubling the MACs through it multiplies by 2 to the power of")
    here = [_numbers(name, [row.rates for row in rows], name) for name in OTHERS]
    limits = [_numbers(name, [row.limits for row in rows], f"{name} in the limit") for name in OTHERS]
    yield from style.table([_factors(rows), *here, *limits])


def _factors(rows: tuple[Exchange, ...]) -> Column:
    return Column("", [row.factor for row in rows])


def _numbers(quantity: str, values: list[Mapping[str, Any]], head: str) -> Column:
    return Column(head, [f"{float(each[quantity]):.2f}" if each else "-" for each in values], right=True)


def _makeup(makeup: Makeup) -> Iterator[str]:
    yield from ("", "share of the MACs in %, and in the limit of a large factor")
    limits = [
        Column(growth.factor, [_percent(growth.limits[kind]) for kind in makeup.shares], right=True)
        for growth in makeup.growths
    ]
    here = Column("here", [_percent(share) for share in makeup.shares.values()], right=True)
    yield from style.table([Column("", list(makeup.shares)), here, *limits])
    leads = {growth.factor: _leads(growth) for growth in makeup.growths}
    if leads:
        yield from ("", "which costs most as the factor grows")
        yield from style.table([Column("", list(leads)), Column("", list(leads.values()))])
    if makeup.dearest:
        yield from _ratio(makeup, *makeup.dearest)


def _percent(share: Any) -> str:
    return f"{100 * float(share):.1f}"


def _leads(growth: Growth) -> str:
    first, *others = growth.leads
    return ", then ".join([first.kind, *(f"{each.kind} from {_exact(each.since)}" for each in others)])


def _exact(value: Number) -> str:
    """Its digits, and its closed form where that is short."""
    written, digits = text(value), f"{float(value):.4g}"
    return f"{written} = {digits}" if written and written != digits and len(written) <= MAX_EXACT else digits


def _ratio(makeup: Makeup, above: str, below: str) -> Iterator[str]:
    here = float(makeup.shares[above] / makeup.shares[below])
    yield from ("", f"{above} over {below}: {here:.4g} here")
    ratio = makeup.ratio(above, below)
    if len(formula := printers.text(ratio)) <= MAX_FORMULA:
        yield formula
    for growth in makeup.growths:
        factor = symbol(growth.factor)
        tendency = makeup.tendency(above, below, factor)
        if tendency not in (None, ratio) and len(written := printers.text(tendency)) <= MAX_EXACT:
            at = float(tendency.xreplace(dict(makeup.values)))
            yield f"{written} = {at:.4g} in the limit of a large {growth.factor}"


def _roundings(rounded: Rounded) -> Iterator[str]:
    more = f"{100 * float(rounded.excess):+.2f} %"
    yield from ("", f"rounding makes the MACs {float(rounded.count):,.0f}, {more}")
    if rows := rounded.roundings[:MAX_ROUNDINGS]:
        yield from _table(rows, rounded)


def _table(rows: Sequence[Rounding], rounded: Rounded) -> list[str]:
    return style.table([
        Column("rounded", [row.name for row in rows]),
        Column("", [f"{float(row.before):.5g} to {float(row.after):.5g}" for row in rows]),
        Column("MACs of it alone", [f"{float(row.change):+,.0f}" for row in rows], right=True),
        Column("", [f"{100 * float(row.change / rounded.count):+.2f} %" for row in rows], right=True),
    ])  # fmt: skip


def _seen(analysis: Analysis) -> Iterator[str]:
    frames, pixels = analysis.frames, analysis.pixels
    parts = [] if frames is None else [f"{frames.seen} frames, of {frames.given} in the clip"]
    parts.append(f"{pixels.seen} pixels a side, of {pixels.given}")
    yield from ("", f"the last convolution could see {'; '.join(parts)}")


def _together(moved: Together) -> Iterator[str]:
    target = moved.target.text
    if moved.compound is None:
        yield from ("", f"no values at {target} with elasticities proportional to the weights were found")
    else:
        shares = moved.compound.shares
        yield from ("", f"elasticities proportional to the weights at {target}, without rounding")
        yield from style.table([
            Column("", [share.factor for share in shares]),
            Column("weight", [str(share.weight) for share in shares], right=True),
            Column("value", [f"{float(share.value):.5g}" for share in shares], right=True),
            Column("elasticity", [f"{float(share.elasticity):.4f}" for share in shares], right=True),
        ])  # fmt: skip
        proof = (
            "no other values are worth more" if moved.compound.best else "others may be: terms are taken off"
        )
        yield f"solved by mpmath, the conditions hold to 60 digits; {proof}"
    if moved.ray:
        values = ", ".join(f"{name} = {float(value):.5g}" for name, value in moved.ray.values.items())
        yield from ("", f"start * r**weight at {target}, without rounding: r = {_exact(moved.ray.r)}", values)
