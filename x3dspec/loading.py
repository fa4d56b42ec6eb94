"""From a file to a checked document: bases followed, models validated, every name known.

All that can be found wrong without giving a factor its value is found here, in one pass over the
whole file, and raised together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from x3dspec import assets, spec
from x3dspec.document import Document, Path, read
from x3dspec.errors import Problem, SpecError, nearest, unknown
from x3dspec.exact import Exact
from x3dspec.expr import build
from x3dspec.network import Identity
from x3dspec.syntax import ExpressionError, Syntax, names, parse

M = TypeVar("M", spec.NetworkFile, spec.PresetFile)

#: A preset of a preset of a preset is already hard to follow.
MAX_BASES = 8
_TEMPLATE_CLASSES = frozenset({"SqueezeExcite", "F", "Tensor", "Any", "Module"})


@dataclass(frozen=True)
class Origin:
    """A file that the network was read from. `label` is the same on every machine."""

    label: str
    sha256: str
    path: FilePath


@dataclass(frozen=True)
class Source:
    """A checked spec: the network's own document and what presets and the user set in it.

    `options` has every option's value, `chosen` those that the user set by hand.
    """

    identity: Identity
    origins: tuple[Origin, ...]
    document: Document
    network: spec.NetworkFile
    factors: Mapping[str, Exact]
    options: Mapping[str, int | str]
    classes: int
    clip: spec.Clip | None
    chosen: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def display(self) -> str:
        return self.origins[0].label

    def derived(self, factor: str) -> bool:
        """Whether a factor's start follows from other factors."""
        return any(True for _ in names(self.network.factors[factor].start))

    def choose(self, name: str, value: int | str, where: Problem | None = None) -> Source:
        """The same spec with one option (or ``classes``) set.

        Raises:
            SpecError: an unknown option or a choice it does not have; at `where`, if given.
        """
        at = where or Problem("--set", 0, 0, name, "")
        if name == "classes":
            if not isinstance(value, int) or not 1 <= value <= 1_000_000:
                raise SpecError([replace(at, message="must be a whole number from 1 to 1000000")])
            return replace(self, classes=value)
        options = self.network.options
        if name not in options:
            message = unknown("option", name, [*options, "classes"])
            raise SpecError([replace(at, message=message)])
        choices = options[name].choices
        if value not in choices:
            listed = [str(choice) for choice in choices]
            message = unknown("choice", str(value), listed, f"{name} is one of")
            raise SpecError([replace(at, message=message)])
        return replace(self, options={**self.options, name: value})


def load_source(name: str) -> Source:
    """Read a spec and the bases it names.

    Raises:
        SpecError: with every problem of the first file that has any.
    """
    path, display = assets.find(name)
    return _follow(path, display, ())


def _follow(path: FilePath, display: str, above: tuple[FilePath, ...]) -> Source:
    document = read(path, display)
    if not isinstance(document.data, dict) or "base" not in document.data:
        return _whole(document, path)
    preset = _validated(spec.PresetFile, document)
    here = path.resolve()
    chain = (*above, here)
    base, base_display = _base(preset.base, document, here)
    if base.resolve() in chain:
        cycle = " -> ".join(p.stem for p in (*chain, base))
        raise SpecError([document.problem(("base",), f"bases form a cycle: {cycle}")])
    if len(chain) > MAX_BASES:
        raise SpecError([document.problem(("base",), f"more than {MAX_BASES} bases in a row")])
    return _preset(preset, document, path, _follow(base, base_display, chain))


def _base(name: str, document: Document, here: FilePath) -> tuple[FilePath, str]:
    """A base is beside its preset or shipped; a link that leaves the folder is not followed."""
    beside = here.parent / f"{name}.yaml"
    if beside.is_file() and beside.resolve().parent == here.parent:
        return beside, str(FilePath(document.source).parent / beside.name)
    shipped = assets.shipped()
    if name in shipped:
        return shipped[name], f"specs/{name}.yaml"
    known = sorted({p.stem for p in here.parent.glob("*.yaml")} - {here.stem} | set(shipped))
    message = unknown("base", name, known, "beside this file or shipped are")
    raise SpecError([document.problem(("base",), message)])


def _origin(document: Document, path: FilePath) -> Origin:
    label = f"specs/{path.name}" if assets.is_shipped(path) else path.name
    return Origin(label, document.sha256, path)


def _whole(document: Document, path: FilePath) -> Source:
    file = _validated(spec.NetworkFile, document)
    problems = list(_Check(document, file).problems())
    if problems:
        raise SpecError(problems)
    identity = Identity(
        file.name, file.title, file.source, file.class_name or _cap_words(file.name), file.license
    )
    options = {name: option.default for name, option in file.options.items()}
    return Source(identity, (_origin(document, path),), document, file, {}, options, file.classes, None)


