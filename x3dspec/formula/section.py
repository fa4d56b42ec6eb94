"""How a network scales as a section of a LaTeX document: it needs amsmath, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy

from x3dspec.formula import printers
from x3dspec.formula.analysis import Analysis, Together
from x3dspec.formula.closed_form import Formula
from x3dspec.formula.growth import Growth
from x3dspec.formula.real import Number, Real, text
from x3dspec.formula.render import display, summed
from x3dspec.formula.sympy_bridge import symbol, to_number
from x3dspec.network.quantities import ALWAYS

#: Roundings that are listed; the others change less.
MAX_ROUNDINGS = 8
#: Characters of an exact number in a sentence.
MAX_EXACT = 60


def section(analysis: Analysis) -> str:
    """The whole analysis: formulas in full, and tables of their values."""
    parts = [
        rf"\section*{{Scaling of {_plain(analysis.name)}}}",
        *_costs(analysis.costs),
        *_elasticities(analysis),
        *_makeup(analysis),
        *_roundings(analysis),
        *(_together(analysis.together) if analysis.together else ()),
    ]
    return "\n\n".join(parts) + "\n"


def _costs(costs: Mapping[str, Formula]) -> Iterator[str]:
    yield f"With every rounding dropped, a clip costs the following; at {_values(costs)} it is the last line."
    for name, cost in costs.items():
        yield display([*summed(_cost(name), cost.summands), rf"&\quad = {_grouped(float(cost.value))}"])


def _values(costs: Mapping[str, Formula]) -> str:
    setting = {name: value for cost in costs.values() for name, value in cost.setting.items()}
    return ", ".join(
        f"${_name(name)} = {printers.latex(to_number(value))}$" for name, value in setting.items()
    )


def _elasticities(analysis: Analysis) -> Iterator[str]:
    yield r"One per cent more of a factor costs $\varepsilon$ per cent, exactly:"
    for name, cost in analysis.costs.items():
        for row in analysis.exchanges:
            factor = symbol(row.factor)
            answers = [_answer(summand, factor) for summand in cost.summands]
            left = rf"{_cost(name)}\,\varepsilon_{{{_name(row.factor)}}}"
            yield display(summed(left, [answer for answer in answers if answer != 0]))
    yield "At these values, and what the others grow by as the MACs are doubled through one factor:"
    head = ["", *(rf"$\varepsilon$ of {name}" for name in ALWAYS), *ALWAYS[1:]]
    yield _table(head, [_exchange(row.factor, row.elasticities, row.rates) for row in analysis.exchanges])


def _answer(summand: Any, factor: Any) -> Any:
    """A product times its own elasticity."""
    slope = sympy.expand(factor * sympy.diff(summand, factor) / summand)
    return slope * summand if slope.is_number else sympy.Mul(slope, summand, evaluate=False)


def _exchange(factor: str, elasticities: Mapping[str, Any], rates: Mapping[str, Any]) -> list[str]:
    slopes = [f"{float(elasticities[name]):.3f}" for name in ALWAYS]
    powers = [f"$2^{{{float(rates[name]):.3f}}}$" if rates else "--" for name in ALWAYS[1:]]
    return [f"${_name(factor)}$", *slopes, *powers]


def _makeup(analysis: Analysis) -> Iterator[str]:
    makeup = analysis.makeup
    yield r"Shares of the MACs in per cent, here and in the limit of a large factor:"
    head = ["", "here", *(f"${_name(growth.factor)}$" for growth in makeup.growths)]
    yield _table(head, [
        [kind, _percent(share), *(_percent(growth.limits[kind]) for growth in makeup.growths)]
        for kind, share in makeup.shares.items()
    ])  # fmt: skip
    for growth in makeup.growths:
        if len(growth.leads) > 1:
            yield _leads(growth)
    if pair := makeup.dearest:
        quotient = rf"\frac{{\text{{{pair[0]}}}}}{{\text{{{pair[1]}}}}}"
        yield display([f"{quotient} &= {printers.latex(makeup.ratio(*pair))}"])


def _leads(growth: Growth) -> str:
    first, *others = growth.leads
    factor = _name(growth.factor)
    parts = [f"{each.kind} from ${factor} {_equal(each.since)}$" for each in others]
    return f"As ${factor}$ grows, {', '.join([f'{first.kind} costs most to begin with', *parts])}."


def _equal(value: Number) -> str:
    """Equal to what, in closed form where that is short."""
    written = text(value)
    if written is None or len(written) > MAX_EXACT:
        return rf"\approx {float(value):.6g}"
    return f"= {printers.latex(value.expression if isinstance(value, Real) else to_number(value))}"


def _roundings(analysis: Analysis) -> Iterator[str]:
    rounded = analysis.rounded
    more = 100 * float(rounded.excess)
    yield f"Rounding makes the MACs {_grouped(float(rounded.count))}, {more:+.2f} per cent. Each by itself:"
    rows = [
        [f"${_name(each.name)}$", f"{float(each.before):.5g}", str(each.after), f"{float(each.change):+,.0f}"]
        for each in rounded.roundings[:MAX_ROUNDINGS]
    ]
    yield _table(["", "before", "after", "MACs"], rows)


def _together(moved: Together) -> Iterator[str]:
    weights = ", ".join(f"${_name(name)}$ {weight}" for name, weight in moved.weights.items())
    yield f"At ${_grouped(moved.target.value)}$ {moved.target.quantity}, by the weights {weights}:"
    rows: list[list[str]] = []
    if moved.compound:
        values = [share.value for share in moved.compound.shares]
        rows.append(["elasticities proportional to the weights", *map(_short, values)])
    if moved.ray:
        rows.append([f"start times ${_short(moved.ray.r)}^w$", *map(_short, moved.ray.values.values())])
    yield _table(["", *(f"${_name(name)}$" for name in moved.weights)], rows)


def _short(value: Any) -> str:
    return f"{float(value):.6g}"


def _cost(quantity: str) -> str:
    return rf"C_{{\mathrm{{{quantity}}}}}"


def _name(name: str) -> str:
    return printers.latex(symbol(name))


def _plain(words: str) -> str:
    return words.replace("_", r"\_")


def _percent(share: Any) -> str:
    return f"{100 * float(share):.1f}"


def _grouped(value: float) -> str:
    return f"{value:,.0f}".replace(",", r"\,")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" & ".join(row) for row in (head, *rows)]
    body = " \\\\\n".join(lines)
    return f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}\n{body}\n\\end{{tabular}}"
