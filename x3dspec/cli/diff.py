"""``x3dspec diff``: two networks side by side."""

from __future__ import annotations

import textwrap
from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli import plot as picture
from x3dspec.cli.diff_screen import screen
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved, load
from x3dspec.network.cost import CONVENTIONS
from x3dspec.report.diff import Change, Difference, StageChange, compare

WIDTH = 80
#: A ratio from which on a percentage says less.
MANY = 10


class DiffAnswer(output.Answer):
    """What differs; the costs are all there."""

    before: str
    after: str
    convention: str
    same: bool
    factors: tuple[Change, ...]
    options: tuple[Change, ...]
    clip: tuple[Change, ...]
    stages: tuple[StageChange, ...]
    cost: tuple[Change, ...]


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(diff)


def diff(
    context: typer.Context,
    specs: list[str] = typer.Argument(
        metavar="A [B] [--FACTOR VALUE ...]", help="Two specs, or one.", autocompletion=completion.specs
    ),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option, in one."
    ),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224, in one."),
    convention: str = typer.Option(
        "paper",
        autocompletion=completion.conventions,
        help=f"How operations are counted: {', '.join(CONVENTIONS)}.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    full: bool = typer.Option(False, "--full", help="The whole page on a terminal too."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw the MACs by stage: .svg or .png."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Compare two networks: what changed, at what cost.

    Two specs are compared as they are. One spec is compared with itself at other
    factor values, options or another clip:

    x3dspec diff x3d_m --gamma-s 1.5
    """
    found = arguments.split(specs)
    changed = bool(found.factors or options or clip)
    if len(found.specs) not in (1, 2) or changed == (len(found.specs) == 2):
        raise SpecError.at(
            "x3dspec diff", "takes two specs, or one spec and the --FACTOR VALUE, --set or --clip to compare"
        )
    picture.expect(plot)
    first = load(found.specs[0])
    second = arguments.opened(found.specs[-1], options, clip)
    output.claim_spec(second, ("--plot", plot), force=force)
    before, after = first.at({}), second.at(arguments.values(second, found.factors, context))
    difference = compare(before, after, convention)
    unit = _unit(convention)
    if plot is not None:
        from x3dspec.report import figures

        output.write({plot: picture.drawn(plot, figures.difference(before, after))})
    if as_json:
        typer.echo(output.document(_content(before, after, difference, convention)))
    elif style.is_terminal() and not full:
        typer.echo("\n".join(screen(difference, _title(before, after), _end(difference, unit), unit)))
    else:
        typer.echo("\n".join(_page(before, after, difference, convention)))


def _content(before: Resolved, after: Resolved, found: Difference, convention: str) -> DiffAnswer:
    return {
        "x3dspec": output.head("diff"),
        "before": before.architecture.name,
        "after": after.architecture.name,
        "convention": convention,
        "same": found.same,
        "factors": found.factors,
        "options": found.options,
        "clip": found.clip,
        "stages": found.stages,
        "cost": found.cost,
    }


def _page(before: Resolved, after: Resolved, found: Difference, convention: str) -> list[str]:
    unit = _unit(convention)
    lines = [_title(before, after)]
    settings = [*found.factors, *found.options, *found.clip]
    for title, changes in (("setting", settings), ("cost", found.cost)):
        if title == "cost":
            lines += _stages(found.stages, unit)
        if changes:
            cells = [_cells(change, unit) for change in changes if _worth(change, convention)]
            lines += ["", *output.aligned([[title, "before", "after", ""], *cells], right=(1, 2, 3))]
    return [*lines, "", _end(found, unit)]


def _unit(convention: str) -> str:
    return "MACs" if convention == "paper" else CONVENTIONS[convention].unit


def _title(before: Resolved, after: Resolved) -> str:
    return f"{before.architecture.source.display} -> {after.architecture.source.display}"


def _end(found: Difference, unit: str) -> str:
    return "the same network" if found.same else _conclusion(found, unit)


def _worth(change: Change, convention: str) -> bool:
    """The paper's operations are the MACs, which have their own line."""
    return change.name != "operations" or convention != "paper"


def _stages(stages: tuple[StageChange, ...], unit: str) -> list[str]:
    cells: list[list[str]] = []
    filters: list[str] = []
    for stage in stages:
        name = stage.name + {None: "", "before": " (removed)", "after": " (added)"}[stage.only]
        for change in stage.changes:
            if change.name == "filters":
                filters += _filters(stage.name, change)
                continue
            cells.append([name, *_cells(change, unit)])
            name = ""
    if not cells:
        return []
    table = output.aligned([["stage", "what", "before", "after", ""], *cells], right=(2, 3, 4))
    return ["", *table, *(["", "filters", *filters] if filters else [])]


def _filters(stage: str, change: Change) -> list[str]:
    text = f"{stage}: {change.before or '-'} -> {change.after or '-'}"
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _cells(change: Change, unit: str) -> list[str]:
    """What, before, after, and by how much."""
    name = {"macs": "MACs", "operations": unit}.get(change.name, change.name)
    return [name, _shown(change.before), _shown(change.after), _by(change)]


def _by(change: Change) -> str:
    """As a share, where that is easily read."""
    before, after = change.before, change.after
    if not isinstance(before, int) or not isinstance(after, int) or not before or before == after:
        return ""
    ratio = after / before
    return f"{100 * (ratio - 1):+.1f}%" if ratio < MANY else f"x {ratio:.3g}"


def _shown(value: int | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else value


def _conclusion(found: Difference, unit: str) -> str:
    macs, params = (next(c for c in found.cost if c.name == name) for name in ("operations", "params"))
    return f"{unit}: {_times(macs)}; parameters: {_times(params)}"


def _times(change: Change) -> str:
    if not isinstance(change.before, int) or not isinstance(change.after, int) or not change.before:
        return "unknown times"
    if change.before == change.after:
        return "as many"
    return f"{change.after / change.before:.3g} times"
