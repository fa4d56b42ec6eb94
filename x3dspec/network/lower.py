"""A document becomes a network of expressions: names get their meaning, layers their shapes.

Options and classes are settled here; factors stay symbolic until :mod:`x3dspec.network.bind`. A stage is
lowered twice at most per phase of its block: once as its first block (whose strides count and whose
input is what came before) and once as the blocks that follow, which must keep their shape.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from x3dspec.language import schema
from x3dspec.language.expressions import ONE, Expr, constant, variable
from x3dspec.language.layer_keys import LayerItem
from x3dspec.language.numbers import Root
from x3dspec.language.paths import Path
from x3dspec.language.source import Source
from x3dspec.language.syntax import Syntax, cycles
from x3dspec.language.traversal import expressions
from x3dspec.language.values import brief
from x3dspec.network import layers as net
from x3dspec.network.builder import Builder
from x3dspec.network.layer_names import layer_names
from x3dspec.network.lower_layers import Layers, Place, Shape, lower_layers

Scope = dict[str, "Expr | str"]

#: Blocks that alternate do so with a short period; the bound keeps a hostile spec from 64**8 phases.
MAX_PERIOD = 64


def lower(source: Source, explicit: Collection[str] = ()) -> net.Network[Expr]:
    """The network of `source`, symbolic in its factors.

    A factor whose start follows from other factors is replaced by that expression, unless it is
    named in `explicit`, that is, set by hand.

    Raises:
        SpecError: with every problem of the first stage that has any.
    """
    return _Lowering(source, {*explicit, *source.factors}).network()


@dataclass(frozen=True)
class _Body:
    """What a stage repeats: the layers, the path where they are written, and what they are given.

    Attributes:
        arguments: the stage's values for its block's arguments.
        stage: the path of the stage.
        names: the attribute of every layer.
        period: how many blocks pass until they repeat.
    """

    items: list[LayerItem]
    path: Path
    arguments: Mapping[str, Syntax]
    stage: Path
    names: Mapping[Path, str]
    period: int


class _Lowering:
    def __init__(self, source: Source, explicit: set[str]) -> None:
        self.source = source
        self.file = source.network
        self.explicit = explicit
        self.builder = Builder(source, lambda path: self._own_clip[path])
        self.scope: Scope = {**self._factors(explicit), **self._options()}
        self.scope["classes"] = constant(source.classes)

    def network(self) -> net.Network[Expr]:
        inputs, stride = self._input()
        stages: list[net.Stage[Expr]] = []
        shape = inputs
        for index, stage in enumerate(self.file.stages):
            self.builder.stop_at_problems()
            self.builder.stage = stage.name
            lowered = self._stage(stage, ("stages", index), shape)
            self.builder.stop_at_problems()
            stages.append(lowered)
            shape = lowered.outputs
            self.scope |= {f"{stage.name}.{name}": value for name, value in lowered.arguments}
        source = self.source
        return net.Network(source.identity, inputs, stride, source.classes, tuple(stages), source.machine)

    @cached_property
    def _own_clip(self) -> dict[Path, tuple[Expr, ...]]:
        """The sizes that reach every layer of the stages of layers where the clip is the spec's own."""
        network = _Lowering(replace(self.source, clip=None), self.explicit).network()
        stages = [stage for stage in network.stages if stage.block is None]
        return {layer.origin: layer.inputs.sizes for stage in stages for layer in net.walk(stage)}

    def _factors(self, explicit: set[str]) -> Scope:
        scope: Scope = {}
        for name, factor in self.file.factors.items():
            derived = self.source.derived(name) and name not in explicit
            path = ("factors", name, "start")
            scope[name] = self.builder.build(factor.start, path, scope) if derived else variable(name)
        return scope

    def _options(self) -> Scope:
        return {
            name: value if isinstance(value, str) else constant(value)
            for name, value in self.source.options.items()
        }

    def _input(self) -> tuple[Shape, Expr | None]:
        keys, clip = self.file.input, self.source.clip

        def read(field: str) -> Expr:
            return self.builder.build(getattr(keys, field), ("input", field), self.scope)

        size = read("size") if clip is None else constant(clip.size)
        sizes: tuple[Expr, ...] = (size, size)
        if keys.frames is not None:
            frames = constant(clip.frames) if clip and clip.frames else read("frames")
            sizes = (frames, *sizes)
        stride = None if keys.stride is None else read("stride")
        return net.Shape(read("channels"), sizes), stride

    def _stage(self, stage: schema.Stage, path: Path, shape: Shape) -> net.Stage[Expr]:
        scope: Scope = {**self.scope, "width_in": shape.channels}
        repeat = self.builder.build(stage.repeat, (*path, "repeat"), scope)
        if isinstance(repeat.value, Root):  # of which no sum could be taken
            self.builder.report((*path, "repeat"), f"repeat {brief(repeat.value)} is not a whole number")
        body = self._body(stage, path)
        first, outputs, arguments = self._block(body, 0, shape)
        rest: list[Layers] = []
        rest_arguments: list[tuple[tuple[str, Expr], ...]] = []
        if repeat is not ONE and not self.builder.problems:
            for residue in range(body.period):
                if not _occurs(residue, body.period, repeat):
                    rest.append(())
                    rest_arguments.append(())
                    continue
                layers, values = self._following(body, residue, outputs)
                rest.append(layers)
                rest_arguments.append(_numbers(values))
        return net.Stage(
            stage.name,
            stage.block,
            path,
            _numbers(arguments),
            repeat,
            "repeat" in stage.model_fields_set,
            first,
            tuple(rest),
            tuple(rest_arguments),
            shape,
            outputs,
        )

    def _body(self, stage: schema.Stage, path: Path) -> _Body:
        if stage.layers is not None:
            items, origin = stage.layers, (*path, "layers")
            names = layer_names(items, origin, stage.name)
            return _Body(items, origin, {}, path, names, self._period(items, stage, path))
        block, values = self.file.blocks[stage.block or ""], stage.model_extra or {}
        items, origin = block.layers, ("blocks", stage.block or "", "layers")
        arguments = {name: values[name] for name in block.arguments}
        names = layer_names(items, origin, None)
        return _Body(items, origin, arguments, path, names, self._period(items, stage, path))

    def _period(self, items: list[LayerItem], stage: schema.Stage, path: Path) -> int:
        trees = [*(tree for _, tree in expressions(items)), *(stage.model_extra or {}).values()]
        period = math.lcm(*(length for tree in trees for length in cycles(tree)))
        if period > MAX_PERIOD:
            self.builder.report(path, f"its cycles repeat only every {period} blocks; at most {MAX_PERIOD}")
            return 1
        return period

    def _block(self, body: _Body, index: int, inputs: Shape) -> tuple[Layers, Shape, Scope]:
        """The block at an index of the stage: its layers, the shape behind it, its arguments' values."""
        scope: Scope = {**self.scope, "width_in": inputs.channels}
        arguments: Scope = {}
        for name, tree in body.arguments.items():
            value = self.builder.build(tree, (*body.stage, name), {**scope, **arguments}, index)
            arguments[name] = ONE if index and _is_stride(name) else value
        place = Place({**scope, **arguments}, index, body.names)
        layers, outputs = lower_layers(self.builder, body.items, body.path, place, inputs)
        return layers, outputs, arguments

    def _following(self, body: _Body, residue: int, outputs: Shape) -> tuple[Layers, Scope]:
        """A block that follows the first one: its layers, and its arguments' values.

        Index 0 is the first block, whose strides count; what follows it in the same phase has index
        `period`, and the input that the first block left.
        """
        layers, after, arguments = self._block(body, residue or body.period, outputs)
        if after != outputs:
            self.builder.report(body.stage, "only blocks that keep their shape can follow the first one")
        return layers, arguments


def _occurs(residue: int, period: int, repeat: Expr) -> bool:
    """Whether a stage has a block of this phase behind its first one, as far as can be told here."""
    return repeat.value is None or (residue or period) < repeat.value


def _numbers(scope: Scope) -> tuple[tuple[str, Expr], ...]:
    return tuple((name, value) for name, value in scope.items() if isinstance(value, Expr))


def _is_stride(name: str) -> bool:
    return name == "stride" or name.endswith("_stride")