def _preset(preset: spec.PresetFile, document: Document, path: FilePath, base: Source) -> Source:
    problems: list[Problem] = []
    factors: dict[str, Exact] = {}
    for name, tree in preset.factors.items():
        where: Path = ("factors", name)
        if name not in base.network.factors:
            message = unknown("factor", name, base.network.factors, f"{preset.base} has")
            problems.append(document.problem(where, message, key=True))
            continue
        try:
            factors[name] = number(tree)
        except ExpressionError as error:
            problems.append(document.problem(where, str(error)))
    source = base
    for name, value in preset.set.items():
        try:
            source = source.choose(name, value, document.problem(("set", name), ""))
        except SpecError as error:
            problems += error.problems
    if preset.clip and preset.clip.frames and base.network.input.frames is None:
        problems.append(document.problem(("clip", "frames"), "the base is 2-D: it has no frames"))
    if problems:
        raise SpecError(problems)
    identity = replace(
        base.identity,
        name=preset.name,
        title=preset.title,
        source=preset.source or base.identity.source,
    )
    return replace(
        source,
        identity=identity,
        origins=(_origin(document, path), *base.origins),
        factors={**base.factors, **factors},
        clip=preset.clip or base.clip,
    )


def number(tree: Syntax) -> Exact:
    """The value of an expression that depends on nothing.

    Raises:
        ExpressionError: it reads a name, or has no value.
    """
    value = build(tree, {}).value
    if value is None:
        raise ExpressionError("must be a number")
    return value


def parse_number(text: str) -> Exact:
    """The exact number that a person typed: ``2``, ``11/5``, ``1.45``, ``sqrt(2)``."""
    return number(parse(text))


def _cap_words(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _validated(model: type[M], document: Document) -> M:
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(model, document, each) for each in error.errors(include_url=False)]
        raise SpecError(problems) from None


