"""Our networks against pytorchvideo's, and our counts against fvcore's and torch's.

The random settings stay clear of one thing in which pytorchvideo is not exact, which has a test of
its own: it takes ``int`` of a product of floats for the inner width.
"""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import emitted
import peers
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import x3dspec
from specs import written
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import convert, key_rules_reader

SHIPPED = ("x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl")
DIALECTS = ("always", "on_width_change")


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn(seed: int) -> dict[str, Any]:
    """Factors as people type them, of networks and clips that are quick to run."""
    draw = random.Random(seed)
    return {
        "gamma_t": draw.randint(1, 6),
        "gamma_s": Fraction(8 * draw.randint(8, 16), 112),
        "gamma_w": f"{draw.uniform(0.5, 2):.2f}",
        "gamma_b": f"{draw.uniform(1, 3):.2f}",
        "gamma_d": f"{draw.uniform(0.3, 2):.2f}",
    }


def twin(resolved: Resolved, frames: int, size: int) -> tuple[nn.Module, nn.Module]:
    """pytorchvideo's network with random weights, and ours with the same ones."""
    theirs = peers.create_x3d(resolved, frames, size)
    state = peers.randomised(theirs.state_dict(), seed=1)
    theirs.load_state_dict(state)
    rules = key_rules_reader.load_rules(resolved.architecture)
    converted = convert.convert(state, "pytorchvideo", "x3dspec", rules, resolved)
    ours = emitted.build(resolved).eval()
    ours.load_state_dict(converted.state)
    return ours, theirs


def run(model: nn.Module, clip: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Logits, and MACs as torch counts them."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits = model(clip)
    return logits, counter.get_total_flops() // 2


@pytest.mark.parametrize("seed", range(30))
def test_random_factors(seed: int) -> None:
    spec = x3dspec.load("x2d").choose(shortcut_norm="on_width_change")
    resolved = spec.resolve(**drawn(seed))
    frames, size = resolved.network.frames, resolved.network.size
    assert frames is not None
    ours, theirs = twin(resolved, frames, size)
    clip = torch.randn(1, 3, frames, size, size, generator=torch.Generator().manual_seed(seed))
    (logits, macs), (expected, their_macs) = run(ours, clip), run(theirs, clip)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    assert emitted.parameters(ours) == emitted.parameters(theirs) == resolved.cost().params
    assert macs == their_macs == resolved.cost().macs


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_specs(name: str, dialect: str) -> None:
    ours, theirs = twin(x3dspec.load(name).choose(shortcut_norm=dialect).resolve(), 2, 64)
    clip = torch.randn(1, 3, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(run(ours, clip)[0], run(theirs, clip)[0], rtol=0, atol=1e-5)


def test_inner_widths_are_exact_where_a_float_product_falls_short() -> None:
    resolved = x3dspec.load("x2d").resolve(gamma_w="1.04", gamma_b="1.13")
    stage = next(stage for stage in resolved.network.stages if stage.name == "res5")
    assert (stage.argument("width"), stage.argument("inner")) == (200, 226)
    theirs = peers.create_x3d(resolved, 1, 112).state_dict()
    assert theirs["blocks.4.res_blocks.0.branch2.conv_a.weight"].shape[0] == int(1.13 * 200) == 225


def fvcore(model: nn.Module, frames: int, size: int) -> float:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, torch.zeros(1, 3, frames, size, size))
    return float(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


@pytest.mark.parametrize(("dialect", "counted"), [(DIALECTS[0], 626_453_312), (DIALECTS[1], 626_146_112)])
def test_fvcore_in_eval_mode(dialect: str, counted: int) -> None:
    resolved = x3dspec.load("x3d_xs").choose(shortcut_norm=dialect).resolve()
    assert resolved.cost("fvcore").operations == counted
    assert fvcore(emitted.build(resolved).eval(), 4, 160) == counted


#: Operations of pytorchvideo's zoo at its test crops, by fvcore in train mode, and what the zoo prints.
ZOO = {
    "x3d_xs": ((4, 182), 914_583_992, "0.91"),
    "x3d_s": ((13, 182), 2_956_704_854, "2.96"),
    "x3d_m": ((16, 256), 6_720_498_944, "6.72"),
    "x3d_l": ((16, 356), 26_637_272_928, "26.64"),
}


@pytest.mark.parametrize("name", ZOO)
def test_the_zoos_figures_are_those_of_a_head_that_pools_a_window(name: str) -> None:
    clip, counted, printed = ZOO[name]
    resolved = (
        x3dspec.load(name).choose(shortcut_norm="on_width_change", head="window").at_clip(*clip).resolve()
    )
    assert resolved.cost("ptv-zoo").operations == counted
    assert f"{counted / 1e9:.2f}" == printed


def test_fvcore_in_train_mode_is_the_convention_of_the_zoo() -> None:
    (frames, size), counted, _ = ZOO["x3d_xs"]
    resolved = x3dspec.load("x3d_xs").choose(shortcut_norm="on_width_change", head="window").resolve()
    assert fvcore(emitted.build(resolved).train(), frames, size) == counted
    assert fvcore(peers.create_x3d(resolved, 4, 160).train(), frames, size) == counted


@pytest.mark.parametrize(("name", "crop"), [("x3d_xs", (4, 182)), ("x3d_xs", (6, 256)), ("x3d_s", (13, 182))])
def test_logits_at_a_test_crop(name: str, crop: tuple[int, int]) -> None:
    """Where the window has several positions, the mean of their logits; one mean is another function."""
    resolved = x3dspec.load(name).choose(shortcut_norm="on_width_change", head="window").resolve()
    frames, size = crop
    ours, theirs = twin(resolved, resolved.network.frames or 1, resolved.network.size)
    one_mean = emitted.build(resolved.architecture.choose(head="mean").resolve()).eval()
    one_mean.load_state_dict(ours.state_dict())
    clip = torch.randn(1, 3, frames, size, size, generator=torch.Generator().manual_seed(1))
    (logits, macs), (expected, their_macs) = run(ours, clip), run(theirs, clip)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
    assert macs == their_macs == resolved.architecture.at_clip(*crop).resolve().cost().macs
    assert (run(one_mean, clip)[0] - expected).abs().max() > 1e-3


def test_torch_counts_two_a_mac() -> None:
    resolved = x3dspec.load("x3d_xs").resolve()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        emitted.on_meta(resolved)(torch.empty(1, 3, 4, 160, 160, device="meta"))
    assert counter.get_total_flops() == resolved.cost("torch").operations == 1_210_513_024


def test_fvcore_counts_five_of_a_layer_or_group_norm_in_either_mode(tmp_path: Path) -> None:
    resolved = written(
        tmp_path,
        "name: tiny\ninput: {frames: 4, size: 8}\nstages:\n"
        "  - {name: stem, layers: [conv: {out: 8, kernel: 3}, layer_norm, group_norm: {groups: 2}, norm]}\n"
        "  - {name: head, layers: [mean, layer_norm, linear: {out: classes}]}\n",
    ).resolve()
    for convention, model in (
        ("fvcore", emitted.build(resolved).eval()),
        ("ptv-zoo", emitted.build(resolved)),
    ):
        assert fvcore(model, 4, 8) == resolved.cost(convention).operations
