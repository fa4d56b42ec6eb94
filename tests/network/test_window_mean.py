"""The mean over windows as large as the spec's own clip leaves; its logits are held to pytorchvideo's in
``test_peers`` and ``test_families``, its operations and counts to torch's in ``test_random_specs``."""

from __future__ import annotations

from pathlib import Path

import emitted
import peers
import pytest
import torch
from hooks import hooked

import specs
import x3dspec
from x3dspec.codegen.module import source
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.network.memory import saved
from x3dspec.pytorch import probe
from x3dspec.pytorch.operations import NAMES, operations

NETWORK = """
name: windowed
factors: {gamma_s: {start: 1}}
input: {frames: 4, size: "round_to(32 * gamma_s, 8)"}
classes: 7
stages:
  - {name: conv, layers: [conv: {out: 8, kernel: 3, stride: [1, 2, 2]}, relu]}
  - {name: pool, layers: [window_mean]}
  - {name: fc1, layers: [linear: {out: 16}, relu]}
  - {name: fc2, layers: [dropout: {rate: 0.5}, linear: {out: classes}, mean]}
"""


def at(folder: Path, text: str, frames: int, size: int) -> Resolved:
    return specs.written(folder, text).at_clip(frames, size).resolve()


def test_the_window_is_of_the_specs_own_clip_and_follows_its_factors(tmp_path: Path) -> None:
    resolved = at(tmp_path, NETWORK, 6, 48)
    assert resolved.network.stages[1].outputs.positions == (3, 9, 9)
    wider = resolved.architecture.resolve(gamma_s="5/4")
    assert wider.network.stages[1].outputs.positions == (3, 5, 5)
    cost = [stage.cost() for stage in resolved.network.stages]
    assert cost[2].macs == 8 * 16 * 3 * 9 * 9
    assert (cost[2].activations, cost[3].activations) == (16 * 243, 7 * 243)
    assert cost[3].moved == 16 * 243 + 7 * 243 + (16 * 7 + 7) + 7 * 243 + 7


def test_at_its_own_clip_it_is_the_global_mean(tmp_path: Path) -> None:
    windowed = specs.written(tmp_path, NETWORK).resolve()
    plain = NETWORK.replace("window_mean", "mean").replace("out: classes}, mean]", "out: classes}]")
    whole = specs.written(tmp_path, plain).resolve()
    assert windowed.cost().macs == whole.cost().macs
    ours, expected = emitted.build(windowed).eval(), emitted.build(whole).eval()
    expected.load_state_dict(ours.state_dict())
    clip = torch.randn(2, 3, 4, 32, 32)
    torch.testing.assert_close(ours(clip), expected(clip))
    features = ours.forward_features(clip)
    assert ours.forward_head(features, pre_logits=True).shape == (2, 16)


@pytest.mark.parametrize("name", ["x3d_xs", "slow_r50"])
def test_verify_knows_it_at_a_larger_crop(name: str) -> None:
    resolved = x3dspec.load(name).choose(head="window").at_clip(8, 256).resolve()
    model, clip = emitted.on_meta(resolved), (3, 8, 256, 256)
    assert [operation for _, operation in operations(resolved.network)] == probe._layers(model, clip, NAMES)


def test_training_keeps_what_torch_keeps(tmp_path: Path) -> None:
    resolved = at(tmp_path, NETWORK, 6, 48)
    assert saved(resolved.network, False) == hooked(resolved, False)


def test_the_deploy_form_has_it() -> None:
    resolved = x3dspec.load("x2d").choose(head="window").resolve(gamma_t=2, gamma_s="2/7", gamma_d="1/2")
    train, deploy = (emitted.module(source(resolved, form=form)) for form in ("train", "deploy"))
    ours, expected = deploy.x2d_deploy().eval(), train.x2d().eval()
    state = peers.randomised(expected.state_dict(), seed=0)
    expected.load_state_dict(state)
    ours.load_train_state(state)
    clip = torch.randn(1, 3, 3, 96, 96)
    torch.testing.assert_close(ours(clip), expected(clip), rtol=0, atol=1e-5)


def refusal(resolved: Resolved, form: str = "train") -> str:
    with pytest.raises(SpecError) as caught:
        source(resolved, form=form)
    return str(caught.value)


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"its window, 4, .* is larger than its input, 3"):
        at(tmp_path, NETWORK, 3, 32)
    message = "a stream takes no mean over windows of the clip"
    assert message in refusal(x3dspec.load("x3d_xs").choose(head="window").resolve(), "stream")
    open_ended = specs.written(tmp_path, NETWORK.replace("out: classes}, mean]", "out: classes}]")).resolve()
    assert "behind window_mean in the mean of its answers" in refusal(open_ended)
