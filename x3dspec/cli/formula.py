"""``x3dspec formula``: a cost in closed form."""

from __future__ import annotations

from enum import Enum

import typer

from x3dspec.cli import arguments, completion, output
from x3dspec.language import numbers
from x3dspec.network.cost import CONVENTIONS
from x3dspec.network.quantities import QUANTITIES, in_form

Quantity = Enum("Quantity", {name: name for name in QUANTITIES}, type=str)  # type: ignore[misc]


class Format(str, Enum):
    text = "text"
    latex = "latex"
    python = "python"


class FormulaAnswer(output.Answer):
    """A cost in closed form, its value at the factors given, and what one per cent more of each costs."""

    name: str
    quantity: str
    convention: str
    relaxed: bool
    factors: dict[str, str]
    format: str
    formula: str
    value: int | float
    elasticities: dict[str, float]


_NAMES = ", ".join(QUANTITIES) + "."


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(formula)


def formula(
    context: typer.Context,
    spec: list[str] = typer.Argument(
        metavar="SPEC [--FACTOR VALUE ...]",
        help="A spec, and factor values.",
        autocompletion=completion.specs,
    ),
    quantity: Quantity = typer.Option("macs", metavar="NAME", help=_NAMES),
    relaxed: bool = typer.Option(False, "--relaxed", help="Without rounding: a polynomial in the factors."),
    form: Format = typer.Option("text", "--format", help="How it is written."),
    convention: str = typer.Option(
        "paper",
        autocompletion=completion.conventions,
        help=f"How operations are counted: {', '.join(CONVENTIONS)}.",
    ),
    of_form: str = typer.Option("train", "--form", help="Whose cost: train, or stream, a step's."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224."),
    machine: str = typer.Option(None, metavar="FILE", help="A machine that calibrate has timed: for ms."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Print the closed form of a cost.

    And what one per cent more of each factor costs.

    x3dspec formula specs/x2d.yaml --quantity macs --relaxed
    """
    from x3dspec.formula.closed_form import derive
    from x3dspec.formula.elasticity import elasticities
    from x3dspec.formula.render import render

    name, given = arguments.single(spec, "formula", context)
    architecture = arguments.opened(name, options, clip, machine)
    setting = arguments.values(architecture, given, context)
    counted = in_form(quantity.value, of_form)
    closed = derive(architecture, counted, convention=convention, relaxed=relaxed, setting=setting)
    slopes = elasticities(architecture, counted, convention=convention, setting=setting)
    written = render(closed, form.value, slopes)
    if not as_json:
        typer.echo(written.rstrip("\n"))
        return
    answer: FormulaAnswer = {
        "x3dspec": output.head("formula"),
        "name": closed.spec,
        "quantity": counted,
        "convention": convention,
        "relaxed": relaxed,
        "factors": {factor: numbers.text(value) for factor, value in closed.setting.items()},
        "format": form.value,
        "formula": written,
        "value": output.number(closed.value),
        "elasticities": {each.factor: float(each.value) for each in slopes},
    }
    typer.echo(output.document(answer))
