"""Grown weights compute what the small network's did, in eval and in train mode, in double precision.

``X3DSPEC_GROW=500 pytest tests/pytorch/test_grow.py`` draws five hundred pairs of X3Ds, and fifty of each
other family.
"""

from __future__ import annotations

import os
import random
from fractions import Fraction
from pathlib import Path

import emitted
import peers
import pytest
import torch
from torch import Tensor, nn

import x3dspec
from specs import written
from x3dspec.cli import run
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import checkpoint, key_rules_reader
from x3dspec.pytorch.convert import convert
from x3dspec.pytorch.grow import Method, grow, notes
from x3dspec.pytorch.identify import identify

COUNT = int(os.environ.get("X3DSPEC_GROW", "20"))
FEW = max(2, COUNT // 10)
METHODS = tuple(Method)
#: Factors that widen or deepen, by family; what cannot be grown exactly is tested below.
GROWABLE = {
    "x2d": ("gamma_w", "gamma_b", "gamma_d"),
    "slow_r50": ("gamma_w", "gamma_d"),
    "c2d_r50": ("gamma_w", "gamma_d"),
    "i3d_r50": ("gamma_w", "gamma_d"),
    "r2plus1d_r50": ("gamma_w", "gamma_d"),
    "csn_r101": ("gamma_w", "gamma_d"),
}


def built(resolved: Resolved, state: dict[str, Tensor] | None = None) -> nn.Module:
    model = emitted.build(resolved).double()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.load_state_dict(peers.randomised(model.state_dict(), seed=1) if state is None else state)
    return model


def clip(resolved: Resolved) -> Tensor:
    """Of a size at which no norm sees a single value."""
    frames = [8] if resolved.network.frames is not None else []
    generator = torch.Generator().manual_seed(2)
    return torch.randn(2, 3, *frames, 32, 32, generator=generator, dtype=torch.double)


def difference(small: nn.Module, large: nn.Module, x: Tensor, *, train: bool) -> float:
    """The greatest difference of logits, over the greatest logit."""
    with torch.no_grad():
        expected, logits = (model.train(train)(x) for model in (small, large))
    assert expected.abs().max() > 1e-3, "logits that say nothing"
    return float((expected - logits).abs().max() / expected.abs().max())


def pair(family: str, seed: int) -> tuple[Resolved, Resolved]:
    """Two networks of a family, of which one has no smaller factor; narrow, so that they are soon run."""
    draw = random.Random(f"{family} {seed}")
    spec = x3dspec.load(family)
    low: dict[str, Fraction] = {}
    high: dict[str, Fraction] = {}
    for name in GROWABLE[family]:
        start = Fraction(1) if family == "x2d" else Fraction(1, 4)
        low[name] = start * Fraction(draw.randint(50, 120), 100)
        high[name] = low[name] * Fraction(draw.choice([100, draw.randint(100, 200)]), 100)
    return spec.resolve(**low), spec.resolve(**high)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("family", "seed"),
    [(f, seed) for f in GROWABLE for seed in range((COUNT if f == "x2d" else FEW) // 2)],
)
def test_the_function_is_kept(family: str, seed: int, method: Method) -> None:
    small, large = pair(family, seed)
    start = built(small)
    grown = built(large, grow(start.state_dict(), small, large, method, seed))
    for train in (False, True):
        assert difference(start, grown, clip(small), train=train) < 1e-12


def test_other_frames_and_sizes_are_said() -> None:
    assert notes(x3dspec.load("x3d_xs").resolve(), x3dspec.load("x3d_m").resolve()) != []
    assert notes(x3dspec.load("x3d_m").resolve(), x3dspec.load("x3d_m").resolve(gamma_b=3)) == []


REFUSED: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "narrower": ({}, {"gamma_w": "0.5"}, "conv1.conv_s: has 24 channels, and 16 in the other"),
    "shallower": ({"gamma_d": "3"}, {}, "res2: has 3 blocks, and only 1 in the larger network"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_grown_is_refused_by_its_layer(kind: str) -> None:
    low, high, message = REFUSED[kind]
    spec = x3dspec.load("x2d")
    small = spec.resolve(**low)
    with pytest.raises(SpecError) as caught:
        grow(emitted.build(small).state_dict(), small, spec.resolve(**high))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("option", "choice", "message"),
    [
        (
            "conv1_temporal_kernel",
            3,
            r"conv1\.conv_t: has the kernel \(3, 1, 1\), and \(5, 1, 1\) in the other",
        ),
        ("squeeze_excite", "none", r"res2\.0\.\w+: is in one of the two networks alone"),
    ],
)
def test_a_network_of_other_layers_is_refused(option: str, choice: int | str, message: str) -> None:
    small = x3dspec.load("x2d").choose(**{option: choice}).resolve()
    with pytest.raises(SpecError, match=message):
        grow(emitted.build(small).state_dict(), small, x3dspec.load("x2d").resolve())


@pytest.mark.parametrize(
    ("family", "factor"),
    [("efficientnet", "gamma_d"), ("mobilenet_v2", "gamma_d"), ("mobilenet_v3_large", "gamma_w")],
)
def test_image_networks_grow_too(family: str, factor: str) -> None:
    spec = x3dspec.load(family)
    narrow = {} if factor == "gamma_w" else {"gamma_w": "0.3"}
    small, large = spec.resolve(**narrow, **{factor: 1}), spec.resolve(**narrow, **{factor: "1.4"})
    start = built(small)
    grown = built(large, grow(start.state_dict(), small, large))
    assert difference(start, grown, clip(small), train=False) < 1e-12


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint of another code base, identified, grown, and written in the same names."""
    small = x3dspec.load("x2d").choose(shortcut_norm="on_width_change").resolve()
    rules = key_rules_reader.load_rules(small.architecture)
    state = convert(built(small).state_dict(), "x3dspec", "pytorchvideo", rules, small).state
    torch.save({"model_state": state}, tmp_path / "small.pyth")
    path, out = str(tmp_path / "small.pyth"), tmp_path / "large.pyth"
    assert run(["grow", path, "--gamma-b", "2.25", "-o", str(out)]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("x3dspec resolve x2d")
    assert "--gamma-b 2.25" in line
    written = checkpoint.read(out)
    answer = identify(written.shapes)
    assert answer.code_base == "pytorchvideo"
    own = convert(written.state, "pytorchvideo", "x3dspec", rules, answer.resolved).state
    assert difference(built(small), built(answer.resolved, own), clip(small), train=False) < 1e-12
    assert run(["grow", path, "--gamma-w", "0.5", "-o", str(tmp_path / "less.pyth")]) == 2
    assert not (tmp_path / "less.pyth").exists()


#: `w` widens what `body` reads, between two layers whose channels stay.
OTHERS = """
name: others
factors: {{w: {{start: 1}}, d: {{start: 1}}}}
input: {{size: 16}}
classes: 5
blocks:
  cell:
    arguments: [inner]
    layers:
      - residual:
          branch: [conv: {{out: inner, kernel: 3}}, {layers}, conv: {{out: 16, kernel: 1}}, scale]
stages:
  - {{name: stem, layers: [conv: {{out: 16, kernel: 3}}, layer_norm, group_norm: {{groups: 4}}]}}
  - {{name: body, block: cell, inner: 8 * w, repeat: ceil(2 * d)}}
  - {{name: head, layers: [mean, layer_norm, linear: {{out: classes}}]}}
"""


@pytest.mark.parametrize("method", METHODS)
def test_slopes_and_scales_grow_with_their_channels(method: Method, tmp_path: Path) -> None:
    architecture = written(tmp_path, OTHERS.format(layers="norm, prelu, scale, prelu: {shared: true}"))
    small, large = architecture.resolve(), architecture.resolve(w=2, d="3/2")
    before = built(small)
    after = built(large, grow(before.state_dict(), small, large, method=method, seed=3))
    for train in (False, True):
        assert difference(before, after, clip(small), train=train) < 1e-12


@pytest.mark.parametrize("layer", ["layer_norm", "group_norm: {groups: 2}"])
def test_a_mean_over_channels_that_grow_is_refused(layer: str, tmp_path: Path) -> None:
    architecture = written(tmp_path, OTHERS.format(layers=layer))
    small, large = architecture.resolve(), architecture.resolve(w=2)
    with pytest.raises(SpecError, match=r"_norm: takes its mean over channels"):
        grow(built(small).state_dict(), small, large)
