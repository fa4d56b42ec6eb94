"""A budget for people: what was asked and reached, a line a step, and what comes next on the grid."""

from __future__ import annotations

from x3dspec.cli import output
from x3dspec.formula.real import text
from x3dspec.language import numbers
from x3dspec.network.quantities import QUANTITIES, Counts
from x3dspec.network.units import figure
from x3dspec.scaling.budget import Budget, Next
from x3dspec.scaling.trajectory import Step, Trajectory

#: Characters of a closed form in a table.
MAX_EXACT = 40


def page(budget: Budget) -> list[str]:
    """All of it, without the network itself."""
    return [*_summary(budget), "", *_trajectory(budget.trajectory), "", *_conclusion(budget), ""]


def _summary(budget: Budget) -> list[str]:
    target, over = budget.target, budget.limit - budget.target.value
    allowed = f", at most {budget.limit:,} with the tolerance" if over else ""
    achieved = f"{budget.achieved:,} ({figure(target.quantity, budget.achieved)})"
    share = 100 * budget.achieved / target.value
    kept = ", ".join(" = ".join(pair) for pair in output.typed(budget.fixed).items())
    return [
        f"target    {target.value:,} {target.quantity}{allowed}",
        f"          {target.meaning}",
        f"achieved  {achieved}, {share:.2f} % of the target",
        f"order     {budget.trajectory.policy}",
        *([f"fixed     {kept}"] if kept else []),
    ]


def _conclusion(budget: Budget) -> list[str]:
    lines = [_next(budget, following) for following in budget.following]
    if budget.near is not None:
        count = figure(budget.target.quantity, budget.near.count)
        lines.append(f"{budget.near.name} ({count}) is within 2 % of the target: a network with a name")
    return lines


def _next(budget: Budget, following: Next) -> str:
    count = f"{following.counts[budget.target.quantity]:,} {budget.target.quantity}"
    off = f"{abs(following.excess):,} {'over' if following.excess > 0 else 'under'} the target"
    value = f"{following.factor} = {numbers.text(following.value)}"
    return f"next on {following.axis}: {value} has {count}, {off}"


def _trajectory(path: Trajectory) -> list[str]:
    """The trajectory for people, a line a step."""
    start = path.counts
    extra = [QUANTITIES[quantity].title for quantity in start.asked]
    cells = [["#", "axis", "factor", "raw", "snapped", "MACs", "ratio", "params", *extra, "m, exactly", ""]]
    cells.append(["0", "start", "", "", "", f"{start.macs:,}", "", *_counted(start), "", ""])
    for index, step in enumerate(path.steps, start=1):
        cells += [_line(index, step), *_cut(step)]
    if not any(solved(step) for step in path.steps):
        cells = [[*row[:-2], row[-1]] for row in cells]
    lines = output.aligned(cells, right=(0, *range(3, 8 + len(extra))))
    lines += [f"after step {skip.after}: {skip.axis} skipped, {skip.reason}" for skip in path.skipped]
    return [*lines, *([path.ended] if path.ended else [])]


def _cut(step: Step) -> list[list[str]]:
    """The line of a recorded step's contraction to the preset that it is named after."""
    if step.cut is None:
        return []
    cut, ratio = step.cut, step.cut.counts.macs / step.counts.macs
    value = output.brief(cut.after)
    counts = (f"{cut.counts.macs:,}", f"{ratio:.2f}", *_counted(cut.counts))
    return [["", "cut", cut.factor, value, value, *counts, "", step.reaches or ""]]


def _line(index: int, step: Step) -> list[str]:
    note = {"contraction": "cut to fit", "fill": "fill"}.get(step.kind, "")
    if step.reaches and not step.cut:
        note = step.reaches
    return [
        str(index),
        step.axis,
        step.factor,
        f"{float(step.raw):.4g}",
        output.brief(step.snapped),
        f"{step.counts.macs:,}",
        f"{step.ratio:.2f}",
        *_counted(step.counts),
        solved(step),
        note,
    ]


def _counted(counts: Counts) -> list[str]:
    """Parameters, and whatever else the target is about."""
    return [f"{counts[quantity]:,}" for quantity in ("params", *counts.asked)]


def solved(step: Step) -> str:
    """The multiplier that was solved for, in closed form where that fits into a column."""
    exact = text(step.multiplier) if step.relaxed is not None else None
    return exact if exact is not None and len(exact) <= MAX_EXACT else ""
