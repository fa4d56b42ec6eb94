"""Every name in a document, against what it may name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from x3dspec.language import identifiers, layer_keys, schema, traversal, validate_factors
from x3dspec.language.document import Document
from x3dspec.language.errors import Problem, unknown
from x3dspec.language.grammar import MAX_OPERATIONS
from x3dspec.language.identifiers import class_name
from x3dspec.language.paths import Path
from x3dspec.language.scopes import Scopes
from x3dspec.language.syntax import size

#: What the emitted modules of all forms call their own.
_TEMPLATE_CLASSES = frozenset(
    {"F", "Tensor", "Any", "Module", "SqueezeExcite"}
    | {"FrameConv", "TimeConv", "Projection"}
    | {"ClipConv", "ClipMaxPool", "ClipAvgPool"}
    | {"SameConv2d", "SameConv3d", "ChannelNorm", "Scale"}
    | {"Stream", "StepConv", "Delay", "RunningMean"}
)


def problems(document: Document, file: schema.NetworkFile) -> Iterator[Problem]:
    """Everything wrong with a document that its models do not see, in the order of the reference."""
    scopes = Scopes(document, file)
    excess = _excess(scopes)
    if excess is not None:
        yield scopes.problem(excess, f"in all expressions, more than {MAX_OPERATIONS} operations")
        return  # looking at each of them is what would take long
    yield from validate_factors.problems(scopes)
    for path, tree in traversal.expressions(scopes.file.input, ("input",)):
        yield from scopes.outside_block(path, tree, scopes.everywhere)
    yield from _blocks(scopes)
    yield from _stages(scopes)
    yield from _classes(scopes)


def _excess(scopes: Scopes) -> Path | None:
    """The first expression that is beyond what a file may have in all."""
    operations = 0
    for path, tree in traversal.expressions(scopes.file):
        operations += size(tree)
        if operations > MAX_OPERATIONS:
            return path
    return None


def _blocks(scopes: Scopes) -> Iterator[Problem]:
    for name, block in scopes.file.blocks.items():
        path: Path = ("blocks", name)
        yield from _argument_names(scopes, block, path)
        scope = dict.fromkeys([*scopes.everywhere, *block.arguments, "width_in", "channels"])
        for where, tree in traversal.expressions(block.layers, (*path, "layers")):
            yield from scopes.undefined(where, tree, scope)
        yield from _layer_names(scopes, block.layers, (*path, "layers"))


def _argument_names(scopes: Scopes, block: schema.Block, path: Path) -> Iterator[Problem]:
    for index, name in enumerate(block.arguments):
        place = (*path, "arguments", index)
        if name in block.arguments[:index]:
            yield scopes.problem(place, f"a second argument named {name!r}")
        elif name in scopes.everywhere:
            yield scopes.problem(place, f"{name!r} is also the name of a factor or an option")
        elif name in schema.Stage.model_fields:
            yield scopes.problem(place, f"{name!r} is a key of every stage: choose another")


def _layer_names(scopes: Scopes, items: list[layer_keys.LayerItem], path: Path) -> Iterator[Problem]:
    taken: set[str] = set()
    for where, item in layer_keys.layer_items(items, path):
        name = item.body.name
        if name in taken:
            yield scopes.problem((*where, "name"), f"a second layer named {name!r}")
        taken.add(name or "")


def _stages(scopes: Scopes) -> Iterator[Problem]:
    taken: set[str] = set()
    scope = dict.fromkeys([*scopes.everywhere, "width_in"])
    for index, stage in enumerate(scopes.file.stages):
        path: Path = ("stages", index)
        if stage.name in taken:
            yield scopes.problem((*path, "name"), f"a second stage named {stage.name!r}")
        taken.add(stage.name)
        yield from scopes.outside_block((*path, "repeat"), stage.repeat, scope)
        if stage.layers is not None:
            for where, tree in traversal.expressions(stage.layers, (*path, "layers")):
                yield from scopes.undefined(where, tree, {**scope, "channels": None})
            yield from _layer_names(scopes, stage.layers, (*path, "layers"))
        if stage.block is None or stage.block in scopes.file.blocks:
            yield from _arguments(scopes, stage, path, scope)
        else:
            yield scopes.problem((*path, "block"), unknown("block", stage.block, scopes.file.blocks))
        scope |= dict.fromkeys(f"{stage.name}.{name}" for name in stage.model_extra or {})


def _arguments(
    scopes: Scopes, stage: schema.Stage, path: Path, scope: Mapping[str, None]
) -> Iterator[Problem]:
    """A stage's keys that not every stage has: what its block takes, all of that and no more."""
    user = "layers" if stage.block is None else f"block {stage.block}"
    taken = [] if stage.block is None else scopes.file.blocks[stage.block].arguments
    values = stage.model_extra or {}
    for name in values:
        if name not in taken:
            known = [*taken, *schema.Stage.model_fields]
            message = unknown("key", name, known, f"a stage of {user} takes")
            yield scopes.problem((*path, name), message, key=True)
    for index, name in enumerate(taken):
        if name not in values:
            yield scopes.problem(path, f"missing key {name!r}, an argument of {user}")
        else:
            before = {**scope, **dict.fromkeys(taken[:index])}
            yield from scopes.undefined((*path, name), values[name], before)


def _classes(scopes: Scopes) -> Iterator[Problem]:
    """The emitted module's classes, and its factory, must be told apart."""
    taken = dict.fromkeys(_TEMPLATE_CLASSES, "another class of the emitted module")
    taken[scopes.file.name] = "the emitted factory"
    own: Path = ("class_name",) if scopes.file.class_name else ("name",)
    classes = [(own, scopes.file.class_name or class_name(scopes.file.name), "the network's class")]
    classes += [
        (("blocks", name), class_name(name), f"the class of block {name}") for name in scopes.file.blocks
    ]
    for path, word, owner in classes:
        if word in taken or identifiers.reserved(word):
            what = f"the name of {taken[word]}" if word in taken else "a reserved name"
            yield scopes.problem(path, f"its class would be {word}, {what}", key=path[0] == "blocks")
        taken[word] = owner
