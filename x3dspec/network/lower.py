"""A document becomes a network of expressions: names get their meaning, layers their shapes.

Options and classes are settled here; factors stay symbolic until :mod:`x3dspec.network.bind`. A stage is
lowered twice at most per phase of its block: once as its first block (whose strides count and whose
input is what came before) and once as the blocks that follow, which must keep their shape.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from x3dspec.language import layer_keys, schema, traversal
from x3dspec.language.errors import Problem, SpecError
from x3dspec.language.expressions import ONE, ZERO, Expr, add, constant, multiply, negation, variable
from x3dspec.language.grammar import MAX_OPERATIONS
from x3dspec.language.meaning import build
from x3dspec.language.numbers import ExactError
from x3dspec.language.paths import Path
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError, Syntax, cycles, size
from x3dspec.network import layers as net
from x3dspec.network.layers.reader import Reader

Scope = dict[str, "Expr | str"]
Shape = net.Shape[Expr]
Layers = tuple[net.Layer[Expr], ...]

#: Blocks that alternate do so with a short period; the bound keeps a hostile spec from 64**8 phases.
MAX_PERIOD = 64
#: Layers of all distinct blocks of all stages. X2D has 168; aliases and cycles could ask for millions.
MAX_LAYERS = 4096


def lower(source: Source, explicit: Collection[str] = ()) -> net.Network[Expr]:
    """The network of `source`, symbolic in its factors.

    A factor whose start follows from other factors is replaced by that expression, unless it is
    named in `explicit`, that is, set by hand.

    Raises:
        SpecError: with every problem of the first stage that has any.
    """
    return _Lowering(source, {*explicit, *source.factors}).network()


@dataclass(frozen=True)
class _Place:
    """Where a block stands: what its expressions may read, and its position in the stage."""

    scope: Mapping[str, Expr | str]
    index: int
    names: Mapping[Path, str]


class _Lowering:
    def __init__(self, source: Source, explicit: set[str]) -> None:
        self.source = source
        self.file = source.network
        self.problems: list[Problem] = []
        self.stage = ""
        self.layers = 0
        self.operations = 0
        self.scope: Scope = {**self._factors(explicit), **self._options()}
        self.scope["classes"] = constant(source.classes)

    def network(self) -> net.Network[Expr]:
        inputs, stride = self._input()
        stages: list[net.Stage[Expr]] = []
        shape = inputs
        for index, stage in enumerate(self.file.stages):
            self._stop_at_problems()
            self.stage = stage.name
            lowered = self._stage(stage, ("stages", index), shape)
            self._stop_at_problems()
            stages.append(lowered)
            shape = lowered.outputs
            self.scope |= {f"{stage.name}.{name}": value for name, value in lowered.arguments}
        return net.Network(self.source.identity, inputs, stride, self.source.classes, tuple(stages))

    def _stop_at_problems(self) -> None:
        if self.problems:
            raise SpecError(self.problems)

    def _report(self, path: Path, message: str) -> None:
        # Many stages may use a block: which of them is not to be seen from the block's own line.
        where = f"stage {self.stage}: " if path[:1] == ("blocks",) else ""
        self.problems.append(self.source.document.problem(path, where + message))

    def _build(self, tree: Syntax, path: Path, scope: Mapping[str, Expr | str], index: int = 0) -> Expr:
        """The expression at `path`; where it has none, the problem is kept and 1 stands in."""
        self.operations += size(tree)
        if self.operations > MAX_OPERATIONS:
            self._report(path, f"in all stages, more than {MAX_OPERATIONS} operations")
            self._stop_at_problems()
        try:
            return build(tree, scope, index)
        except ExpressionError as error:
            self._report(path, str(error))
            return ONE

    def _factors(self, explicit: set[str]) -> Scope:
        scope: Scope = {}
        for name, factor in self.file.factors.items():
            derived = self.source.derived(name) and name not in explicit
            path = ("factors", name, "start")
            scope[name] = self._build(factor.start, path, scope) if derived else variable(name)
        return scope

    def _options(self) -> Scope:
        return {
            name: value if isinstance(value, str) else constant(value)
            for name, value in self.source.options.items()
        }

    def _input(self) -> tuple[Shape, Expr | None]:
        given, clip = self.file.input, self.source.clip

        def read(field: str) -> Expr:
            return self._build(getattr(given, field), ("input", field), self.scope)

        size = read("size") if clip is None else constant(clip.size)
        sizes: tuple[Expr, ...] = (size, size)
        if given.frames is not None:
            frames = constant(clip.frames) if clip and clip.frames else read("frames")
            sizes = (frames, *sizes)
        stride = None if given.stride is None else read("stride")
        return net.Shape(read("channels"), sizes), stride

    def _stage(self, stage: schema.Stage, path: Path, shape: Shape) -> net.Stage[Expr]:
        scope: Scope = {**self.scope, "width_in": shape.channels}
        repeat = self._build(stage.repeat, (*path, "repeat"), scope)
        items, origin, arguments = self._body(stage, path)
        period = self._period(items, stage, path)
        names = _layer_names(items, origin, stage.name if stage.block is None else None)

        def phase(index: int, inputs: Shape) -> tuple[Layers, Shape, Scope]:
            given = self._arguments(arguments, path, {**scope, "width_in": inputs.channels}, index)
            place = _Place({**scope, "width_in": inputs.channels, **given}, index, names)
            body, outputs = self._layers(items, origin, place, inputs)
            return body, outputs, given

        first, outputs, given = phase(0, shape)
        rest, rest_arguments = [], []
        if repeat is not ONE and not self.problems:
            for residue in range(period):
                # Index 0 is the first block, whose strides count; what follows it in the same
                # phase has index `period`, and the input that the first block left.
                body, after, values = phase(residue or period, outputs)
                rest.append(body)
                rest_arguments.append(_numbers(values))
                if after != outputs:
                    self._report(path, "only blocks that keep their shape can follow the first one")
        return net.Stage(
            stage.name,
            stage.block,
            path,
            _numbers(given),
            repeat,
            "repeat" in stage.model_fields_set,
            first,
            tuple(rest),
            tuple(rest_arguments),
            shape,
            outputs,
        )

    def _body(
        self, stage: schema.Stage, path: Path
    ) -> tuple[list[layer_keys.LayerItem], Path, dict[str, Syntax]]:
        """The stage's layers, where they are written, and the arguments they are given."""
        if stage.layers is not None:
            return stage.layers, (*path, "layers"), {}
        block = self.file.blocks[stage.block or ""]
        given = stage.model_extra or {}
        return (
            block.layers,
            ("blocks", stage.block or "", "layers"),
            {n: given[n] for n in block.arguments},
        )

    def _arguments(self, given: dict[str, Syntax], path: Path, scope: Scope, index: int) -> Scope:
        values: Scope = {}
        for name, tree in given.items():
            value = self._build(tree, (*path, name), {**scope, **values}, index)
            values[name] = ONE if index and _is_stride(name) else value
        return values

    def _period(self, items: list[layer_keys.LayerItem], stage: schema.Stage, path: Path) -> int:
        trees = [*_syntaxes(items), *(stage.model_extra or {}).values()]
        period = math.lcm(*(length for tree in trees for length in cycles(tree)))
        if period > MAX_PERIOD:
            self._report(path, f"its cycles repeat only every {period} blocks; at most {MAX_PERIOD}")
            return 1
        return period

    def _layers(
        self,
        items: list[layer_keys.LayerItem],
        path: Path,
        place: _Place,
        shape: Shape,
        given: Expr = ONE,
    ) -> tuple[Layers, Shape]:
        """Lower a sequence of layers; `given` is the condition that the whole sequence hangs on."""
        lowered: list[net.Layer[Expr]] = []
        for index, item in enumerate(items):
            here = (*path, index, item.kind)
            self._count_layer(here)
            try:
                layer = self._layer(item, here, place, shape, given)
            except (ExpressionError, ExactError) as error:
                self._report(here, str(error))
                continue
            if layer is None:
                continue
            if isinstance(layer, net.Residual) and layer.when is ZERO:
                lowered += layer.branch  # a residual that never adds is its branch
            else:
                lowered.append(layer)
            shape = layer.outputs
        return tuple(lowered), shape

    def _count_layer(self, path: Path) -> None:
        self.layers += 1
        if self.layers > MAX_LAYERS:
            self._report(path, f"more than {MAX_LAYERS} layers in all distinct blocks")
            self._stop_at_problems()

    def _layer(
        self, item: layer_keys.LayerItem, path: Path, place: _Place, shape: Shape, given: Expr
    ) -> net.Layer[Expr] | None:
        """One layer; None where it is never there, or is reported."""
        scope = {**place.scope, "channels": shape.channels}
        when = given
        if item.body.when is not None:
            when = multiply(given, self._build(item.body.when, (*path, "when"), scope, place.index))
        if when is ZERO and not isinstance(item.body, layer_keys.Residual):
            return None
        base = {"name": place.names.get(path, ""), "origin": path, "when": when, "inputs": shape}
        layer = net.KINDS[item.kind].lower(self._reader(item, base, replace(place, scope=scope)))
        if layer is None or isinstance(layer, net.Residual):
            return layer
        return replace(layer, outputs=_selected(when, layer.outputs, shape))

    def _reader(self, item: layer_keys.LayerItem, base: dict[str, Any], place: _Place) -> Reader:
        def build(tree: Syntax, path: Path) -> Expr:
            return self._build(tree, path, place.scope, place.index)

        def body(items: list[layer_keys.LayerItem], path: Path, given: Expr) -> tuple[Layers, Shape]:
            return self._layers(items, path, place, base["inputs"], given)

        return Reader(item.kind, item.body, base, build, self._report, body)