def _problem(model: type[M], document: Document, error: Any) -> Problem:
    """What pydantic found, said as the rest of our messages are."""
    path: Path = tuple(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if path and path[-1] == "[key]":
        return document.problem(path[:-1], error["msg"], key=True)
    if kind == "extra_forbidden":
        known = spec.keys_at(model, path[:-1])
        word = "layer" if "conv" in known else "key"
        owner = "the layers are" if word == "layer" else "the keys here are"
        return document.problem(path, unknown(word, str(path[-1]), known, owner), key=True)
    if kind == "missing":
        keys = ", ".join(spec.keys_at(model, path[:-1]))
        message = f"missing key {path[-1]!r}; the keys here are {keys}"
        return document.problem(path[:-1], message)
    plain = {
        "string_type": "must be text",
        "int_type": "must be a whole number",
        "bool_type": "must be true or false",
        "float_type": "must be a number",
        "list_type": "must be a list",
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping",
        "model_attributes_type": "must be a mapping",
    }
    if kind in plain:
        return document.problem(path, plain[kind])
    if kind == "literal_error":
        return document.problem(path, f"must be {context['expected']}")
    message = error["msg"]
    return document.problem(path, message[:1].lower() + message[1:])


class _Check:
    """Every name in a document, against what it may name."""

    def __init__(self, document: Document, file: spec.NetworkFile) -> None:
        self.document = document
        self.file = file
        self.globals = [*file.factors, *file.options, "classes"]

    def problems(self) -> Iterator[Problem]:
        yield from self._factors()
        yield from self._options()
        yield from self._axes()
        yield from self._published()
        for path, tree in spec.expressions(self.file.input, ("input",)):
            yield from self._known(path, tree, self.globals)
        yield from self._blocks()
        yield from self._stages()
        yield from self._classes()

    def _say(self, path: Path, message: str, *, key: bool = False) -> Problem:
        return self.document.problem(path, message, key=key)

    def _known(self, path: Path, tree: Syntax, scope: Collection[str]) -> Iterator[Problem]:
        for name in dict.fromkeys(names(tree)):
            if name not in scope:
                guess = nearest(name, scope)
                factor = guess is None or guess in self.file.factors
                listed = self.file.factors if factor else scope
                kind = "factor" if factor and "." not in name else "name"
                yield self._say(path, unknown(kind, name, listed))

    def _factors(self) -> Iterator[Problem]:
        for index, (name, factor) in enumerate(self.file.factors.items()):
            before = list(self.file.factors)[:index]
            yield from self._known(("factors", name, "start"), factor.start, before)
            for field in ("grid", "min", "max"):
                tree = getattr(factor, field)
                if tree is not None:
                    yield from self._constant(("factors", name, field), tree, positive=field == "grid")

    def _constant(self, path: Path, tree: Syntax, *, positive: bool = False) -> Iterator[Problem]:
        try:
            value = number(tree)
        except ExpressionError as error:
            yield self._say(path, str(error))
        else:
            if positive and value <= 0:
                yield self._say(path, "must be above 0")

    def _options(self) -> Iterator[Problem]:
        for name, option in self.file.options.items():
            if name in self.file.factors:
                yield self._say(("options", name), "is also the name of a factor", key=True)
            if option.default not in option.choices:
                choices = ", ".join(map(str, option.choices))
                yield self._say(("options", name, "default"), f"must be one of its choices: {choices}")
            if len({type(choice) for choice in option.choices}) > 1:
                yield self._say(("options", name, "choices"), "must be all numbers or all names")

    def _axes(self) -> Iterator[Problem]:
        for axis, changes in self.file.axes.items():
            if not changes:
                yield self._say(("axes", axis), "must change at least one factor")
            for factor, tree in changes.items():
                path: Path = ("axes", axis, factor)
                if factor not in self.file.factors:
                    yield self._say(path, unknown("factor", factor, self.file.factors), key=True)
                yield from self._known(path, tree, [*self.file.factors, "m"])

    def _published(self) -> Iterator[Problem]:
        for index, step in enumerate(self.file.published):
            here: Path = ("published", index)
            if step.axis not in self.file.axes:
                yield self._say((*here, "axis"), unknown("axis", step.axis, self.file.axes))
            for field in ("to", "contracted"):
                for factor, tree in (getattr(step, field) or {}).items():
                    path = (*here, field, factor)
                    if factor not in self.file.factors:
                        yield self._say(path, unknown("factor", factor, self.file.factors), key=True)
                    yield from self._constant(path, tree)

    def _blocks(self) -> Iterator[Problem]:
        for name, block in self.file.blocks.items():
            scope = [*self.globals, *block.arguments, "width_in", "channels"]
            for path, tree in spec.expressions(block.layers, ("blocks", name, "layers")):
                yield from self._known(path, tree, scope)
            yield from self._layer_names(block.layers, ("blocks", name, "layers"))

    def _layer_names(self, items: list[spec.LayerItem], path: Path) -> Iterator[Problem]:
        taken: set[str] = set()
        for where, item in spec.layer_items(items, path):
            name = item.body.name
            if name in taken:
                yield self._say((*where, "name"), f"a second layer named {name!r}")
            taken.add(name or "")

    def _stages(self) -> Iterator[Problem]:
        taken: dict[str, None] = {}
        arguments: list[str] = []
        for index, stage in enumerate(self.file.stages):
            path: Path = ("stages", index)
            if stage.name in taken:
                yield self._say((*path, "name"), f"a second stage named {stage.name!r}")
            taken[stage.name] = None
            scope = [*self.globals, *arguments, "width_in"]
            yield from self._known((*path, "repeat"), stage.repeat, scope)
            if stage.layers is not None:
                for where, tree in spec.expressions(stage.layers, (*path, "layers")):
                    yield from self._known(where, tree, [*scope, "channels"])
                yield from self._layer_names(stage.layers, (*path, "layers"))
            elif stage.block not in self.file.blocks:
                yield self._say((*path, "block"), unknown("block", str(stage.block), self.file.blocks))
            else:
                yield from self._arguments(stage, path, scope)
                arguments += [f"{stage.name}.{name}" for name in stage.model_extra or {}]

    def _arguments(self, stage: spec.Stage, path: Path, scope: list[str]) -> Iterator[Problem]:
        taken = self.file.blocks[stage.block or ""].arguments
        given = stage.model_extra or {}
        for name in given:
            if name not in taken:
                owner = f"block {stage.block} takes"
                yield self._say((*path, name), unknown("key", name, taken, owner), key=True)
        for index, name in enumerate(taken):
            if name not in given:
                yield self._say(path, f"missing key {name!r}, an argument of block {stage.block}")
            else:
                yield from self._known((*path, name), given[name], [*scope, *taken[:index]])

    def _classes(self) -> Iterator[Problem]:
        """The emitted module's classes must be told apart."""
        taken = dict.fromkeys(_TEMPLATE_CLASSES, "the emitted module's own")
        taken[self.file.class_name or _cap_words(self.file.name)] = "the network's"
        for name in self.file.blocks:
            word = _cap_words(name)
            if word in taken:
                message = f"its class {word} would be {taken[word]}"
                yield self._say(("blocks", name), message, key=True)
            taken[word] = f"that of block {name}"
