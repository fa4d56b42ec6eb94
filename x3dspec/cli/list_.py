"""``x3dspec list``: what there is to choose from."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from enum import Enum
from typing import Any

import typer

from x3dspec import assets, spec
from x3dspec.architecture import Architecture, load
from x3dspec.cli import output
from x3dspec.cost import CONVENTIONS

WIDTH = 80


class Kind(str, Enum):
    specs = "specs"
    presets = "presets"
    conventions = "conventions"
    layers = "layers"


def register(app: typer.Typer) -> None:
    app.command("list")(command)


def command(
    kind: Kind = typer.Argument(None, help="List these alone."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """List the specs that ship, their presets, the conventions and the layers.

    x3dspec list presets
    """
    kinds = [kind.value] if kind else list(_LISTS)
    found = {name: _LISTS[name]() for name in kinds}
    if as_json:
        typer.echo(output.document(found))
        return
    typer.echo("\n\n".join("\n".join(_PAGES[name](entries)) for name, entries in found.items()))


Entry = dict[str, Any]


def _shipped(*, presets: bool) -> list[Architecture]:
    found = (load(name) for name in assets.shipped())
    return [each for each in found if (len(each.source.origins) > 1) == presets]


def _counted(architecture: Architecture) -> Entry:
    cost = architecture.resolve().cost()
    identity = architecture.source.identity
    return {"name": identity.name, "title": identity.title, "macs": cost.macs, "params": cost.params}


def _specs() -> list[Entry]:
    return [
        {
            **_counted(each),
            "factors": list(each.source.network.factors),
            "options": {name: option.choices for name, option in each.source.network.options.items()},
        }
        for each in _shipped(presets=False)
    ]


def _presets() -> list[Entry]:
    return [{**_counted(each), "base": each.source.origins[-1].path.stem} for each in _shipped(presets=True)]


def _conventions() -> list[Entry]:
    return [
        {
            "name": each.name,
            "unit": each.unit,
            "doc": each.doc,
            "per_mac": each.per_mac,
            "per_norm_element": each.per_norm_element,
        }
        for each in CONVENTIONS.values()
    ]


def _layers() -> list[Entry]:
    fields = spec.LayerItem.model_fields.items()
    return [{"name": name, "doc": field.description} for name, field in fields]


def _specs_page(entries: list[Entry]) -> list[str]:
    cells = [["spec", "MACs", "params", "factors"]]
    cells += [[e["name"], *_figures(e), str(len(e["factors"]))] for e in entries]
    return output.aligned(cells, right=(1, 2, 3))


def _presets_page(entries: list[Entry]) -> list[str]:
    cells = [["preset", "MACs", "params", "base"]]
    cells += [[e["name"], *_figures(e), e["base"]] for e in entries]
    return output.aligned(cells, right=(1, 2))


def _figures(entry: Entry) -> list[str]:
    return [output.short(entry["macs"]), output.short(entry["params"])]


def _documented(title: str) -> Callable[[list[Entry]], list[str]]:
    def page(entries: list[Entry]) -> list[str]:
        width = max(len(title), *(len(each["name"]) for each in entries)) + 2
        lines = [f"{title:{width}}what it is"]
        for each in entries:
            indent = " " * width
            lines += textwrap.wrap(
                each["doc"], WIDTH, initial_indent=f"{each['name']:{width}}", subsequent_indent=indent
            )
        return lines

    return page


_LISTS: dict[str, Callable[[], list[Entry]]] = {
    "specs": _specs,
    "presets": _presets,
    "conventions": _conventions,
    "layers": _layers,
}
_PAGES: dict[str, Callable[[list[Entry]], list[str]]] = {
    "specs": _specs_page,
    "presets": _presets_page,
    "conventions": _documented("convention"),
    "layers": _documented("layer"),
}
