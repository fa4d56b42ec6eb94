"""``x3dspec scaling``: what a network pays for through each factor."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output
from x3dspec.language.errors import BadArgument
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import parse_number
from x3dspec.network.layers import Network
from x3dspec.network.stream import frames_seen
from x3dspec.network.units import Target, parse_target

if TYPE_CHECKING:
    from x3dspec.formula.compound import Compound


class ScaledFactor(TypedDict):
    """Elasticities and exchange rates of one factor; `degrees` and `limits` are those of a large one."""

    factor: str
    elasticities: dict[str, float]
    rates: dict[str, float]
    degrees: dict[str, float] | None
    limits: dict[str, float]


class CompoundFactor(TypedDict):
    """One factor of a compound scaling: its value, and the elasticity that is proportional to its weight."""

    factor: str
    weight: str
    value: float
    elasticity: float


class CompoundAnswer(TypedDict):
    """Where elasticities are proportional to the weights at `target`; `best` where nothing is worth more."""

    quantity: str
    target: int
    factors: list[CompoundFactor]
    best: bool


class FramesAnswer(TypedDict):
    """Frames of the clip, and how many one position of the last convolution sees of a long one."""

    given: int
    seen: int


class ScalingAnswer(output.Answer):
    """What one per cent more of each factor costs, and what doubling the MACs through it costs beside."""

    name: str
    factors: list[ScaledFactor]
    compound: CompoundAnswer | None
    frames: FramesAnswer | None


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
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Print elasticities and exchange rates of every factor.

    That is what doubling the MACs through each factor costs.

    With --target and --weights also the values at which the elasticities are proportional to the weights.

    x3dspec scaling x3d_s --target 4GFLOPs --weights gamma_w=9,gamma_d=4
    """
    from x3dspec.formula.compound import compound
    from x3dspec.formula.exchange import QUANTITIES, exchanges

    name, pairs = arguments.single(spec, "scaling", context)
    architecture = arguments.opened(name, options)
    setting = arguments.values(architecture, pairs, context)
    wanted = None if target is None else parse_target(target)
    worth = {} if weights is None else _weights(weights)
    if (wanted is None) != (not worth):
        raise BadArgument("target", "goes together with --weights")
    rows = exchanges(architecture, setting=setting)
    frames = _frames(architecture.at(setting).network)
    scaled = None
    if wanted is not None:
        scaled = compound(architecture, worth, wanted.quantity, wanted.value, setting=setting)
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
            "compound": None if wanted is None or scaled is None else _compound(scaled, wanted),
            "frames": frames,
        }
        typer.echo(output.document(answer))
        raise typer.Exit(int(wanted is not None and scaled is None))
    others = QUANTITIES[1:]
    lines = ["elasticities of " + architecture.name + ", without rounding: 1 % more of a factor costs, in %"]
    lines += output.aligned(
        [("", *QUANTITIES), *((row.factor, *_cells(row.elasticities, QUANTITIES)) for row in rows)], (1, 2, 3)
    )
    lines += ["", "doubling the MACs through it multiplies by 2 to the power of"]
    head = ("", *others, *(f"{quantity} in the limit" for quantity in others))
    body = [(row.factor, *_cells(row.rates, others), *_cells(row.limits, others)) for row in rows]
    lines += output.aligned([head, *body], (1, 2, 3, 4))
    if frames is not None:
        lines += [
            "",
            f"the last convolution could see {frames['seen']} frames; the clip has {frames['given']}",
        ]
    if wanted is not None:
        lines += ["", *_told(scaled, wanted)]
    typer.echo("\n".join(lines))
    raise typer.Exit(int(wanted is not None and scaled is None))


def _frames(network: Network[int]) -> FramesAnswer | None:
    """None of a 2-D network, and where a stride in time drops frames."""
    lengths = {stage.outputs.sizes[0] for stage in network.stages if len(stage.outputs.sizes) == 3}
    if network.frames is None or lengths != {network.frames}:
        return None
    return {"given": network.frames, "seen": frames_seen(network)}


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


def _compound(scaled: Compound, wanted: Target) -> CompoundAnswer:
    factors: list[CompoundFactor] = [
        {
            "factor": share.factor,
            "weight": str(share.weight),
            "value": float(share.value),
            "elasticity": float(share.elasticity),
        }
        for share in scaled.shares
    ]
    return {"quantity": wanted.quantity, "target": wanted.value, "factors": factors, "best": scaled.best}


def _told(scaled: Compound | None, wanted: Target) -> list[str]:
    if scaled is None:
        return [f"no values at {wanted.text} with elasticities proportional to the weights were found"]
    rows = [
        (share.factor, str(share.weight), f"{float(share.value):.5g}", f"{float(share.elasticity):.4f}")
        for share in scaled.shares
    ]
    proof = "no other values are worth more" if scaled.best else "others may be: terms are taken off"
    return [
        f"elasticities proportional to the weights at {wanted.text}, without rounding",
        *output.aligned([("", "weight", "value", "elasticity"), *rows], (1, 2, 3)),
        f"solved by mpmath, the conditions hold to 60 digits; {proof}",
    ]


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def _cells(values: Mapping[str, Any], quantities: tuple[str, ...]) -> list[str]:
    numbers = _floats(values)
    return [f"{numbers[quantity]:.2f}" if numbers else "-" for quantity in quantities]
