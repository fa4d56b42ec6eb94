"""A resolved network as a spec again: a preset that names its base and every value."""

from __future__ import annotations

import json
from pathlib import Path

from x3dspec.language import numbers, shipped
from x3dspec.language.errors import SpecError
from x3dspec.language.identifiers import is_identifier, is_name
from x3dspec.language.numbers import Exact
from x3dspec.language.source import Source
from x3dspec.network.architecture import Resolved

#: How every such file begins; one that does not is somebody's own.
MARK = "# Written by x3dspec"


def text(resolved: Resolved, path: Path) -> str:
    """The preset that resolves to this network when it is read from `path`.

    Raises:
        SpecError: its base could not be found from there.
    """
    source = resolved.architecture.source
    base = base_for(source, path)
    lines = [
        MARK,
        f"name: {name_for(path, source.identity.name)}",
        f"title: {_quoted(resolved.network.identity.title)}",
        f"source: {_quoted(resolved.network.identity.source)}",
        f"base: {base.stem}",
        "factors: {" + ", ".join(f"{n}: {_value(v)}" for n, v in _set(resolved)) + "}",
    ]
    options = {**source.options, "classes": source.classes}
    lines.append("set: {" + ", ".join(f"{name}: {value}" for name, value in options.items()) + "}")
    if source.clip is not None:
        frames = f"frames: {source.clip.frames}, " if source.clip.frames else ""
        lines.append(f"clip: {{{frames}size: {source.clip.size}}}")
    return "\n".join(lines) + "\n"


def base_for(source: Source, path: Path) -> Path:
    """The spec that a preset at `path` would be based on.

    Raises:
        SpecError: it could not be found from there.
    """
    base = source.origins[-1].path
    if not shipped.is_shipped(base) and base.resolve().parent != path.resolve().parent:
        raise SpecError.at(
            str(path), f"its base {base.name} is found only from the folder of {base.name}: write it there"
        )
    if not is_name(base.stem):
        raise SpecError.at(
            str(path), f"its base {base.name} cannot be named: call that file by letters, digits and _, .yaml"
        )
    if path.resolve() == base.resolve():
        raise SpecError.at(str(path), "is the base itself")
    return base


def _set(resolved: Resolved) -> list[tuple[str, Exact]]:
    """Every factor's value, but of those that follow from others, which shall go on doing so."""
    derived = {factor.name for factor in resolved.architecture.factors(resolved.setting) if factor.derived}
    return [(name, value) for name, value in resolved.factors.items() if name not in derived]


def name_for(path: Path, otherwise: str) -> str:
    """The file's own name, where a network can be called so."""
    return path.stem if is_identifier(path.stem) else otherwise


def _value(value: Exact) -> str:
    text = numbers.text(value)
    return text if text.replace(".", "", 1).isdigit() else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
