"""``x3dspec report``: a page to look at."""

from __future__ import annotations

from pathlib import Path

import typer

from x3dspec.cli import output, words


def register(app: typer.Typer) -> None:
    app.command(context_settings=words.OPEN)(report)


def report(
    context: typer.Context,
    spec: list[str] = typer.Argument(metavar="SPEC [--FACTOR VALUE ...]", help="A spec, and factor values."),
    out: Path = typer.Option("report.html", "-o", "--output", metavar="FILE", help="Where the page goes."),
    options: list[str] = typer.Option([], "--set", metavar="NAME=VALUE", help="Choose an option."),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224."),
) -> None:
    """Write one HTML file in which a network's factors can be moved and its cost seen.

    It needs no network and no server, and computes exactly what resolve does:

    x3dspec report x3d_m -o report.html
    """
    from x3dspec.report import html

    name, given = words.single(spec, "report")
    architecture = words.opened(name, options, clip)
    resolved = architecture.at(words.values(architecture, given, context))
    said = [word for choice in options for word in ("--set", choice)] + (["--clip", clip] if clip else [])
    output.write({out: html(resolved, said)})
    typer.echo(out)
