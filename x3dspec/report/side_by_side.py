"""Two networks on one page: what differs, and where the cost of each is. Nothing of it moves."""

from __future__ import annotations

from dataclasses import dataclass

from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import Row, rows, short
from x3dspec.report import initial
from x3dspec.report.diff import Change, compare
from x3dspec.report.html import asset, environment, policy

#: The chart: a bar to the left for the first network, to the right for the second, names between them.
WIDTH, MIDDLE, ROW = 720, 90, 24
QUANTITIES = (("operations", "MACs"), ("params", "parameters"), ("activations", "activations"))


@dataclass(frozen=True)
class Bar:
    """A stage in both networks; None where one does not have it. Widths are in the chart's units."""

    name: str
    before: int | None
    after: int | None
    left: float
    right: float


@dataclass(frozen=True)
class Chart:
    """One quantity of every stage."""

    label: str
    bars: tuple[Bar, ...]


def html(before: Resolved, after: Resolved) -> str:
    """The page that shows two networks."""
    difference = compare(before, after)
    style = asset("report.css")
    names = [_called(network) for network in (before, after)]
    return str(
        environment()
        .get_template("side_by_side.html.jinja")
        .render(
            names=names,
            sources=[network.architecture.source.display for network in (before, after)],
            costs=[_cost(change) for change in difference.cost if change.name in _SHOWN],
            settings=[*difference.factors, *difference.options],
            clips=[initial.extent(network.network.inputs) for network in (before, after)],
            charts=[_chart(before, after, name, label) for name, label in QUANTITIES],
            geometry={"width": WIDTH, "middle": MIDDLE, "row": ROW},
            short=short,
            change=by,
            style=style,
            policy=policy("", style),
        )
    )


_SHOWN = {
    "macs": "MACs",
    "params": "parameters",
    "activations": "activations",
    "bytes": "memory moved, bytes",
}


def _cost(change: Change) -> Change:
    return Change(_SHOWN[change.name], change.before, change.after)


def _called(resolved: Resolved) -> str:
    identity = resolved.network.identity
    return identity.title or identity.name


def _chart(before: Resolved, after: Resolved, quantity: str, label: str) -> Chart:
    old, new = ({row.name: row for row in rows(network)} for network in (before, after))
    counts = [
        (name, _count(old.get(name), quantity), _count(new.get(name), quantity)) for name in {**old, **new}
    ]
    most = max((count for _, *pair in counts for count in pair if count), default=1)
    room = (WIDTH - MIDDLE) / 2 - 70
    bars = [
        Bar(name, first, second, room * (first or 0) / most, room * (second or 0) / most)
        for name, first, second in counts
    ]
    return Chart(label, tuple(bars))


def _count(row: Row | None, quantity: str) -> int | None:
    if row is None:
        return None
    count: int = getattr(row, quantity)
    return count


def by(before: int | str | None, after: int | str | None) -> str:
    """How much more, in percent or as a multiple."""
    if not isinstance(before, int) or not isinstance(after, int) or not before or before == after:
        return ""
    ratio = after / before
    return f"{100 * (ratio - 1):+.1f} %" if ratio < 10 else f"× {ratio:.3g}"
