"""Weights of candidates as files: whether they are a network's, and grown into a larger one's."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import checkpoint, expected
from x3dspec.pytorch.grow import grow


def check(path: Path, resolved: Resolved) -> None:
    """Whether a file holds the weights of a network's emitted module.

    Raises:
        SpecError: it is no checkpoint that can be read without running code; or its first tensor that is
            missing, strange or of another shape.
    """
    expected.fits(checkpoint.read(path).state, resolved, path.name)


def grown(path: Path, small: Resolved, large: Resolved) -> bytes:
    """The weights of a file as those of a larger network, a file that torch reads.

    Raises:
        SpecError: as :func:`check`, or the layer at which the larger network cannot begin so.
    """
    state = checkpoint.read(path).state
    expected.fits(state, small, path.name)
    buffer = io.BytesIO()
    torch.save(grow(state, small, large), buffer)
    return buffer.getvalue()
