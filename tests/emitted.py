"""Emitted text as a module: what the tests of several rooms do with it."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from x3dspec.codegen.module import source
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.probe import loaded


def module(text: str) -> types.ModuleType:
    """The module that an emitted text is."""
    return loaded(text, "emitted.py")


def build(resolved: Resolved, **arguments: Any) -> nn.Module:
    """The network that is emitted for `resolved`, on torch's current default device."""
    made = getattr(module(source(resolved)), resolved.network.identity.name)(**arguments)
    assert isinstance(made, nn.Module)
    return made


def on_meta(resolved: Resolved, **arguments: Any) -> nn.Module:
    """As :func:`build`, without memory for the weights."""
    with torch.device("meta"):
        return build(resolved, **arguments).eval()


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, clip: Sequence[int]) -> float:
    """Multiply-accumulates for one clip on the meta device, as torch counts them."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, *clip, device="meta"))
    return float(counter.get_total_flops() / 2)
