"""From a file to a checked document: bases followed, models validated, every name known.

All that can be found wrong without giving a factor its value is found here, in one pass over the
whole file, and raised together.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path as FilePath

from x3dspec.language import numbers as exact
from x3dspec.language import schema
from x3dspec.language import shipped as assets
from x3dspec.language.document import Document, Path, read
from x3dspec.language.errors import MAX_SHOWN, Problem, SpecError, nearest, printable, shown, unknown
from x3dspec.language.expressions import build, variable
from x3dspec.language.grammar import MAX_OPERATIONS, ExpressionError, Syntax, cycles, names, parse, size
from x3dspec.language.linear import slope
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.wording import MAX_PROBLEMS, validated

#: A preset of a preset of a preset is already hard to follow.
MAX_BASES = 8
#: Unknown names of a file that get a hint: the nearest of a thousand names takes its time.
MAX_HINTS = 8
#: No factor of a network is larger, nor smaller than its inverse; products of a few are floats.
MAX_FACTOR = 10**12
_SIZED = "between 1e-12 and 1e12 in size"
#: What the emitted modules of all forms call their own.
_TEMPLATE_CLASSES = frozenset(
    {"F", "Tensor", "Any", "Module", "SqueezeExcite"}
    | {"FrameConv", "TimeConv", "Projection"}
    | {"ClipConv", "ClipMaxPool", "ClipAvgPool"}
    | {"Stream", "StepConv", "Delay", "RunningMean"}
)


@dataclass(frozen=True)
class Identity:
    """Who the network is: what the emitted file says of itself."""

    name: str
    title: str
    source: str
    class_name: str
    license: str


@dataclass(frozen=True)
class Origin:
    """A file that the network was read from. `label` is printable, and the same on every machine."""

    label: str
    sha256: str
    path: FilePath


@dataclass(frozen=True)
class Source:
    """A checked spec: the network's own document and what presets and the user set in it.

    `options` has every option's value, `chosen` those that the user set by hand, and `own` what these
    were before. `accuracy` is what this very file prints; a base's is not its presets'.
    """

    identity: Identity
    origins: tuple[Origin, ...]
    document: Document
    network: schema.NetworkFile
    factors: Mapping[str, Exact]
    options: Mapping[str, int | str]
    classes: int
    clip: schema.Clip | None
    chosen: Mapping[str, int | str] = field(default_factory=dict)
    own: Mapping[str, int | str] = field(default_factory=dict)
    accuracy: schema.Accuracy | None = None

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
        at = where or Problem("", 0, 0, name, "")
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
    _expect(path, display)
    return _follow(path, display, ())


def _expect(path: FilePath, display: str) -> None:
    """A file that is not there may have an ending, or be a shipped spec, misspelt or sought elsewhere."""
    name = path.name.removesuffix(".yaml")
    if len(name) > MAX_SHOWN or os.path.lexists(path):
        return
    if os.path.lexists(f"{path}.yaml"):
        raise SpecError.at(display, f"no such file; did you mean {printable(f'{path}.yaml')}?")
    guess = nearest(name.lower().replace("-", "_"), assets.shipped())
    if guess:
        raise SpecError.at(display, f"no such file; did you mean the shipped {guess}?")


def _follow(path: FilePath, display: str, above: tuple[FilePath, ...]) -> Source:
    document = read(path, display)
    if not isinstance(document.data, dict) or "base" not in document.data:
        return _whole(document, path)
    preset = validated(schema.PresetFile, document)
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
    if _stays(beside):
        return beside, str(FilePath(document.source).parent / beside.name)
    shipped = assets.shipped()
    if name in shipped:
        return shipped[name], f"specs/{name}.yaml"
    files = (path for path in here.parent.glob("*.yaml") if schema.is_name(path.stem) and _stays(path))
    beside_here = {path.stem for path in files} - {here.stem}
    message = unknown("base", name, sorted(beside_here | set(shipped)), "beside this file or shipped are")
    raise SpecError([document.problem(("base",), message)])


def _stays(path: FilePath) -> bool:
    """Whether this is a file of its own folder."""
    return path.is_file() and path.resolve().parent == path.parent


def _origin(document: Document, path: FilePath) -> Origin:
    label = f"specs/{path.name}" if assets.is_shipped(path) else path.name
    return Origin(printable(label), document.sha256, path)


@lru_cache(maxsize=64)
def _whole(document: Document, path: FilePath) -> Source:
    file = validated(schema.NetworkFile, document)
    problems = list(islice(_Check(document, file).problems(), MAX_PROBLEMS))
    if problems:
        raise SpecError(problems)
    identity = Identity(
        file.name, file.title, file.source, file.class_name or class_name(file.name), file.license
    )
    options = {name: option.default for name, option in file.options.items()}
    origins = (_origin(document, path),)
    return Source(
        identity, origins, document, file, {}, options, file.classes, None, accuracy=file.published_accuracy
    )


def _preset(preset: schema.PresetFile, document: Document, path: FilePath, base: Source) -> Source:
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
            continue
        refusal = outside(base, name, factors[name])
        if refusal:
            problems.append(document.problem(where, refusal))
    source = base
    for name, value in preset.set.items():
        try:
            source = source.choose(name, value, document.problem(("set", name), ""))
        except SpecError as error:
            problems += error.problems
    if preset.clip and preset.clip.frames and base.network.input.frames is None:
        problems.append(document.problem(("clip", "frames"), "the base is 2-D: it has no frames"))
    if preset.name in {base.identity.class_name, *map(class_name, base.network.blocks)}:
        problems.append(document.problem(("name",), f"is also the name of a class of {preset.base}"))
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
        accuracy=preset.published_accuracy,
    )


def number(tree: Syntax) -> Exact:
    """The value of an expression that depends on nothing.

    Raises:
        ExpressionError: it reads a name, or has no value.
    """
    for name in names(tree):
        raise ExpressionError(f"must be a number: {name} has no value here")
    if any(cycles(tree)):
        raise ExpressionError("must be a number: cycle alternates between the blocks of a stage")
    value = build(tree, {}).value
    assert value is not None, "an expression without names folds to a constant"
    return value


def parse_number(text: str) -> Exact:
    """The exact number that a person typed: ``2``, ``11/5``, ``1.45``, ``sqrt(2)``.

    Raises:
        ExpressionError: it is no such number.
    """
    return number(parse(text))


def outside(source: Source, name: str, value: Exact) -> str | None:
    """Why a factor cannot have this value, or None where it can."""
    factor = source.network.factors[name]
    low = None if factor.min is None else number(factor.min)
    high = None if factor.max is None else number(factor.max)
    try:
        if not sized(value):
            bound = _SIZED
        elif low is None and value <= 0:
            bound = "above 0"
        elif low is not None and value < low:
            bound = f"at least {brief(low)}"
        elif high is not None and value > high:
            bound = f"at most {brief(high)}"
        else:
            return None
    except ExactError as error:
        return f"{name} = {brief(value)}: {error}"
    return f"{name} = {brief(value)} must be {bound}"


def sized(value: Exact) -> bool:
    """Whether a number is of a size that a factor may have; 0 is."""
    size = value if value >= 0 else -value
    return not value or bool(Fraction(1, MAX_FACTOR) <= size <= MAX_FACTOR)


def brief(value: Exact) -> str:
    """A number as a message may show it."""
    text = exact.text(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def class_name(name: str) -> str:
    """The class that the emitted module calls after a spec or a block: ``x3d_m`` is X3dM."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


