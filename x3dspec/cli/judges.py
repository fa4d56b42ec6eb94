"""``x3dspec judges``: what there is to choose axes by, and how each does."""

from __future__ import annotations

from typing import Any

import typer

from x3dspec.cli import output, words
from x3dspec.compare import Standing, compare
from x3dspec.score import BUILT_IN, WARNING


def register(app: typer.Typer) -> None:
    app.command("judges")(command)


def command(
    spec: str = typer.Argument("specs/x2d.yaml", help="A spec that records a published expansion."),
    against: bool = typer.Option(False, "--compare", help="Hold every judge against the published order."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """List the judges of ``x3dspec expand``, or compare them with the published expansion.

    x3dspec judges --compare
    """
    if not against:
        listed = {name: _said(name) for name in BUILT_IN}
        listed["command"] = "A command of yours, run once per candidate: --judge-command."
        listed["package.module:function"] = "A function of yours, from a list of candidates to scores."
        text = output.aligned([[name, said] for name, said in listed.items()])
        typer.echo(output.document(listed) if as_json else "\n".join(text))
        return
    found = compare(words.opened(spec, []))
    if as_json:
        typer.echo(output.document({"judges": [_content(each) for each in found]}))
    else:
        typer.echo("\n".join(_page(found)))


def _said(name: str) -> str:
    return " ".join((BUILT_IN[name].__doc__ or "").split())


def _content(each: Standing) -> dict[str, Any]:
    return {**vars(each), "mean_rank": each.mean_rank}


def _page(found: list[Standing]) -> list[str]:
    cells = [["judge", "matches", "fast = temporal", "mean rank", "ranks of the published choice"]]
    for each in found:
        ranks = " ".join("-" if rank is None else str(rank) for rank in each.ranks)
        cells.append([each.judge, str(each.matches), str(each.merged), f"{each.mean_rank:.2f}", ranks])
    steps = len(found[0].ranks)
    return [
        *output.aligned(cells, right=(1, 2, 3)),
        "",
        f"matches: positions of {steps} at which its own expansion takes the published axis",
        "ranks: of the published axis among the candidates of the published state (1 is its first choice)",
        WARNING.partition(":")[0],
    ]
