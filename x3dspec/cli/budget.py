"""``x3dspec budget``: the network that a target buys."""

from __future__ import annotations

import shlex
from enum import Enum
from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli import plot as picture
from x3dspec.cli.budget_answer import answer
from x3dspec.cli.budget_page import page
from x3dspec.cli.budget_screen import screen
from x3dspec.cli.emit import module_name
from x3dspec.cli.resolve_answer import content
from x3dspec.cli.resolve_page import page as network_page
from x3dspec.language.errors import Infeasible, SpecError
from x3dspec.network import preset
from x3dspec.network.breakdown import rows
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.grid import snapped
from x3dspec.network.units import Target, in_form, parse_target, parse_tolerance
from x3dspec.scaling.budget import ORDERS, Budget, budgeted

Order = Enum("Order", {name: name for name in ORDERS}, type=str)  # type: ignore[misc]


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
    machine: str = typer.Option(None, metavar="FILE", help="A machine that calibrate has timed: for ms."),
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
    architecture = arguments.opened(spec, options, machine=machine)
    output.claim_spec(architecture, ("--emit", module), ("-o", out), ("--plot", plot), force=force)
    result = budgeted(
        architecture, asked, order.value, share, fill, fixed=parse_kept(Evaluator.of(architecture), fix)
    )
    table = rows(result.resolved, convention)
    files: dict[Path, str | bytes] = {}
    if module is not None:
        from x3dspec.codegen import module as emit

        files[module] = emit.source(result.resolved, name)
    if out is not None:
        files[out] = preset.text(result.resolved, out)
    if plot is not None:
        files[plot] = picture.drawn(plot, _plotted(result))
    moved = bool(result.trajectory.steps)
    output.write(files if moved else {})
    near = snapped(architecture, result.resolved.setting)
    if as_json:
        typer.echo(output.document(answer(result, content(result.resolved, table, near, convention))))
    elif style.is_terminal() and not stages:
        typer.echo("\n".join(screen(result, _command(spec, result, tolerance, fill))))
    else:
        typer.echo("\n".join([*page(result), *network_page(result.resolved, table, near, convention)]))
    if files and not moved:
        raise Infeasible(
            "no factor was moved: it is the network that it starts from, and nothing was written"
        )


def _command(spec: str, result: Budget, tolerance: str, fill: bool) -> str:
    """What was typed, as far as it decides which network comes out."""
    words = [
        "x3dspec",
        "budget",
        *([spec] if spec != "specs/x2d.yaml" else []),
        "--target",
        result.target.text,
    ]
    words += [] if result.order == "solved" else ["--order", result.order]
    words += [] if tolerance == "0%" else ["--tolerance", tolerance]
    words += [word for pair in output.typed(result.fixed).items() for word in ("--fix", "=".join(pair))]
    chosen = result.resolved.architecture.source.chosen
    words += [word for name, value in chosen.items() for word in ("--set", f"{name}={value}")]
    return shlex.join([*words, *(["--fill"] if fill else [])])


def _target(spec: str, targets: list[str]) -> Target:
    """The one figure that the network is to meet."""
    if len(targets) > 1:
        limits = " ".join(f"--max {shlex.quote(each)}" for each in targets)
        raise SpecError.at("--target", f"takes one figure; several limits are x3dspec search {spec} {limits}")
    return parse_target(targets[0])


def _plotted(result: Budget) -> str:
    """The trajectory as a picture, in the quantity that the target is about."""
    from x3dspec.report import figures

    path, target = result.trajectory, result.target
    name = result.resolved.architecture.name
    return figures.trajectory(name, path.counts, path.steps, target.quantity, target.value)
