"""What a stage of few blocks and a search space of many factors may be."""

from __future__ import annotations

import json
from pathlib import Path

import emitted
import pytest
import torch

import specs
from x3dspec.language.errors import SpecError

#: MoViNet's: the first block of a stage pads less than the ones behind it.
ONCE = """
name: once
factors: {{w: {{start: 1}}}}
axes: {{width: {{w: w * m}}}}
input: {{size: 32}}
blocks:
  unit:
    arguments: [width, stride, pad]
    layers: [conv: {{out: width, kernel: 3, stride: stride, padding: pad}}, norm, relu]
stages:
  - {{name: body, block: unit, width: round_width(8 * w), stride: 2, pad: "cycle(0, 1, 1)", repeat: {repeat}}}
  - {{name: head, layers: [mean, linear: {{out: classes}}]}}
"""


def test_a_cycle_need_not_fit_a_block_that_is_not_there(tmp_path: Path) -> None:
    resolved = specs.written(tmp_path, ONCE.format(repeat=3)).resolve()
    with torch.device("meta"):
        model = emitted.build(resolved)
    assert resolved.network.stages[0].outputs.sizes == (15, 15)
    assert emitted.macs(model, (3, 32, 32)) == resolved.cost().macs
    assert emitted.parameters(model) == resolved.cost().params


@pytest.mark.parametrize("repeat", ["4", "ceil(3 * w)"])
def test_one_that_is_there_or_may_be_has_to_fit(repeat: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="only blocks that keep their shape can follow the first one"):
        specs.written(tmp_path, ONCE.format(repeat=repeat)).resolve()


def test_a_repeat_that_is_a_root_has_a_place(tmp_path: Path) -> None:
    spec = specs.written(tmp_path, ONCE.format(repeat="sqrt(3)"))
    with pytest.raises(
        SpecError, match=r":11:100: stages\[0\]\.repeat: repeat sqrt\(3\) is not a whole number"
    ):
        spec.formula()


def test_a_search_space_of_seventeen_factors(tmp_path: Path) -> None:
    """A depth and a width of each of eight stages, and the size: E3D's has as many."""
    names = [*(f"{what}{index}" for index in range(8) for what in "dw"), "s"]
    stages = [
        {"name": f"res{i}", "block": "unit", "width": f"round_width(8 * w{i})", "repeat": f"ceil(d{i})"}
        for i in range(8)
    ]
    space = {
        "name": "space",
        "factors": {name: {"start": 1} for name in names},
        "axes": {f"by_{name}": {name: f"{name} * m"} for name in names},
        "input": {"size": "round_to(32 * s, 8)"},
        "blocks": {
            "unit": {"arguments": ["width"], "layers": [{"conv": {"out": "width", "kernel": 3}}, "norm"]}
        },
        "stages": [*stages, {"name": "head", "layers": ["mean", {"linear": {"out": "classes"}}]}],
    }
    resolved = specs.written(tmp_path, json.dumps(space)).resolve(d3=2, w7="3/2")
    assert resolved.cost().params == 3 * 8 * 9 + 16 + 7 * (8 * 8 * 9 + 16) + 8 * 16 * 9 + 32 + 16 * 400 + 400
