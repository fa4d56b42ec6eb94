"""``x3dspec judges``: what there is to choose axes by, and how each does."""

from __future__ import annotations

from pathlib import Path

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, output, style
from x3dspec.cli import plot as picture
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Architecture
from x3dspec.scaling.judge_ranking import Standing, standings
from x3dspec.scaling.judges import BUILT_IN, WARNING


class Listed(TypedDict):
    """A judge, and what it scores by."""

    name: str
    doc: str


class Compared(TypedDict):
    """A judge against the published order: see `x3dspec.scaling.judge_ranking.Standing`."""

    judge: str
    axes: tuple[str, ...]
    matches: int
    merged: int
    ranks: tuple[int | None, ...]
    mean_rank: float


class JudgesAnswer(output.Answer):
    """The judges there are, or with --compare how each does."""

    judges: list[Listed] | list[Compared]


def register(app: typer.Typer) -> None:
    app.command("judges")(command)


def command(
    spec: str = typer.Argument("specs/x2d.yaml", help="A spec that records a published expansion."),
    against: bool = typer.Option(False, "--compare", help="Hold every judge against the published order."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw the ranks: .svg or .png."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """List the judges of expand, or compare them.

    They are compared with the published expansion.

    x3dspec judges --compare
    """
    if plot is not None and not against:
        raise SpecError.at("--plot", "draws what --compare finds")
    if against:
        picture.expect(plot)
        architecture = arguments.opened(spec, [])
        output.claim_spec(architecture, ("--plot", plot), force=force)
        found = standings(architecture)
        if plot is not None:
            output.write({plot: picture.drawn(plot, _plotted(architecture, found))})
        _tell(list(map(_compared, found)), _page(found), as_json)
    else:
        judges = listed()
        names, docs = [each["name"] for each in judges], [each["doc"] for each in judges]
        _tell(judges, style.table([style.Column("", names), style.Column("", docs)]), as_json)


def _plotted(architecture: Architecture, found: list[Standing]) -> str:
    from x3dspec.report import figures

    best = min((each for each in found if each.judge != "published"), key=lambda each: each.mean_rank)
    steps = [waypoint.axis for waypoint in architecture.source.network.published]
    rows = [(each.judge, each.ranks) for each in found]
    return figures.ranks(rows, steps, f"{best.judge} (mean rank {best.mean_rank:.2f})")


def _tell(judges: list[Listed] | list[Compared], page: list[str], as_json: bool) -> None:
    answer: JudgesAnswer = {"x3dspec": output.head("judges"), "judges": judges}
    if as_json:
        typer.echo(output.document(answer))
    else:
        style.show(page)


def listed() -> list[Listed]:
    """Every judge that `--judge` takes."""
    built_in: list[Listed] = [
        {"name": name, "doc": " ".join((judge.__doc__ or "").split())} for name, judge in BUILT_IN.items()
    ]
    return [
        *built_in,
        {"name": "command", "doc": "A command of yours, run once per candidate: --judge-command."},
        {
            "name": "package.module:function",
            "doc": "A function of yours, from a list of candidates to scores.",
        },
    ]


def _compared(each: Standing) -> Compared:
    return {
        "judge": each.judge,
        "axes": each.axes,
        "matches": each.matches,
        "merged": each.merged,
        "ranks": each.ranks,
        "mean_rank": each.mean_rank,
    }


def _page(found: list[Standing]) -> list[str]:
    ranks = [" ".join("-" if rank is None else str(rank) for rank in each.ranks) for each in found]
    table = [
        style.Column("judge", [each.judge for each in found]),
        style.Column("matches", [str(each.matches) for each in found], right=True),
        style.Column("fast = temporal", [str(each.merged) for each in found], right=True, drop=1),
        style.Column("mean rank", [f"{each.mean_rank:.2f}" for each in found], right=True),
        style.Column("ranks of the published choice", ranks),
    ]
    steps = len(found[0].ranks)
    notes = [
        f"matches: positions of {steps} at which its own expansion takes the published axis",
        "ranks: of the published axis among the candidates of the published state (1 is its first choice)",
        WARNING.partition(":")[0],
    ]
    return [*style.table(table), "", *(line for note in notes for line in style.wrapped(note))]
