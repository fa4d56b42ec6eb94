"""``x3dspec solve``: what a factor must be for a figure."""

from __future__ import annotations

from enum import Enum

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output
from x3dspec.language import numbers
from x3dspec.network.quantities import ALWAYS, QUANTITIES, Counts
from x3dspec.network.units import parse_target
from x3dspec.scaling.snapping import Point
from x3dspec.scaling.unknowns import Solved, Unknown
from x3dspec.scaling.unknowns import solve as solved

#: Characters of an exact value on a line.
MAX_EXACT = 60


class Format(str, Enum):
    text = "text"
    latex = "latex"
    python = "python"


class Beside(TypedDict):
    """A network on the grid: the factors that were moved for it, exactly, and its figures."""

    factors: dict[str, str]
    cost: Counts


class Found(TypedDict):
    """What was solved for: in closed form over the target C, its value, and the networks beside it."""

    closed_form: str | None
    exact: str | None
    value: int | float
    below: Beside | None
    above: Beside | None


class Wanted(TypedDict):
    """A target as typed and read."""

    text: str
    quantity: str
    value: int


class SolveAnswer(output.Answer):
    """What factors must be for exact figures, and other solutions where several unknowns have them."""

    unknowns: dict[str, Found]
    targets: list[Wanted]
    others: list[dict[str, float]]
    format: str


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(solve)


def solve(
    context: typer.Context,
    spec: list[str] = typer.Argument(
        metavar="SPEC [--FACTOR VALUE ...]",
        help="A spec, and factor values.",
        autocompletion=completion.specs,
    ),
    unknowns: list[str] = typer.Option(
        ...,
        "--for",
        metavar="FACTOR|AXIS",
        autocompletion=completion.factors,
        help="What to solve for; several factors, or one axis.",
    ),
    targets: list[str] = typer.Option(
        ..., "--target", metavar="FIGURE", help="4.7GFLOPs, '4M params', ...: one for each unknown."
    ),
    symbolic: bool = typer.Option(False, "--symbolic", help="Keep the other factors in the closed form."),
    form: Format = typer.Option("text", "--format", help="How the closed form is written."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224."),
    machine: str = typer.Option(None, metavar="FILE", help="A machine that calibrate has timed: for ms."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Solve for what a factor must be for a figure.

    In closed form, exactly, and on its grid.

    x3dspec solve x3d_m --for gamma_s --target 3GFLOPs

    x3dspec solve x3d_m --for gamma_w --for gamma_d --target 4.73GFLOPs --target '4M params'
    """
    name, given = arguments.single(spec, "solve", context)
    architecture = arguments.opened(name, options, clip, machine)
    setting = arguments.values(architecture, given, context)
    names = [each.replace("-", "_") for each in unknowns]
    answer = solved(architecture, names, [parse_target(text) for text in targets], setting, symbolic)
    if as_json:
        typer.echo(output.document(_answer(answer, form.value)))
    elif form.value == "text":
        typer.echo("\n".join(_page(answer)))
    else:
        from x3dspec.formula.printers import equation

        for each in answer.unknowns:
            value = float(each.value) if each.closed_form is None else each.closed_form
            typer.echo(equation(each.name, value, form.value))


def _form(each: Unknown, form: str) -> str | None:
    """An unknown's closed form as an equation, or None where there is none."""
    if each.closed_form is None:
        return None
    from x3dspec.formula.printers import equation

    return equation(each.name, each.closed_form, form)


def _page(answer: Solved) -> list[str]:
    lines = [f"target  {target.value:,} {target.quantity}: {target.meaning}" for target in answer.targets]
    for each in answer.unknowns:
        form, exact = _form(each, "text"), each.exact
        written = f"{exact} = " if exact is not None and len(exact) <= MAX_EXACT else ""
        lines += ["", *([form] if form else [])]
        lines.append(f"{each.name} = {written}{float(each.value):.10g} without rounding")
    for values in answer.others:
        lines.append("also    " + ", ".join(f"{n} = {float(v):.6g}" for n, v in values.items()))
    return [*lines, "", *output.aligned(_points(answer), right=range(2, 6))]


def _points(answer: Solved) -> list[list[str]]:
    """A row for each network beside the target; several unknowns share the one below."""
    quantities = next((p.counts for each in answer.unknowns for p in (each.below, each.above) if p), ALWAYS)
    rows = [["", "factors", *(QUANTITIES[quantity].title for quantity in quantities)]]
    seen: list[Point] = []
    for each in answer.unknowns:
        for word, point in (("within", each.below), ("over", each.above)):
            if point is None:
                message = f"nothing on the grid of {each.name} can be built there"
                rows.append([word, message, *("" for _ in quantities)])
            elif point not in seen:
                seen.append(point)
                factors = ", ".join(
                    f"{name} = {numbers.text(value)}" for name, value in point.factors.items()
                )
                rows.append([word, factors, *(f"{count:,}" for count in point.counts.values())])
    return rows


def _answer(answer: Solved, form: str) -> SolveAnswer:
    return {
        "x3dspec": output.head("solve"),
        "unknowns": {each.name: _found(each, form) for each in answer.unknowns},
        "targets": [
            {"text": target.text, "quantity": target.quantity, "value": target.value}
            for target in answer.targets
        ],
        "others": [{name: float(value) for name, value in values.items()} for values in answer.others],
        "format": form,
    }


def _found(each: Unknown, form: str) -> Found:
    return {
        "closed_form": _form(each, form),
        "exact": each.exact,
        "value": output.number(each.value),
        "below": _beside(each.below),
        "above": _beside(each.above),
    }


def _beside(point: Point | None) -> Beside | None:
    if point is None:
        return None
    return {
        "factors": {name: numbers.text(value) for name, value in point.factors.items()},
        "cost": point.counts,
    }
