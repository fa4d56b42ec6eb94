"""``x3dspec budget``: the network that a target buys."""

from __future__ import annotations

import shlex
from enum import Enum
from pathlib import Path

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli import plot as picture
from x3dspec.cli.budget_screen import screen
from x3dspec.cli.emit import module_name
from x3dspec.cli.resolve import Network, content, page
from x3dspec.formula.real import text
from x3dspec.language import numbers
from x3dspec.language.errors import Infeasible, SpecError
from x3dspec.network import preset
from x3dspec.network.breakdown import rows
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import snapped
from x3dspec.network.quantities import QUANTITIES, Counts
from x3dspec.network.units import Target, figure, in_form, parse_target, parse_tolerance
from x3dspec.scaling.budget import ORDERS, Budget, Near, Next, budgeted
from x3dspec.scaling.trajectory import Skip, Step, Trajectory

#: Characters of a closed form in a table.
MAX_EXACT = 40
Order = Enum("Order", {name: name for name in ORDERS}, type=str)  # type: ignore[misc]


class Asked(TypedDict):
    """The target as typed and read. `limit` is what may be spent: the value and its tolerance."""

    text: str
    quantity: str
    value: int
    limit: int
    meaning: str


class Contraction(TypedDict):
    """What a recorded step is cut to before it is the preset that it reaches."""

    factor: str
    value: int | float
    value_exact: str
    cost: Counts


class Taken(TypedDict):
    """A step of an expansion: the factor that drives its axis, raw and on its grid, and where it arrives.

    `multiplier` is how far the factor went, `exact` the same in closed form, where that is short;
    `ratio` is what the step did to the MACs.
    """

    axis: str
    kind: str
    factor: str
    raw: int | float
    value: int | float
    value_exact: str
    multiplier: float
    exact: str | None
    ratio: float
    cost: Counts
    reaches: str | None
    cut: Contraction | None


class Following(TypedDict):
    """The next network on an axis's grid, and by how much it exceeds the target."""

    axis: str
    factor: str
    value: int | float
    value_exact: str
    cost: Counts
    excess: int


class BudgetAnswer(output.Answer, Network):
    """The network that a target buys, and the way to it. `fixed` are factors that did not move."""

    target: Asked
    achieved: int
    order: str
    start: Counts
    trajectory: list[Taken]
    skipped: tuple[Skip, ...]
    next: list[Following]
    near: Near | None
    fixed: dict[str, str]


def register(app: typer.Typer) -> None:
    app.command()(budget)


