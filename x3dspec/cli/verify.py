"""``x3dspec verify``: emitted modules against their specs."""

from __future__ import annotations

import sys
import textwrap

import typer
from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.language.errors import Infeasible, printable
from x3dspec.pytorch.checks import Check, Report
from x3dspec.pytorch.verify import verify


class Verified(TypedDict):
    """One file: every check that was made, and whether all of them hold."""

    ok: bool
    checks: tuple[Check, ...]


class VerifyAnswer(output.Answer):
    """Every file by its name."""

    files: dict[str, Verified]
    ok: bool


def register(app: typer.Typer) -> None:
    app.command("verify")(command)


def command(
    files: list[str] = typer.Argument(metavar="FILE ...", help="Emitted modules."),
    spec: str = typer.Option(None, metavar="SPEC", help="Their spec, if not the header's."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Check emitted modules against their specs.

    Header, layers, shapes, MACs, a real forward and backward. Needs torch.

    Importing a module runs its code: verify only what you would import.

    x3dspec verify generated/x3d_m.py
    """
    reports: dict[str, Report] = {}
    for file in files:
        if sys.stderr.isatty():
            print(f"{printable(file)} ...", file=sys.stderr)
        reports[file] = verify(file, spec)
    if as_json:
        typer.echo(output.document(_content(reports)))
    else:
        for file, report in reports.items():
            typer.echo("\n".join([printable(file), *_page(report), ""]))
    failed = [file for file, report in reports.items() if not report.ok]
    if failed:
        listed = ", ".join(failed)
        raise Infeasible(f"{len(failed)} of {len(files)} files are not what their specs say: {listed}")


def _content(reports: dict[str, Report]) -> VerifyAnswer:
    return {
        "x3dspec": output.head("verify"),
        "files": {file: {"ok": report.ok, "checks": report.checks} for file, report in reports.items()},
        "ok": all(report.ok for report in reports.values()),
    }


def _page(report: Report) -> list[str]:
    lines = []
    for check in report.checks:
        mark = "ok  " if check.ok else "FAIL"
        said = check.found if check.ok else f"{check.found} (expected {check.expected})"
        text = f"{mark}  {check.name}: {said}" + (f"; {check.detail}" if check.detail else "")
        lines += textwrap.wrap(printable(text), 80, subsequent_indent="      ", break_on_hyphens=False)
    return lines
