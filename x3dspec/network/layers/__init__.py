"""A network as dataclasses: every number is an expression before binding and an integer after.

A kind of layer is one class, in the file of its name: its shape rule, cost rule, constraints, torch's
constructor and operations. Its keys in a spec are in :mod:`x3dspec.language.layer_keys`, its macro in
``templates/layers.jinja``; ``tests/test_layers.py`` fails until it has every part.
"""

from typing import Any

from x3dspec.network.layers.activation import FUNCTIONS, Activation
from x3dspec.network.layers.conv import Conv, SameConv
from x3dspec.network.layers.dropout import Dropout
from x3dspec.network.layers.group_norm import GroupNorm
from x3dspec.network.layers.layer import Layer, N, Shape, window
from x3dspec.network.layers.layer_norm import LayerNorm
from x3dspec.network.layers.linear import Linear
from x3dspec.network.layers.mean import Mean
from x3dspec.network.layers.norm import Norm
from x3dspec.network.layers.pool import Pool
from x3dspec.network.layers.prelu import PReLU
from x3dspec.network.layers.residual import Residual
from x3dspec.network.layers.scale import Scale
from x3dspec.network.layers.squeeze_excite import SqueezeExcite
from x3dspec.network.layers.stage import Factor, Network, Setting, Stage, blocks, layers, walk
from x3dspec.network.layers.tree import expressions, substitute, whole
from x3dspec.network.layers.window_mean import WindowMean

__all__ = [
    "FUNCTIONS",
    "KINDS",
    "Activation",
    "Conv",
    "Dropout",
    "Factor",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "Linear",
    "Mean",
    "N",
    "Network",
    "Norm",
    "PReLU",
    "Pool",
    "Residual",
    "SameConv",
    "Scale",
    "Setting",
    "Shape",
    "SqueezeExcite",
    "Stage",
    "WindowMean",
    "blocks",
    "expressions",
    "layers",
    "substitute",
    "walk",
    "whole",
    "window",
]

#: Every kind of layer, by its key in a spec.
KINDS: dict[str, type[Layer[Any]]] = {
    "conv": Conv,
    "norm": Norm,
    "layer_norm": LayerNorm,
    "group_norm": GroupNorm,
    "scale": Scale,
    **dict.fromkeys(FUNCTIONS, Activation),
    "prelu": PReLU,
    "squeeze_excite": SqueezeExcite,
    "max_pool": Pool,
    "avg_pool": Pool,
    "mean": Mean,
    "window_mean": WindowMean,
    "linear": Linear,
    "dropout": Dropout,
    "residual": Residual,
}
