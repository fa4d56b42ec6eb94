"""``x3dspec schema``: the JSON Schema of a spec file."""

from __future__ import annotations

import typer

from x3dspec import spec
from x3dspec.cli import output


def register(app: typer.Typer) -> None:
    app.command()(schema)


def schema() -> None:
    """Print the JSON Schema (draft 7) of spec files, for editors and other tools.

    x3dspec schema > schema.json
    """
    typer.echo(output.document(spec.json_schema()))
