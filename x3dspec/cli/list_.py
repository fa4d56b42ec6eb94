"""``x3dspec list``: what there is to choose from."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from enum import Enum

import typer
from typing_extensions import TypedDict

from x3dspec.cli import output, style
from x3dspec.cli.judges import Listed
from x3dspec.cli.judges import listed as judges
from x3dspec.language import layer_keys, shipped
from x3dspec.network.architecture import Architecture, load
from x3dspec.network.cost import CONVENTIONS

WIDTH = 80


class Kind(str, Enum):
    specs = "specs"
    presets = "presets"
    judges = "judges"
    conventions = "conventions"
    layers = "layers"


class Shipped(TypedDict):
    """What ships, and what one clip costs."""

    name: str
    title: str
    macs: int
    params: int


class ShippedSpec(Shipped):
    """A network with its factors, and the choices of its options."""

    factors: list[str]
    options: dict[str, list[int | str]]


class ShippedPreset(Shipped):
    """A preset, and the spec that it sets."""

    base: str


class Convention(Listed):
    """What one multiply-accumulate, and one element that passes a norm, count."""

    unit: str
    per_mac: int
    per_norm_element: int
    per_layer_norm_element: int


class ListAnswer(output.Answer, total=False):
    """All kinds, or the one that was asked for."""

    specs: list[ShippedSpec]
    presets: list[ShippedPreset]
    judges: list[Listed]
    conventions: list[Convention]
    layers: list[Listed]


def register(app: typer.Typer) -> None:
    app.command("list")(command)


def command(
    kind: Kind = typer.Argument(None, help="List these alone."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    full: bool = typer.Option(False, "--full", help="The whole page on a terminal too."),
) -> None:
    """List specs, presets, judges, conventions, layers.

    x3dspec list presets
    """
    answer = _found([kind.value] if kind else list(Kind))
    if as_json:
        typer.echo(output.document(answer))
        return
    if style.is_terminal() and not (kind or full):
        typer.echo("\n".join(_screen(answer)))
        return
    typer.echo("\n\n".join("\n".join(page) for page in _pages(answer)))


def _found(kinds: Collection[str]) -> ListAnswer:
    answer: ListAnswer = {"x3dspec": output.head("list")}
    if "specs" in kinds:
        answer["specs"] = list(map(_spec, _shipped(presets=False)))
    if "presets" in kinds:
        answer["presets"] = list(map(_preset, _shipped(presets=True)))
    if "judges" in kinds:
        answer["judges"] = judges()
    if "conventions" in kinds:
        answer["conventions"] = _conventions()
    if "layers" in kinds:
        answer["layers"] = _layers()
    return answer


def _shipped(*, presets: bool) -> list[Architecture]:
    found = (load(name) for name in shipped.shipped())
    return [each for each in found if (len(each.source.origins) > 1) == presets]


def _counted(architecture: Architecture) -> Shipped:
    cost = architecture.resolve().cost()
    identity = architecture.source.identity
    return {"name": identity.name, "title": identity.title, "macs": cost.macs, "params": cost.params}


def _spec(each: Architecture) -> ShippedSpec:
    network = each.source.network
    options = {name: list(option.choices) for name, option in network.options.items()}
    return {**_counted(each), "factors": list(network.factors), "options": options}


def _preset(each: Architecture) -> ShippedPreset:
    return {**_counted(each), "base": each.source.origins[-1].path.stem}


def _conventions() -> list[Convention]:
    return [
        {
            "name": each.name,
            "unit": each.unit,
            "doc": each.doc,
            "per_mac": each.per_mac,
            "per_norm_element": each.per_norm_element,
            "per_layer_norm_element": each.per_layer_norm_element,
        }
        for each in CONVENTIONS.values()
    ]


def _layers() -> list[Listed]:
    fields = layer_keys.LayerItem.model_fields.items()
    return [{"name": name, "doc": field.description or ""} for name, field in fields]


def _screen(answer: ListAnswer) -> list[str]:
    """The names of every kind; the kinds by themselves say more."""
    names = [
        [each["name"] for each in answer["specs"]],
        [each["name"] for each in answer["presets"]],
        [each["name"] for each in answer["judges"]],
        [each["name"] for each in answer["conventions"]],
        [each["name"] for each in answer["layers"]],
    ]
    table = style.table(
        [
            style.Column("", [style.bold(kind.value) for kind in Kind]),
            style.Column("", list(map(", ".join, names))),
        ],
        head=False,
    )
    return [*table, "", style.dim("x3dspec list presets shows what they cost; --full shows it all")]


def _pages(answer: ListAnswer) -> Iterator[list[str]]:
    if "specs" in answer:
        cells = [[e["name"], *_figures(e), str(len(e["factors"]))] for e in answer["specs"]]
        yield output.aligned([["spec", "MACs", "params", "factors"], *cells], right=(1, 2, 3))
    if "presets" in answer:
        cells = [[e["name"], *_figures(e), e["base"]] for e in answer["presets"]]
        yield output.aligned([["preset", "MACs", "params", "base"], *cells], right=(1, 2))
    if "judges" in answer:
        yield _documented("judge", answer["judges"])
    if "conventions" in answer:
        yield _documented("convention", answer["conventions"])
    if "layers" in answer:
        yield _documented("layer", answer["layers"])


def _figures(entry: Shipped) -> list[str]:
    return [output.short(entry["macs"]), output.short(entry["params"])]


def _documented(title: str, entries: Sequence[Listed]) -> list[str]:
    width = max(len(title), *(len(each["name"]) for each in entries)) + 2
    lines = [f"{title:{width}}what it is"]
    for each in entries:
        first, indent = f"{each['name']:{width}}", " " * width
        lines += textwrap.wrap(each["doc"], WIDTH, initial_indent=first, subsequent_indent=indent)
    return lines
