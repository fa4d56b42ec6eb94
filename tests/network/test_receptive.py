"""The receptive field, against positions that are followed back one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import x3dspec
from specs import written
from x3dspec.cli import run
from x3dspec.language.shipped import shipped
from x3dspec.network import layers as net
from x3dspec.network.receptive import seen

Span = tuple[int, int]


def back(body: Sequence[net.Layer[int]], span: Span, dimension: int) -> Span:
    """The positions that a span of the output depends on, padding included."""
    for layer in reversed(body):
        if isinstance(layer, net.Residual):
            one, other = back(layer.branch, span, dimension), back(layer.shortcut, span, dimension)
            span = min(one[0], other[0]), max(one[1], other[1])
        elif isinstance(layer, (net.Conv, net.Pool)) and len(layer.kernel) >= -dimension:
            numbers = layer.kernel, layer.stride, layer.padding
            kernel, stride, padding = (each[dimension] for each in numbers)
            span = span[0] * stride - padding, span[1] * stride - padding + kernel - 1
    return span


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_network(name: str) -> None:
    network = x3dspec.load(name).resolve().network
    bodies = [body for stage in network.stages for body, _ in net.blocks(stage)]
    for dimension, field in zip((-3, -2, -1), seen(network), strict=True):
        span = (0, 0)
        for body in reversed(bodies):
            span = back(body, span, dimension)
        assert field == span[1] - span[0] + 1


def test_a_dilated_kernel_sees_further(tmp_path: Path) -> None:
    resolved = written(
        tmp_path,
        "name: tiny\ninput: {frames: 9, size: 16}\nstages:\n"
        "  - {name: one, layers: [conv: {out: 8, kernel: 3, dilation: [1, 2, 3]}, max_pool: {kernel: 2}]}\n"
        "  - {name: head, layers: [mean, linear: {out: classes}]}\n",
    ).resolve()
    assert seen(resolved.network) == (4, 6, 8)


@pytest.mark.parametrize(
    ("spec", "frames", "pixels"),
    [
        ("x3d_s", {"given": 13, "seen": 57}, {"given": 160, "seen": 847}),
        ("resnet", None, {"given": 224, "seen": 427}),
    ],
)
def test_what_scaling_says_of_it(
    spec: str, frames: object, pixels: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 + 4 of the stem + 2 of each of 26 blocks of X3D-S; 427 is known of ResNet-50 of torchvision."""
    assert run(["scaling", spec, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["frames"], answer["pixels"]) == (frames, pixels)
