"""x3dspec: from a stage table in expansion factors to exact costs, budgets and PyTorch source."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from x3dspec.language.errors import Infeasible, Problem, SpecError
    from x3dspec.network.architecture import Architecture, Resolved, load
    from x3dspec.network.cost import Cost

__all__ = ["Architecture", "Cost", "Infeasible", "Problem", "Resolved", "SpecError", "load"]
__version__ = "0.1.0"

_ROOMS = {
    "network.architecture": ("Architecture", "Resolved", "load"),
    "network.cost": ("Cost",),
    "language.errors": ("Infeasible", "Problem", "SpecError"),
}


def __getattr__(name: str) -> Any:
    """Late imports: ``import x3dspec`` alone stays cheap."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"x3dspec.{room}"), name)
    raise AttributeError(f"module 'x3dspec' has no attribute {name!r}")
