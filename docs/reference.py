"""The Python reference as Markdown, from signatures and docstrings, for GitHub and the site alike."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import Any

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ITEM = re.compile(r"^(\*{0,2}\w+): (.*)$")
_WIDTH = 88


def entry(path: str) -> str:
    """The heading, signature and docstring of one function or class, named by its full path."""
    home, _, name = path.rpartition(".")
    thing = getattr(import_module(home), name)
    parts = [f"### `{path if home == 'x3dspec' else name}`", ""]
    if home != "x3dspec":
        parts += [f"`from {home} import {name}`", ""]
    parts += ["```python", *_signature(name, thing), "```", "", prose(inspect.getdoc(thing) or "")]
    if inspect.isclass(thing):
        parts += _members(thing)
    return "\n".join([*parts, ""])


def _signature(name: str, thing: Any) -> Iterator[str]:
    if inspect.isclass(thing) and not dataclasses.is_dataclass(thing):
        yield f"class {name}({', '.join(base.__name__ for base in thing.__bases__)})"
        return
    signature = inspect.signature(thing)
    words = list(_parameters(signature))
    result = "" if inspect.isclass(thing) else f" -> {_annotation(signature.return_annotation)}"
    line = f"{name}({', '.join(words)}){result}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"{name}("
    yield from (f"    {word}," for word in words)
    yield f"){result}"


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    kind = None
    for parameter in signature.parameters.values():
        if kind is parameter.POSITIONAL_ONLY and parameter.kind is not kind:
            yield "/"
        if parameter.kind is parameter.KEYWORD_ONLY and kind not in (
            parameter.KEYWORD_ONLY,
            parameter.VAR_POSITIONAL,
        ):
            yield "*"
        kind = parameter.kind
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(kind, "")
        default = "" if parameter.default is parameter.empty else f" = {_default(parameter.default)}"
        if parameter.name != "self":
            yield f"{stars}{parameter.name}: {_annotation(parameter.annotation)}{default}"


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _default(value: Any) -> str:
    return "..." if callable(value) else repr(value)


def _members(thing: type) -> Iterator[str]:
    """The public methods and properties, a line each; how they are called, and their first sentence."""
    for name, member in vars(thing).items():
        target = _function(member)
        said = inspect.getdoc(target) if target else None
        if not name.startswith("_") and target and said:
            call = "" if isinstance(member, property | cached_property) else _call(target)
            first = said.partition("\n\n")[0].replace("\n", " ")
            yield f"- `.{name}{call}`: {_inline(first)}"


def _function(member: Any) -> Callable[..., Any] | None:
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    if isinstance(member, classmethod | staticmethod):
        return member.__func__
    return member if inspect.isfunction(member) else None


def _call(target: Callable[..., Any]) -> str:
    names = [str(p).partition(":")[0] for p in inspect.signature(target).parameters.values()]
    return f"({', '.join(name for name in names if name not in ('self', 'cls'))})"


def prose(docstring: str) -> str:
    """A docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    for paragraph in docstring.split("\n\n"):
        head, *rest = paragraph.splitlines() or [""]
        if _SECTION.match(head):
            lines += [f"**{head.removesuffix(':')}**", "", *_items(rest), ""]
        else:
            lines += [_inline(line) for line in paragraph.splitlines()] + [""]
    return "\n".join(lines)


def _items(lines: list[str]) -> Iterator[str]:
    for line in lines:
        match = _ITEM.match(line.strip())
        deep = len(line) - len(line.lstrip()) > 4
        yield f"  {_inline(line.strip())}" if deep or not match else f"- `{match[1]}`: {_inline(match[2])}"


def _inline(text: str) -> str:
    return re.sub(r":(?:class|func|meth|mod|data):", "", text).replace("``", "`").replace("`~", "`")
