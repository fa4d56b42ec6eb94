"""A list of layers in a document becomes layers of a network, each by the shape rule of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from x3dspec.language.expressions import ONE, ZERO, Expr, add, multiply, negation
from x3dspec.language.layer_keys import LayerItem, Residual
from x3dspec.language.numbers import ExactError
from x3dspec.language.paths import Path
from x3dspec.language.syntax import ExpressionError, Name, Syntax, Text
from x3dspec.network import layers as net
from x3dspec.network.builder import Builder
from x3dspec.network.layers.reader import Reader

Shape = net.Shape[Expr]
Layers = tuple[net.Layer[Expr], ...]


@dataclass(frozen=True)
class Place:
    """Where a block stands: what its expressions may read, its position in the stage, its layers' names."""

    scope: Mapping[str, Expr | str]
    index: int
    names: Mapping[Path, str]


def lower_layers(
    builder: Builder, items: list[LayerItem], path: Path, place: Place, shape: Shape, given: Expr = ONE
) -> tuple[Layers, Shape]:
    """The layers at `path` behind a shape, and the shape behind them.

    `given` is the condition that the whole sequence hangs on.
    """
    lowered: list[net.Layer[Expr]] = []
    for index, item in enumerate(items):
        here = (*path, index, item.kind)
        builder.count_layer(here)
        try:
            layer = _layer(builder, item, here, place, shape, given)
        except (ExpressionError, ExactError) as error:
            builder.report(here, str(error))
            continue
        if layer is None:
            continue
        if isinstance(layer, net.Residual) and layer.when is ZERO:
            lowered += layer.branch  # a residual that never adds is its branch
        else:
            lowered.append(layer)
        shape = layer.outputs
    return tuple(lowered), shape


def _layer(
    builder: Builder, item: LayerItem, path: Path, place: Place, shape: Shape, given: Expr
) -> net.Layer[Expr] | None:
    """One layer; None where it is never there, or is reported."""
    place = replace(place, scope={**place.scope, "channels": shape.channels})
    when = given
    if item.body.when is not None:
        when = multiply(given, builder.build(item.body.when, (*path, "when"), place.scope, place.index))
    if when is ZERO and not isinstance(item.body, Residual):
        return None
    base = {"name": place.names.get(path, ""), "origin": path, "when": when, "inputs": shape}
    layer = net.KINDS[item.kind].lower(_reader(builder, item, base, place))
    if layer is None or isinstance(layer, net.Residual):
        return layer
    return replace(layer, outputs=_selected(when, layer.outputs, shape))


def _reader(builder: Builder, item: LayerItem, base: dict[str, Any], place: Place) -> Reader:
    shape: Shape = base["inputs"]

    def build(tree: Syntax, path: Path) -> Expr:
        return builder.build(tree, path, place.scope, place.index)

    def text(tree: Syntax) -> str | None:
        value = place.scope.get(tree.name) if isinstance(tree, Name) else tree
        return value.value if isinstance(value, Text) else value if isinstance(value, str) else None

    def body(items: list[LayerItem], path: Path, given: Expr) -> tuple[Layers, Shape]:
        return lower_layers(builder, items, path, place, shape, given)

    def own_clip(path: Path) -> tuple[Expr, ...]:
        return shape.sizes if builder.source.clip is None else builder.own_clip(path)

    return Reader(item.kind, item.body, base, build, text, builder.report, body, own_clip)


def _selected(when: Expr, there: Shape, absent: Shape) -> Shape:
    """The shape behind a layer that may be absent."""
    if when is ONE or there == absent or len(there.sizes) != len(absent.sizes):
        return there

    def select(a: Expr, b: Expr) -> Expr:
        return a if a is b else add(multiply(when, a), multiply(negation(when), b))

    pairs = zip(there.sizes, absent.sizes, strict=True)
    channels = select(there.channels, absent.channels)
    return replace(there, channels=channels, sizes=tuple(select(a, b) for a, b in pairs))
