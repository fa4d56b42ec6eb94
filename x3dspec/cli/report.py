"""``x3dspec report``: a page to look at."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output
from x3dspec.language.errors import SpecError, printable
from x3dspec.network.architecture import Architecture, Resolved, load


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
    form: Format = typer.Option(
        None, "--format", help="By default as FILE ends; svg and png draw its charts."
    ),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Write a page in which a network's factors move.

    One HTML file that shows what every move costs.

    It needs no network and no server, and computes exactly what resolve does:

    x3dspec report x3d_m -o report.html
    """
    words = arguments.split(spec)
    form = _format(out, form)
    path = out or Path(f"report.{form.value}")
    if len(words.specs) == 2:
        if words.factors or options or clip or form is not Format.html:
            raise SpecError.at("x3dspec report", "two specs are shown as they are, in HTML")
        networks = [load(each) for each in words.specs]
        _claim(path, networks, force)
        output.write({path: _both(*networks)})
    else:
        name, given = arguments.single(spec, "report", context)
        architecture = arguments.opened(name, options, clip)
        _claim(path, [architecture], force)
        resolved = architecture.at(arguments.values(architecture, given, context))
        said = [word for choice in options for word in ("--set", choice)] + (["--clip", clip] if clip else [])
        output.write({path: _content(resolved, said, form)})
    typer.echo(printable(str(path)))


def _format(out: Path | None, chosen: Format | None) -> Format:
    """What is written, as the file's ending or the option says."""
    if out is None:
        return chosen or Format.html
    allowed = [chosen] if chosen else list(Format)
    for form in allowed:
        if out.suffix == f".{form.value}":
            return form
    raise SpecError.at("-o", f"{out} must end in {' or '.join('.' + form.value for form in allowed)}")


def _claim(path: Path, read: list[Architecture], force: bool) -> None:
    files = [origin.path for architecture in read for origin in architecture.source.origins]
    output.claim(("-o", path), reads=files, force=force)


def _both(first: Architecture, second: Architecture) -> str:
    from x3dspec.report import side_by_side

    return side_by_side.html(first.resolve(), second.resolve())


def _content(resolved: Resolved, said: list[str], form: Format) -> str | bytes:
    if form is Format.html:
        from x3dspec.report.page import html

        return html(resolved, said)
    from x3dspec.report import figures

    svg = figures.network(resolved)
    return figures.png(svg) if form is Format.png else svg