class _Check:
    """Every name in a document, against what it may name."""

    def __init__(self, document: Document, file: schema.NetworkFile) -> None:
        self.document = document
        self.file = file
        self.unknown = 0
        self.globals = [*file.factors, *file.options, "classes"]

    def problems(self) -> Iterator[Problem]:
        excess = self._excess()
        if excess is not None:
            yield self._say(excess, f"in all expressions, more than {MAX_OPERATIONS} operations")
            return  # looking at each of them is what would take long
        yield from self._factors()
        yield from self._options()
        yield from self._axes()
        yield from self._published()
        for path, tree in schema.expressions(self.file.input, ("input",)):
            yield from self._single(path, tree, self.globals)
        yield from self._blocks()
        yield from self._stages()
        yield from self._classes()

    def _excess(self) -> Path | None:
        """The first expression that is beyond what a file may have in all."""
        operations = 0
        for path, tree in schema.expressions(self.file):
            operations += size(tree)
            if operations > MAX_OPERATIONS:
                return path
        return None

    def _say(self, path: Path, message: str, *, key: bool = False) -> Problem:
        return self.document.problem(path, message, key=key)

    def _known(
        self, path: Path, tree: Syntax, scope: Collection[str], owner: str = "this spec has"
    ) -> Iterator[Problem]:
        for name in dict.fromkeys(names(tree)):
            if name in scope:
                continue
            self.unknown += 1
            if self.unknown > MAX_HINTS:
                yield self._say(path, f"unknown name {shown(name)}")
                continue
            factors = [factor for factor in self.file.factors if factor in scope]
            if nearest(name, scope) in factors or len(factors) == len(scope):
                yield self._say(path, unknown("factor", name, factors, owner))
            else:
                yield self._say(path, unknown("name", name, scope, "the names here are"))

    def _single(
        self, path: Path, tree: Syntax, scope: Collection[str], owner: str = "this spec has"
    ) -> Iterator[Problem]:
        """As `_known`, where no blocks follow each other."""
        yield from self._known(path, tree, scope, owner)
        if any(cycles(tree)):
            yield self._say(path, "cycle alternates between the blocks of a stage, and here are none")

    def _factors(self) -> Iterator[Problem]:
        for index, (name, factor) in enumerate(self.file.factors.items()):
            path: Path = ("factors", name)
            before = list(self.file.factors)[:index]
            yield from self._single((*path, "start"), factor.start, before, "the factors before it are")
            for key in ("grid", "min", "max"):
                tree = getattr(factor, key)
                if tree is not None:
                    yield from self._constant((*path, key), tree, positive=key != "min")
            yield from self._range(path, factor)

    def _range(self, path: Path, factor: schema.Factor) -> Iterator[Problem]:
        if factor.min is None or factor.max is None:
            return
        try:
            if number(factor.min) > number(factor.max):
                yield self._say((*path, "min"), "must not be above max")
        except (ExpressionError, ExactError):
            return  # what has no value, `_constant` has said

    def _constant(self, path: Path, tree: Syntax, *, positive: bool) -> Iterator[Problem]:
        try:
            value = number(tree)
            if value <= 0 and positive:
                yield self._say(path, "must be above 0")
            elif not sized(value):
                yield self._say(path, f"must be {_SIZED}")
        except (ExpressionError, ExactError) as error:
            yield self._say(path, str(error))

    def _options(self) -> Iterator[Problem]:
        for name, option in self.file.options.items():
            if name in self.file.factors:
                yield self._say(("options", name), "is also the name of a factor", key=True)
            if option.default not in option.choices:
                message = unknown("choice", str(option.default), map(str, option.choices), "the choices are")
                yield self._say(("options", name, "default"), message)
            if len({type(choice) for choice in option.choices}) > 1:
                yield self._say(("options", name, "choices"), "must be all whole numbers or all names")

    def _axes(self) -> Iterator[Problem]:
        scope = [*self.file.factors, "m"]
        for axis, changes in self.file.axes.items():
            moves = any("m" in names(tree) for tree in changes.values())
            if not moves:
                yield self._say(("axes", axis), "changes nothing: one of its factors must depend on m")
            for factor, tree in changes.items():
                path: Path = ("axes", axis, factor)
                if factor not in self.file.factors:
                    yield self._say(path, unknown("factor", factor, self.file.factors), key=True)
                unknown_names = [*self._single(path, tree, scope)]
                yield from unknown_names
                if moves and factor == next(iter(changes)) and not unknown_names:
                    yield from self._driving(path, tree, scope)

    def _driving(self, path: Path, tree: Syntax, scope: Iterable[str]) -> Iterator[Problem]:
        """The first factor that an axis changes: steps are solved for it."""
        try:
            linear = slope(build(tree, {name: variable(name) for name in scope}), "m") is not None
        except (ExpressionError, ExactError) as error:
            yield self._say(path, str(error))
        else:
            if not linear:
                yield self._say(path, "a step is solved for this factor: it must grow linearly with m")

    def _published(self) -> Iterator[Problem]:
        for index, step in enumerate(self.file.published):
            here: Path = ("published", index)
            if step.axis not in self.file.axes:
                yield self._say((*here, "axis"), unknown("axis", step.axis, self.file.axes))
            for key in ("to", "contracted"):
                for factor, tree in (getattr(step, key) or {}).items():
                    path = (*here, key, factor)
                    if factor not in self.file.factors:
                        yield self._say(path, unknown("factor", factor, self.file.factors), key=True)
                    yield from self._constant(path, tree, positive=True)

    def _blocks(self) -> Iterator[Problem]:
        for name, block in self.file.blocks.items():
            path: Path = ("blocks", name)
            yield from self._argument_names(block, path)
            scope = dict.fromkeys([*self.globals, *block.arguments, "width_in", "channels"])
            for where, tree in schema.expressions(block.layers, (*path, "layers")):
                yield from self._known(where, tree, scope)
            yield from self._layer_names(block.layers, (*path, "layers"))

    def _argument_names(self, block: schema.Block, path: Path) -> Iterator[Problem]:
        for index, name in enumerate(block.arguments):
            here = (*path, "arguments", index)
            if name in block.arguments[:index]:
                yield self._say(here, f"a second argument named {name!r}")
            elif name in self.globals:
                yield self._say(here, f"{name!r} is also the name of a factor or an option")
            elif name in schema.Stage.model_fields:
                yield self._say(here, f"{name!r} is a key of every stage: choose another")

    def _layer_names(self, items: list[schema.LayerItem], path: Path) -> Iterator[Problem]:
        taken: set[str] = set()
        for where, item in schema.layer_items(items, path):
            name = item.body.name
            if name in taken:
                yield self._say((*where, "name"), f"a second layer named {name!r}")
            taken.add(name or "")

    def _stages(self) -> Iterator[Problem]:
        taken: set[str] = set()
        scope = dict.fromkeys([*self.globals, "width_in"])
        for index, stage in enumerate(self.file.stages):
            path: Path = ("stages", index)
            if stage.name in taken:
                yield self._say((*path, "name"), f"a second stage named {stage.name!r}")
            taken.add(stage.name)
            yield from self._single((*path, "repeat"), stage.repeat, scope)
            if stage.layers is not None:
                for where, tree in schema.expressions(stage.layers, (*path, "layers")):
                    yield from self._known(where, tree, {**scope, "channels": None})
                yield from self._layer_names(stage.layers, (*path, "layers"))
            if stage.block is None or stage.block in self.file.blocks:
                yield from self._arguments(stage, path, scope)
            else:
                yield self._say((*path, "block"), unknown("block", stage.block, self.file.blocks))
            scope |= dict.fromkeys(f"{stage.name}.{name}" for name in stage.model_extra or {})

    def _arguments(self, stage: schema.Stage, path: Path, scope: Mapping[str, None]) -> Iterator[Problem]:
        """A stage's keys that not every stage has: what its block takes, all of that and no more."""
        user = "layers" if stage.block is None else f"block {stage.block}"
        taken = [] if stage.block is None else self.file.blocks[stage.block].arguments
        given = stage.model_extra or {}
        for name in given:
            if name not in taken:
                known = [*taken, *schema.Stage.model_fields]
                message = unknown("key", name, known, f"a stage of {user} takes")
                yield self._say((*path, name), message, key=True)
        for index, name in enumerate(taken):
            if name not in given:
                yield self._say(path, f"missing key {name!r}, an argument of {user}")
            else:
                yield from self._known((*path, name), given[name], {**scope, **dict.fromkeys(taken[:index])})

    def _classes(self) -> Iterator[Problem]:
        """The emitted module's classes, and its factory, must be told apart."""
        taken = dict.fromkeys(_TEMPLATE_CLASSES, "another class of the emitted module")
        taken[self.file.name] = "the emitted factory"
        own: Path = ("class_name",) if self.file.class_name else ("name",)
        classes = [(own, self.file.class_name or class_name(self.file.name), "the network's class")]
        classes += [
            (("blocks", name), class_name(name), f"the class of block {name}") for name in self.file.blocks
        ]
        for path, word, owner in classes:
            if word in taken or schema.reserved(word):
                what = f"the name of {taken[word]}" if word in taken else "a reserved name"
                yield self._say(path, f"its class would be {word}, {what}", key=path[0] == "blocks")
            taken[word] = owner
