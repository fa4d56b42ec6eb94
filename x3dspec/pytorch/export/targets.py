"""All targets, by their names; a target's file is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from x3dspec.language.errors import BadArgument, unknown
from x3dspec.pytorch.export.contract import Target
from x3dspec.pytorch.formats import TARGETS


def target(name: str) -> Target:
    """A runtime.

    Raises:
        BadArgument: an unknown one.
    """
    if name not in TARGETS:
        raise BadArgument("to", unknown("format", name, TARGETS, "the formats are"))
    found: Target = import_module(f"x3dspec.pytorch.export.{name.replace('-', '_')}").TARGET
    return found
