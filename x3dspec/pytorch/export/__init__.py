"""Emitted modules as files that other runtimes read, each held against torch before it is kept.

A runtime is one file here behind one contract (:mod:`~x3dspec.pytorch.export.contract`); which form of a
network it can run, the contract says.
"""

from x3dspec.pytorch.export.contract import TOLERANCE, Target, Wish
from x3dspec.pytorch.export.emitted import about, in_form, module
from x3dspec.pytorch.export.exporting import Exported, export
from x3dspec.pytorch.export.parity import Parity
from x3dspec.pytorch.export.targets import target
from x3dspec.pytorch.formats import AXES, TARGETS

__all__ = [
    "AXES",
    "TARGETS",
    "TOLERANCE",
    "Exported",
    "Parity",
    "Target",
    "Wish",
    "about",
    "export",
    "in_form",
    "module",
    "target",
]
