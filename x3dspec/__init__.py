"""x3dspec: from a stage table in expansion factors to exact costs, budgets and PyTorch source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from x3dspec.architecture import Architecture, Cost, Resolved, load
    from x3dspec.errors import Infeasible, Problem, SpecError

__all__ = ["Architecture", "Cost", "Infeasible", "Problem", "Resolved", "SpecError", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Late imports: ``import x3dspec`` alone stays cheap."""
    from x3dspec import architecture, errors

    for room in (architecture, errors):
        if name in __all__ and hasattr(room, name):
            return getattr(room, name)
    raise AttributeError(f"module 'x3dspec' has no attribute {name!r}")