def budget(
    spec: str = typer.Argument("specs/x2d.yaml", help="The spec to expand.", autocompletion=completion.specs),
    targets: list[str] = typer.Option(
        ..., "--target", metavar="FIGURE", help="4.7GFLOPs, 4.7GMACs, '4M params', ..."
    ),
    order: Order = typer.Option("solved", help="Solve each step, or replay the published values."),
    fill: bool = typer.Option(False, "--fill", help="Spend what contraction leaves over on the other axes."),
    fix: list[str] = typer.Option(
        [],
        "--fix",
        metavar="FACTOR[=VALUE]",
        autocompletion=completion.factors,
        help="A factor that stays as it is.",
    ),
    form: str = typer.Option("train", "--form", help="Whose MACs: train, a clip's, or stream, a step's."),
    tolerance: str = typer.Option("0%", metavar="SHARE", help="How far the result may exceed the target."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    convention: str = typer.Option(
        "paper", autocompletion=completion.conventions, help="How the final network's operations are shown."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    module: Path = typer.Option(None, "--emit", metavar="FILE.py", help="Emit it as a PyTorch module."),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="Write it as a spec again."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw the trajectory: .svg or .png."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
    stages: bool = typer.Option(False, "--stages", help="The whole page on a terminal too, stage by stage."),
) -> None:
    """Find the network that a target of cost buys.

    The spec is expanded step by step until the target is passed, then the last step is contracted to fit.

    FLOPs are the paper's: multiply-accumulates of convolutions and linear layers. With widths and
    depths at --fix, the weights of the network that it starts from fit the one that is found.

    x3dspec budget --target 4.7GFLOPs --fill
    """
    from x3dspec.scaling.search.ranges import parse_kept

    asked, share = in_form(_target(spec, targets), form), parse_tolerance(tolerance)
    name = None if module is None else module_name(module)
    picture.expect(plot)
    architecture = arguments.opened(spec, options)
    output.claim_spec(architecture, ("--emit", module), ("-o", out), ("--plot", plot), force=force)
    found = budgeted(
        architecture, asked, order.value, share, fill, fixed=parse_kept(Evaluator.of(architecture), fix)
    )
    table = rows(found.resolved, convention)
    files: dict[Path, str | bytes] = {}
    if module is not None:
        from x3dspec.codegen import module as emit

        files[module] = emit.source(found.resolved, name)
    if out is not None:
        files[out] = preset.text(found.resolved, out)
    if plot is not None:
        files[plot] = picture.drawn(plot, _plotted(found))
    moved = bool(found.trajectory.steps)
    output.write(files if moved else {})
    near = snapped(architecture, found.resolved.setting)
    if as_json:
        typer.echo(output.document(_answer(found, content(found.resolved, table, near, convention))))
    elif style.is_terminal() and not stages:
        typer.echo("\n".join(screen(found, _command(spec, found, tolerance, fill))))
    else:
        lines = [*_summary(found), "", *trajectory(found.trajectory), "", *_conclusion(found), ""]
        typer.echo("\n".join([*lines, *page(found.resolved, table, near, convention)]))
    if files and not moved:
        raise Infeasible(
            "no factor was moved: it is the network that it starts from, and nothing was written"
        )


def _command(spec: str, found: Budget, tolerance: str, fill: bool) -> str:
    """What was typed, as far as it decides which network comes out."""
    words = [
        "x3dspec",
        "budget",
        *([spec] if spec != "specs/x2d.yaml" else []),
        "--target",
        found.target.text,
    ]
    words += [] if found.order == "solved" else ["--order", found.order]
    words += [] if tolerance == "0%" else ["--tolerance", tolerance]
    words += [word for each in _fixed(found).items() for word in ("--fix", "=".join(each))]
    chosen = found.resolved.architecture.source.chosen
    words += [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]
    return shlex.join([*words, *(["--fill"] if fill else [])])


def _fixed(found: Budget) -> dict[str, str]:
    return {name: numbers.text(value) for name, value in found.fixed.items()}


def _target(spec: str, targets: list[str]) -> Target:
    """The one figure that the network is to meet."""
    if len(targets) > 1:
        limits = " ".join(f"--max {shlex.quote(each)}" for each in targets)
        raise SpecError.at("--target", f"takes one figure; several limits are x3dspec search {spec} {limits}")
    return parse_target(targets[0])


def _plotted(found: Budget) -> str:
    """The trajectory as a picture, in the quantity that the target is about."""
    from x3dspec.report import figures

    path, target = found.trajectory, found.target
    name = found.resolved.architecture.name
    return figures.trajectory(name, path.counts, path.steps, target.quantity, target.value)


def _answer(found: Budget, network: Network) -> BudgetAnswer:
    return {
        "x3dspec": output.head("budget"),
        "target": _asked(found),
        "achieved": found.achieved,
        "order": found.order,
        **network,
        "start": found.trajectory.counts,
        "trajectory": steps(found.trajectory),
        "skipped": found.trajectory.skipped,
        "next": [
            {
                "axis": each.axis,
                "factor": each.factor,
                "value": output.number(each.value),
                "value_exact": numbers.text(each.value),
                "cost": each.counts,
                "excess": each.excess,
            }
            for each in found.following
        ],
        "near": found.near,
        "fixed": _fixed(found),
    }


def _asked(found: Budget) -> Asked:
    target = found.target
    return {
        "text": target.text,
        "quantity": target.quantity,
        "value": target.value,
        "limit": found.limit,
        "meaning": target.meaning,
    }


def steps(found: Trajectory) -> list[Taken]:
    """The trajectory as JSON has it."""
    return [
        {
            "axis": step.axis,
            "kind": step.kind,
            "factor": step.factor,
            "raw": output.number(step.raw),
            "value": output.number(step.snapped),
            "value_exact": numbers.text(step.snapped),
            "multiplier": float(step.multiplier),
            "exact": text(step.multiplier),
            "ratio": step.ratio,
            "cost": step.counts,
            "reaches": step.reaches,
            "cut": _contraction(step),
        }
        for step in found.steps
    ]


def trajectory(found: Trajectory) -> list[str]:
    """The trajectory for people, a line a step."""
    start = found.counts
    extra = [QUANTITIES[quantity].title for quantity in start.asked]
    cells = [["#", "axis", "factor", "raw", "snapped", "MACs", "ratio", "params", *extra, "m, exactly", ""]]
    cells.append(["0", "start", "", "", "", f"{start.macs:,}", "", *_counted(start), "", ""])
    for index, step in enumerate(found.steps, start=1):
        cells += [_line(index, step), *_cut(step)]
    if not any(solved(step) for step in found.steps):
        cells = [[*row[:-2], row[-1]] for row in cells]
    lines = output.aligned(cells, right=(0, *range(3, 8 + len(extra))))
    lines += [f"after step {skip.after}: {skip.axis} skipped, {skip.reason}" for skip in found.skipped]
    return [*lines, *([found.ended] if found.ended else [])]


def _contraction(step: Step) -> Contraction | None:
    if step.cut is None:
        return None
    after = step.cut.after
    value, exact = output.number(after), numbers.text(after)
    return {"factor": step.cut.factor, "value": value, "value_exact": exact, "cost": step.cut.counts}


def _cut(step: Step) -> list[list[str]]:
    """The line of a recorded step's contraction to the preset that it is named after."""
    if step.cut is None:
        return []
    cut, ratio = step.cut, step.cut.counts.macs / step.counts.macs
    value = output.brief(cut.after)
    counts = (f"{cut.counts.macs:,}", f"{ratio:.2f}", *_counted(cut.counts))
    return [["", "cut", cut.factor, value, value, *counts, "", step.reaches or ""]]


def _line(index: int, step: Step) -> list[str]:
    said = {"contraction": "cut to fit", "fill": "fill"}.get(step.kind, "")
    if step.reaches and not step.cut:
        said = step.reaches
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
        said,
    ]


def _counted(counts: Counts) -> list[str]:
    """Parameters, and whatever else the target is about."""
    return [f"{counts[quantity]:,}" for quantity in ("params", *counts.asked)]


def solved(step: Step) -> str:
    """The multiplier that was solved for, in closed form where that fits into a column."""
    exact = text(step.multiplier) if step.relaxed is not None else None
    return exact if exact is not None and len(exact) <= MAX_EXACT else ""


def _summary(found: Budget) -> list[str]:
    target, over = found.target, found.limit - found.target.value
    allowed = f", at most {found.limit:,} with the tolerance" if over else ""
    achieved = f"{found.achieved:,} ({figure(target.quantity, found.achieved)})"
    share = 100 * found.achieved / target.value
    kept = ", ".join(" = ".join(each) for each in _fixed(found).items())
    return [
        f"target    {target.value:,} {target.quantity}{allowed}",
        f"          {target.meaning}",
        f"achieved  {achieved}, {share:.2f} % of the target",
        f"order     {found.trajectory.policy}",
        *([f"fixed     {kept}"] if kept else []),
    ]


def _conclusion(found: Budget) -> list[str]:
    lines = [_next(found, each) for each in found.following]
    if found.near is not None:
        count = figure(found.target.quantity, found.near.count)
        lines.append(f"{found.near.name} ({count}) is within 2 % of the target: a network with a name")
    return lines


def _next(found: Budget, each: Next) -> str:
    count = f"{each.counts[found.target.quantity]:,} {found.target.quantity}"
    off = f"{abs(each.excess):,} {'over' if each.excess > 0 else 'under'} the target"
    return f"next on {each.axis}: {each.factor} = {numbers.text(each.value)} has {count}, {off}"
