"""``x3dspec scaling``: what a network pays for through each factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output


class ScaledFactor(TypedDict):
    """Elasticities and exchange rates of one factor; `degrees` and `limits` are those of a large one."""

    factor: str
    elasticities: dict[str, float]
    rates: dict[str, float]
    degrees: dict[str, float] | None
    limits: dict[str, float]


class ScalingAnswer(output.Answer):
    """What one per cent more of each factor costs, and what doubling the MACs through it costs beside."""

    name: str
    factors: list[ScaledFactor]


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(scaling)


def scaling(
    context: typer.Context,
    spec: list[str] = typer.Argument(
        metavar="SPEC [--FACTOR VALUE ...]",
        help="A spec, and factor values.",
        autocompletion=completion.specs,
    ),
    options: list[str] = typer.Option([], "--set", metavar="NAME=VALUE", help="Choose an option."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Print elasticities, and what doubling the MACs through each factor costs.

    x3dspec scaling x3d_s
    """
    from x3dspec.formula.exchange import QUANTITIES, exchanges

    name, pairs = arguments.single(spec, "scaling", context)
    architecture = arguments.opened(name, options)
    rows = exchanges(architecture, setting=arguments.values(architecture, pairs, context))
    if as_json:
        answer: ScalingAnswer = {
            "x3dspec": output.head("scaling"),
            "name": architecture.name,
            "factors": [
                {
                    "factor": row.factor,
                    "elasticities": _floats(row.elasticities),
                    "rates": _floats(row.rates),
                    "degrees": None if row.degrees is None else _floats(row.degrees),
                    "limits": _floats(row.limits),
                }
                for row in rows
            ],
        }
        typer.echo(output.document(answer))
        return
    others = QUANTITIES[1:]
    lines = ["elasticities of " + architecture.name + ", without rounding: 1 % more of a factor costs, in %"]
    lines += output.aligned(
        [("", *QUANTITIES), *((row.factor, *_cells(row.elasticities, QUANTITIES)) for row in rows)], (1, 2, 3)
    )
    lines += ["", "doubling the MACs through it multiplies by 2 to the power of"]
    head = ("", *others, *(f"{quantity} in the limit" for quantity in others))
    body = [(row.factor, *_cells(row.rates, others), *_cells(row.limits, others)) for row in rows]
    typer.echo("\n".join([*lines, *output.aligned([head, *body], (1, 2, 3, 4))]))


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def _cells(values: Mapping[str, Any], quantities: tuple[str, ...]) -> list[str]:
    numbers = _floats(values)
    return [f"{numbers[quantity]:.2f}" if numbers else "-" for quantity in quantities]
