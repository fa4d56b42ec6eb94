"""``x3dspec search``: the best network under several limits, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli import plot as picture
from x3dspec.cli.progress import Progress
from x3dspec.cli.search_answer import content
from x3dspec.cli.search_page import page
from x3dspec.cli.search_progress import SearchProgress
from x3dspec.language import numbers
from x3dspec.language.errors import BadArgument, SpecError, unknown
from x3dspec.network import preset
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.quantities import LIMITED, QUANTITIES
from x3dspec.network.units import in_form, parse_target
from x3dspec.scaling.judges import CLOSED_FORMS, WARNING, Judge, judge
from x3dspec.scaling.search.result import Result

MAX_TOP = 1000


def register(app: typer.Typer) -> None:
    app.command("search")(command)


def command(
    spec: str = typer.Argument(
        "specs/x2d.yaml", help="The spec whose grid is searched.", autocompletion=completion.specs
    ),
    limits: list[str] = typer.Option(..., "--max", metavar="FIGURE", help="4.73GFLOPs, '4M params', ..."),
    fix: list[str] = typer.Option(
        [],
        "--fix",
        metavar="FACTOR=VALUE",
        autocompletion=completion.factors,
        help="Keep a factor at a value.",
    ),
    grid: list[str] = typer.Option(
        [],
        "--grid",
        metavar="FACTOR=FROM:TO[:STEP]",
        autocompletion=completion.factors,
        help="The values of a factor, instead of all that fit.",
    ),
    objective: str = typer.Option(
        "macs",
        autocompletion=completion.objectives,
        help="What to have the most of: macs, params, activations, or a judge's score.",
    ),
    form: str = typer.Option("train", "--form", help="Whose MACs limits are: train, or stream, a step's."),
    pareto: str = typer.Option(
        None,
        metavar="X,Y",
        autocompletion=completion.quantities,
        help="Also the networks with least X and most Y.",
    ),
    top: int = typer.Option(1, min=1, max=MAX_TOP, help="How many networks."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    exact: bool = typer.Option(False, "--exact", help="Every value and count in full."),
    details: bool = typer.Option(False, "-v", "--ranges", help="Also which values each factor took."),
    machine: str = typer.Option(None, metavar="FILE", help="A machine that calibrate has timed: for ms."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="Write the best as a spec again."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw --pareto: .svg or .png."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Find the largest network within several limits.

    It makes most of them over every combination of factor values.

    The answer is proved: every network of the grid is counted, or ruled out by a bound. Without
    --grid a factor goes from the spec's own value as far as the limits reach.

    x3dspec search x2d --max 4.73GFLOPs --max '4M params' --max '60M activations' --fix gamma_b=2.25
    """
    from x3dspec.scaling.search.ranges import parse_fix, parse_grid
    from x3dspec.scaling.search.search import judged, search

    targets = [in_form(parse_target(each, "limits"), form) for each in limits]
    chosen = _judge(objective)
    axes = _pareto(pareto)
    architecture = arguments.opened(spec, options, machine=machine)
    if plot is not None and axes is None:
        raise SpecError.at("--plot", "draws what --pareto finds")
    picture.expect(plot)
    output.claim_spec(architecture, ("-o", out), ("--plot", plot), force=force)
    evaluator = Evaluator.of(architecture)
    with Progress() as progress:
        found = search(
            architecture,
            targets,
            parse_fix(evaluator, fix),
            parse_grid(evaluator, grid),
            "macs" if chosen else objective,
            top,
            axes,
            SearchProgress(progress, "macs" if chosen else objective),
        )
        if chosen and found.proof.complete:
            found = judged(found, chosen, objective, top)
    if as_json:
        typer.echo(output.document(content(found)))
    else:
        style.show(page(found, exact, details))
    for warning in _warnings(found):
        style.warn(warning)
    files: dict[Path, str | bytes] = {}
    if out is not None and found.best:
        files[out] = preset.text(found.resolved(), out)
    if plot is not None and found.pareto and found.front:
        files[plot] = picture.drawn(plot, _plotted(found, *found.pareto))
    output.write(files)
    if not found.proof.complete:
        raise KeyboardInterrupt


def _plotted(found: Result, least: str, most: str) -> str:
    from x3dspec.report import figures

    limits = [each.text for each in found.limits]
    return figures.front([each.counts for each in found.front], least, most, limits)


def _warnings(found: Result) -> Iterator[str]:
    from x3dspec.scaling.search.lopsided import odd

    if found.objective in CLOSED_FORMS and found.objective not in QUANTITIES:
        yield WARNING
    factors = odd(found)
    free = [f"{each.factor} ({numbers.text(each.value)})" for each in factors if each.free]
    far = [_far(each.factor, each.value, each.most) for each in factors if not each.free]
    if free:
        yield f"what costs nothing stays where it is: {', '.join(free)}; --fix FACTOR=VALUE chooses it"
    if far:
        yield f"lopsided: {', '.join(far)}; --fix FACTOR=VALUE or --grid FACTOR=FROM:TO holds it"


def _far(factor: str, value: numbers.Exact, most: numbers.Exact | None) -> str:
    why = "the end of its range" if most is None else f"published networks have at most {output.brief(most)}"
    return f"{factor} = {output.brief(value)} ({why})"


def _judge(objective: str) -> Judge | None:
    """The judge that an objective names, where it is no quantity."""
    if objective in LIMITED:
        return None
    if objective == "command":
        raise BadArgument("objective", "a command scores the steps of an expansion: x3dspec expand")
    try:
        return judge(objective)
    except BadArgument as error:
        raise BadArgument("objective", error.message) from None


def _pareto(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise SpecError.at("--pareto", f"{text!r} is not two different quantities, such as params,macs")
    for name in names:
        if name not in LIMITED:
            raise SpecError.at("--pareto", unknown("quantity", name, LIMITED, "the quantities are"))
    return names[0], names[1]
