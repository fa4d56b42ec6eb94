"""``x3dspec report``: a page to look at."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output
from x3dspec.language.errors import SpecError, printable
from x3dspec.network.architecture import Resolved, load


class Format(str, Enum):
    html = "html"
    svg = "svg"
    png = "png"


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(report)


def report(
    context: typer.Context,
    spec: list[str] = typer.Argument(
        metavar="SPEC [SPEC] [--FACTOR VALUE ...]",
        help="A spec and factor values, or two specs to see side by side.",
        autocompletion=completion.specs,
    ),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="report.FORMAT by default."),
    form: Format = typer.Option("html", "--format", help="svg and png draw its charts."),
    options: list[str] = typer.Option([], "--set", metavar="NAME=VALUE", help="Choose an option."),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224."),
) -> None:
    """Write one HTML file in which a network's factors can be moved and its cost seen.

    It needs no network and no server, and computes exactly what resolve does:

    x3dspec report x3d_m -o report.html
    """
    words = arguments.split(spec)
    path = out or Path(f"report.{form.value}")
    if len(words.specs) == 2:
        if words.factors or options or clip or form is not Format.html:
            raise SpecError.at("x3dspec report", "two specs are shown as they are, in HTML")
        output.write({path: _both(*words.specs)})
    else:
        name, given = arguments.single(spec, "report")
        architecture = arguments.opened(name, options, clip)
        resolved = architecture.at(arguments.values(architecture, given, context))
        said = [word for choice in options for word in ("--set", choice)] + (["--clip", clip] if clip else [])
        output.write({path: _content(resolved, said, form)})
    typer.echo(printable(str(path)))


def _both(first: str, second: str) -> str:
    from x3dspec.report import side_by_side

    return side_by_side.html(load(first).resolve(), load(second).resolve())


def _content(resolved: Resolved, said: list[str], form: Format) -> str | bytes:
    if form is Format.html:
        from x3dspec.report.page import html

        return html(resolved, said)
    from x3dspec.report import figures

    svg = figures.network(resolved)
    return figures.png(svg) if form is Format.png else svg
