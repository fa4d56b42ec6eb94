"""Closed forms of costs: printed, differentiated and solved by sympy.

The package can be called: ``x3dspec.formula("x3d_m")`` is :func:`of`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from x3dspec.network.architecture import Architecture, Value, load

if TYPE_CHECKING:
    from x3dspec.formula.closed_form import Formula


def of(
    spec: str | Architecture,
    quantity: str = "macs",
    *,
    convention: str = "paper",
    relaxed: bool = False,
    **factors: Value,
) -> Formula:
    """The closed form of what a network costs.

    Args:
        spec: a file, a shipped spec's name, or an architecture.
        quantity: ``macs``, ``params``, ``activations``, ``weights`` or ``bytes``, of one clip.
        convention: how operations are counted, where the quantity is ``macs``.
        relaxed: without rounding, as a polynomial in the factors.
        factors: values to take instead of the spec's.

    Raises:
        SpecError: a wrong spec, an unknown quantity, convention or factor.
    """
    from x3dspec.formula.closed_form import derive

    architecture = spec if isinstance(spec, Architecture) else load(spec)
    setting = architecture.resolve(**factors).setting
    return derive(architecture, quantity, convention=convention, relaxed=relaxed, setting=setting)


class _Callable(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Formula:
        return of(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
