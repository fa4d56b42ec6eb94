"""``x3dspec scaling``: what a network pays for through each factor."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction

import typer

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli.scaling_answer import ScalingAnswer as ScalingAnswer
from x3dspec.cli.scaling_answer import answer
from x3dspec.language.errors import BadArgument
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import parse_number
from x3dspec.network.units import parse_target


class Format(str, Enum):
    text = "text"
    latex = "latex"


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(scaling)


def scaling(
    context: typer.Context,
    spec: list[str] = typer.Argument(
        metavar="SPEC [--FACTOR VALUE ...]",
        help="A spec, and factor values.",
        autocompletion=completion.specs,
    ),
    target: str = typer.Option(None, metavar="FIGURE", help="The cost of a compound scaling, by --weights."),
    weights: str = typer.Option(
        None, metavar="FACTOR=WEIGHT,...", help="What a per cent more of each factor is worth."
    ),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    form: Format = typer.Option("text", "--format", help="For people, or a section of a LaTeX document."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Print how a network scales, derived from its costs.

    What one per cent more of each factor costs; what doubling the MACs through it costs beside; what the
    MACs are made of as it grows; what each rounding adds.

    With --target and --weights also the values at which the elasticities are proportional to the weights,
    and those of start * r**weight.

    x3dspec scaling x3d_s --target 4GFLOPs --weights gamma_w=9,gamma_d=4
    """
    name, pairs = arguments.single(spec, "scaling", context)
    architecture = arguments.opened(name, options)
    setting = arguments.values(architecture, pairs, context)
    wanted = None if target is None else parse_target(target)
    worth = {} if weights is None else _weights(weights)
    if (wanted is None) != (not worth):
        raise BadArgument("target", "goes together with --weights")
    from x3dspec.formula.analysis import analyse

    analysis = analyse(architecture, setting, wanted, worth)
    moved = analysis.together
    if as_json:
        typer.echo(output.document(answer(analysis)))
    elif form.value == "latex":
        from x3dspec.formula.section import section

        typer.echo(section(analysis).rstrip("\n"))
    else:
        from x3dspec.cli.scaling_screen import page

        style.show(list(page(analysis)))
    raise typer.Exit(int(moved is not None and moved.compound is None))


def _weights(text: str) -> dict[str, Fraction]:
    """``gamma_w=9,gamma_d=4`` as rational numbers.

    Raises:
        BadArgument: no such list, a factor twice, or a weight that is not rational.
    """
    weights: dict[str, Fraction] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        try:
            weight = parse_number(number)
        except (ExpressionError, ExactError):
            raise BadArgument("weights", "are written gamma_w=9,gamma_d=4") from None
        if name in weights or not isinstance(weight, Fraction):
            raise BadArgument("weights", "each factor has one weight, a rational number")
        weights[name] = weight
    return weights
