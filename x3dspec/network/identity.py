"""Whose network it is: one that differs from its spec's own does not carry that one's title or source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from x3dspec.language.meaning import build
from x3dspec.language.source import Identity, Source
from x3dspec.language.values import brief
from x3dspec.network.layers import Setting

#: Changes that a title lists; a network can differ in every factor and option.
MAX_LISTED = 4
#: A title up to its first comma is a name where it is no longer than this.
MAX_NAME = 20
_CHANGED = ", changed: "


def of(source: Source, setting: Setting) -> Identity:
    """The identity of the network at a setting: the spec's own, or one that says what was changed.

    A clip that it is only counted at (``--clip``) changes no layer, and so no title.
    """
    changes = [*_factors(source, setting), *_options(source)]
    if not changes:
        return source.identity
    more = [f"{len(changes) - MAX_LISTED} more"] if len(changes) > MAX_LISTED else []
    return changed(source.identity, ", ".join([*changes[:MAX_LISTED], *more]))


def changed(identity: Identity, what: str = "its factors") -> Identity:
    """The identity of a network that is not the one that `identity` names."""
    name = short_name(identity)
    return replace(identity, title=f"{name}{_CHANGED}{what}", source=f"derived from {name}")


def short_name(identity: Identity) -> str:
    """What a network is called in a few characters: X2D for "X2D, the network that X3D expands"."""
    title = identity.title.split(",")[0]
    return title if 0 < len(title) <= MAX_NAME and _CHANGED not in identity.title else identity.name


def _factors(source: Source, setting: Setting) -> Iterator[str]:
    """What was set to another value than the spec's; a factor that followed from others has none."""
    for name, factor in source.network.factors.items():
        if name not in setting:
            continue
        value = brief(setting[name])
        if name not in source.factors and source.derived(name):
            yield f"{name} = {value}"
            continue
        own = source.factors[name] if name in source.factors else build(factor.start, {}).value
        if own is None or own != setting[name]:
            yield f"{name} {'?' if own is None else brief(own)} -> {value}"


def _options(source: Source) -> Iterator[str]:
    now = {**source.options, "classes": source.classes}
    for name, own in source.own.items():
        if own != now[name]:
            yield f"{name} {own} -> {now[name]}"
