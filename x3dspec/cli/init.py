"""``x3dspec init``: a spec to begin with."""

from __future__ import annotations

from pathlib import Path

import typer

from x3dspec.cli import output
from x3dspec.language import shipped
from x3dspec.language.errors import SpecError
from x3dspec.language.identifiers import is_identifier


def register(app: typer.Typer) -> None:
    app.command()(init)


def init(
    name: str = typer.Argument(metavar="NAME", help="The network's name; the file is NAME.yaml."),
    force: bool = typer.Option(False, "--force", help="Replace a file of that name."),
) -> None:
    """Write a commented spec, to change into your own.

    x3dspec init my_net
    """
    if not is_identifier(name):
        raise SpecError.at("NAME", f"{name!r} cannot name a network: letters, digits and _, a letter first")
    path = Path(f"{name}.yaml")
    if path.exists() and not force:
        raise SpecError.at(str(path), "is there already; --force replaces it")
    starter = (shipped.folder("templates") / "starter.yaml").read_text(encoding="utf-8")
    output.write({path: starter.replace("NAME", name)})
    typer.echo(f"{path}: x3dspec resolve {path} prints its table")
