"""From a file to a checked spec: bases followed, models validated, presets applied.

All that can be found wrong without giving a factor its value is found here, and raised together.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path as FilePath

from x3dspec.language import identifiers, schema, validate
from x3dspec.language import shipped as assets
from x3dspec.language.document import Document, read
from x3dspec.language.errors import MAX_SHOWN, Problem, SpecError, nearest, printable, unknown
from x3dspec.language.identifiers import class_name
from x3dspec.language.numbers import Exact
from x3dspec.language.paths import Path
from x3dspec.language.source import Identity, Origin, Source
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import number, outside
from x3dspec.language.wording import MAX_PROBLEMS, validated

#: A preset of a preset of a preset is already hard to follow.
MAX_BASES = 8


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
    file = path.resolve()
    chain = (*above, file)
    base, base_display = _base(preset.base, document, file)
    if base.resolve() in chain:
        cycle = " -> ".join(p.stem for p in (*chain, base))
        raise SpecError([document.problem(("base",), f"bases form a cycle: {cycle}")])
    if len(chain) > MAX_BASES:
        raise SpecError([document.problem(("base",), f"more than {MAX_BASES} bases in a row")])
    return _preset(preset, document, path, _follow(base, base_display, chain))


def _base(name: str, document: Document, file: FilePath) -> tuple[FilePath, str]:
    """A base is beside its preset or shipped; a link that leaves the folder is not followed."""
    beside = file.parent / f"{name}.yaml"
    if _stays(beside):
        return beside, str(FilePath(document.source).parent / beside.name)
    shipped = assets.shipped()
    if name in shipped:
        return shipped[name], f"specs/{name}.yaml"
    files = (path for path in file.parent.glob("*.yaml") if identifiers.is_name(path.stem) and _stays(path))
    beside_here = {path.stem for path in files} - {file.stem}
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
    problems = list(islice(validate.problems(document, file), MAX_PROBLEMS))
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
    factors = _factors(preset, document, base, problems)
    source = _chosen(preset, document, base, problems)
    if preset.clip and preset.clip.frames and base.network.input.frames is None:
        problems.append(document.problem(("clip", "frames"), "the base is 2-D: it has no frames"))
    if preset.name in {base.identity.class_name, *map(class_name, base.network.blocks)}:
        problems.append(document.problem(("name",), f"is also the name of a class of {preset.base}"))
    if problems:
        raise SpecError(problems)
    origin = preset.source or base.identity.source
    return replace(
        source,
        identity=replace(base.identity, name=preset.name, title=preset.title, source=origin),
        origins=(_origin(document, path), *base.origins),
        factors={**base.factors, **factors},
        clip=preset.clip or base.clip,
        accuracy=preset.published_accuracy,
    )


def _factors(
    preset: schema.PresetFile, document: Document, base: Source, problems: list[Problem]
) -> dict[str, Exact]:
    """The values that a preset gives to factors; what is wrong with them joins `problems`."""
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
    return factors


def _chosen(preset: schema.PresetFile, document: Document, base: Source, problems: list[Problem]) -> Source:
    """The base with the preset's options; what is wrong with them joins `problems`."""
    source = base
    for name, value in preset.set.items():
        try:
            source = source.choose(name, value, document.problem(("set", name), ""))
        except SpecError as error:
            problems += error.problems
    return source
