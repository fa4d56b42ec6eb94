"""What the parts of a formula are called: after their role in the network, as its stage table would.

``S_res2`` is the size behind res2, ``w_res2`` its width, ``n_res2`` how many blocks it has. What is
rounded and has no role of its own is numbered: ``r1``, ``r2``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from x3dspec.language import expressions as expr
from x3dspec.language.expressions import Expr
from x3dspec.language.tape import Tape
from x3dspec.network import layers as net

#: What is written where it stands; every other operation rounds or chooses, and gets a name.
_INLINE = {"constant", "variable", "add", "multiply", "divide", "power", "residues"}
_LETTERS = {"width": "w", "inner": "b"}


def names(network: net.Network[Expr], roots: Iterable[Expr], taken: Collection[str]) -> dict[Expr, str]:
    """A name for every node with a role in the network, and for what else is rounded.

    None of them is in `taken`, and no two are alike.
    """
    named: dict[Expr, str] = {}
    used = set(taken)

    def give(node: Expr, name: str) -> None:
        while name in used:
            name += "_"
        used.add(name)
        named[node] = name

    for name, node in (*_sizes(network), *_counts(network)):
        if node not in named and node.operator not in ("constant", "variable"):
            give(node, name)
    nodes = Tape[Any]([*named, *roots]).nodes
    others = [node for node in nodes if node.operator not in _INLINE and node not in named]
    for index, node in enumerate(others, start=1):
        give(node, f"r{index}")
    return named


Roles = Iterator[tuple[str, Expr]]


def _sizes(network: net.Network[Expr]) -> Roles:
    """Frames and sizes: of the clip, behind every stage, and between its layers."""
    yield from _sides(network.inputs, "")
    for stage in network.stages:
        yield from _sides(stage.outputs, f"_{stage.name}")
    for stage in network.stages:
        for layer in net.walk(stage):
            yield from _sides(layer.outputs, f"_{stage.name}_{layer.name}")


def _sides(shape: net.Shape[Expr], suffix: str) -> Roles:
    *frames, height, width = shape.sizes or (expr.ONE, expr.ONE)
    yield from ((f"T{suffix}", each) for each in frames)
    if height is not width:
        yield f"H{suffix}", height
    yield f"S{suffix}", width


def _counts(network: net.Network[Expr]) -> Roles:
    """Repeats and channels: what each stage says, then what only its layers say.

    Of the latter, a plain multiple of something else reads best as what it is.
    """
    for stage in network.stages:
        yield f"n_{stage.name}", stage.repeat
        for argument, value in stage.arguments:
            yield f"{_LETTERS.get(argument, argument)}_{stage.name}", value
        for layer in net.walk(stage):
            if isinstance(layer, net.SqueezeExcite):
                yield f"h_{stage.name}", layer.hidden
    for stage in network.stages:
        yield from ((name, node) for name, node in _channels(stage) if not _is_multiple(node))


def _channels(stage: net.Stage[Expr]) -> Roles:
    yield f"c_{stage.name}", stage.outputs.channels
    for layer in net.walk(stage):
        yield f"c_{stage.name}_{layer.name}", layer.outputs.channels


def _is_multiple(node: Expr) -> bool:
    return node.operator == "multiply" and node.arguments[0].value is not None
