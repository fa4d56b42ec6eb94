"""``x3dspec check``: every problem with its place, and what a reviewer would remark."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import typer
from typing_extensions import TypedDict

from x3dspec.cli import check_screen, completion, output, style
from x3dspec.language.errors import Problem, SpecError
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import parse_number
from x3dspec.network.architecture import load
from x3dspec.report import lint
from x3dspec.scaling.published import waypoints


class Format(str, Enum):
    text = "text"
    json = "json"
    github = "github"


@dataclass(frozen=True)
class Finding:
    """A problem and how bad it is: ``error`` or ``warning``."""

    severity: str
    problem: Problem


class Remark(TypedDict):
    """A problem and its place. `severity` is ``error`` or ``warning``; null what has no line or path."""

    severity: str
    file: str
    line: int | None
    column: int | None
    path: str | None
    message: str


class CheckAnswer(output.Answer):
    """Every problem of every spec."""

    specs: list[str]
    errors: int
    warnings: int
    findings: list[Remark]


def register(app: typer.Typer) -> None:
    app.command()(check)


def check(
    specs: list[str] = typer.Argument(
        metavar="SPEC ...", help="Files, or names of shipped specs.", autocompletion=completion.specs
    ),
    form: Format = typer.Option("text", "--format", help="github prints annotations for a workflow."),
    ratio: str = typer.Option("16", metavar="N", help="Activation over parameter memory to warn above."),
    strict: bool = typer.Option(False, "--strict", help="Warnings fail too, with exit code 1."),
    as_json: bool = typer.Option(False, "--json", help="The same as --format json."),
) -> None:
    """Find the problems of specs, each with its line.

    And warn as a reviewer would.

    Exit code 2 where there is an error, otherwise 0; with --strict 1 where there is a warning.

    x3dspec check x3d_m specs/x2d.yaml
    """
    limit = _ratio(ratio)
    findings = list(dict.fromkeys(each for spec in specs for each in _findings(spec, limit)))
    typer.echo(_WRITERS["json" if as_json else form.value](specs, findings))
    if any(each.severity == "error" for each in findings):
        raise typer.Exit(2)
    if strict and findings:
        raise typer.Exit(1)


def _ratio(text: str) -> Fraction:
    try:
        value = parse_number(text)
    except (ExpressionError, ExactError) as error:
        raise SpecError.at("--ratio", str(error)) from None
    if not isinstance(value, Fraction) or value <= 0:
        raise SpecError.at("--ratio", f"{text!r} is not a positive number such as 16")
    return value


def _findings(spec: str, ratio: Fraction) -> list[Finding]:
    try:
        architecture = load(spec)
        waypoints(architecture)
        return [Finding("warning", each) for each in lint.remarks(architecture, ratio)]
    except SpecError as error:
        return [Finding("error", each) for each in error.problems]


def _count(findings: list[Finding], severity: str) -> int:
    return sum(each.severity == severity for each in findings)


def _text(specs: list[str], findings: list[Finding]) -> str:
    if style.is_terminal():
        parts = (check_screen.lines(_line(each), each.severity, each.problem) for each in findings)
        lines = [line for part in parts for line in part]
    else:
        lines = [_line(each) for each in findings]
    counts = ", ".join(
        f"{count} {name}{'s' if count != 1 else ''}"
        for name, count in (("spec", len(specs)), *((n, _count(findings, n)) for n in ("error", "warning")))
    )
    return "\n".join([*lines, counts])


def _line(finding: Finding) -> str:
    """As the problem itself says it, with the severity where compilers put it."""
    problem = finding.problem
    where = f"{problem.source}:{problem.line}:{problem.column}" if problem.line else problem.source
    parts = [where, finding.severity, *filter(None, (problem.path, problem.message))]
    return ": ".join(parts)


def _json(specs: list[str], findings: list[Finding]) -> str:
    answer: CheckAnswer = {
        "x3dspec": output.head("check"),
        "specs": specs,
        "errors": _count(findings, "error"),
        "warnings": _count(findings, "warning"),
        "findings": [
            {
                "severity": each.severity,
                "file": each.problem.source,
                "line": each.problem.line or None,
                "column": each.problem.column or None,
                "path": each.problem.path or None,
                "message": each.problem.message,
            }
            for each in findings
        ],
    }
    return output.document(answer)


def _github(_: list[str], findings: list[Finding]) -> str:
    return "\n".join(map(_annotation, findings))


def _annotation(finding: Finding) -> str:
    problem = finding.problem
    place = f",line={problem.line},col={problem.column}" if problem.line else ""
    message = ": ".join(filter(None, (problem.path, problem.message)))
    return f"::{finding.severity} file={_property(problem.source)}{place}::{_data(message)}"


def _data(text: str) -> str:
    """Text of a workflow command; unescaped, a line break in it would start another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_WRITERS = {"text": _text, "json": _json, "github": _github}