def _numbers(scope: Scope) -> tuple[tuple[str, Expr], ...]:
    return tuple((name, value) for name, value in scope.items() if isinstance(value, Expr))


def _is_stride(name: str) -> bool:
    return name == "stride" or name.endswith("_stride")


def _selected(when: Expr, there: Shape, absent: Shape) -> Shape:
    """The shape behind a layer that may be absent."""
    if when is ONE or there == absent or len(there.sizes) != len(absent.sizes):
        return there

    def select(a: Expr, b: Expr) -> Expr:
        return a if a is b else add(multiply(when, a), multiply(negation(when), b))

    pairs = zip(there.sizes, absent.sizes, strict=True)
    return net.Shape(select(there.channels, absent.channels), tuple(select(a, b) for a, b in pairs))


def _syntaxes(items: list[layer_keys.LayerItem]) -> Iterator[Syntax]:
    for _, tree in traversal.expressions(items):
        yield tree


def _layer_names(items: list[layer_keys.LayerItem], origin: Path, stage: str | None) -> dict[Path, str]:
    """An attribute name for every layer: its own, or its kind's, numbered where there are several.

    In a stage of layers (`stage` is its name) a convolution or linear layer is called as the stage.
    """
    placed = list(layer_keys.layer_items(items, origin))
    bases = [item.body.name or _default_name(item.kind, path, stage) for path, item in placed]
    several = Counter(bases)
    given = {item.body.name for _, item in placed}
    taken: Counter[str] = Counter()
    names: dict[Path, str] = {}
    for (path, item), base in zip(placed, bases, strict=True):
        taken[base] += 1
        while item.body.name is None and f"{base}{taken[base]}" in given:
            taken[base] += 1
        numbered = several[base] > 1 and item.body.name is None
        names[path] = f"{base}{taken[base]}" if numbered else base
    return names


def _default_name(kind: str, path: Path, stage: str | None) -> str:
    if stage is None:
        return f"shortcut_{kind}" if "shortcut" in path else kind
    return stage if kind in ("conv", "linear") else f"{stage}_{kind}"
