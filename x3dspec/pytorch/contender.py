"""Somebody else's module, by the function that returns it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from x3dspec.language.errors import SpecError
from x3dspec.pytorch.probe import loaded


def opened(target: str, clip: tuple[int, ...]) -> nn.Module:
    """The module that ``FILE:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION`` returns for a clip. Runs its code.

    Raises:
        SpecError: no such file, module or function, or one that raises.
    """
    where, _, function = target.rpartition(":")
    try:
        module = getattr(_namespace(where), function)(clip)
    except Exception as error:  # Whatever somebody else's code raises.
        raise SpecError.at(target, f"gives no module: {type(error).__name__}: {error}") from None
    if not isinstance(module, nn.Module):
        raise SpecError.at(target, "gives no module")
    return module


def _namespace(where: str) -> Any:
    if not where.endswith(".py"):
        return import_module(where)
    return loaded(Path(where).read_text(encoding="utf-8"), where)
