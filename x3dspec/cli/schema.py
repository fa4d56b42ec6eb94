"""``x3dspec schema``: the JSON Schema of a spec file."""

from __future__ import annotations

import typer

from x3dspec.cli import answers, output
from x3dspec.language import json_schema


def register(app: typer.Typer) -> None:
    app.command()(schema)


def schema(
    ours: bool = typer.Option(False, "--answers", help="Of what the commands answer with --json."),
) -> None:
    """Print the JSON Schema of specs or of answers.

    That of spec files is draft 7, for editors and other tools.

    With --answers that of every command's --json (draft 2020-12):

    x3dspec schema --answers
    """
    typer.echo(output.text(answers.json_schema(answered()) if ours else json_schema.json_schema()))


def answered() -> dict[str, type]:
    """What each command answers. Commands are imported late everywhere, and so here."""
    from x3dspec.cli import (
        bench,
        budget_answer,
        calibrate,
        check,
        convert_weights,
        diff,
        expand_answer,
        export,
        formula,
        grow,
        identify,
        judges,
        list_,
        resolve,
        scaling,
        search_answer,
        solve,
        verify,
    )

    return {
        "resolve": resolve.ResolveAnswer,
        "budget": budget_answer.BudgetAnswer,
        "expand": expand_answer.ExpandAnswer,
        "search": search_answer.SearchAnswer,
        "solve": solve.SolveAnswer,
        "judges": judges.JudgesAnswer,
        "formula": formula.FormulaAnswer,
        "scaling": scaling.ScalingAnswer,
        "verify": verify.VerifyAnswer,
        "convert-weights": convert_weights.ConvertWeightsAnswer,
        "grow": grow.GrowAnswer,
        "identify": identify.IdentifyAnswer,
        "export": export.ExportAnswer,
        "bench": bench.BenchAnswer,
        "calibrate": calibrate.CalibrateAnswer,
        "check": check.CheckAnswer,
        "diff": diff.DiffAnswer,
        "list": list_.ListAnswer,
    }
