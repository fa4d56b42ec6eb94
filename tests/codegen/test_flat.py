"""The flat form: the published network's logits, every tensor of rank 4 or less, what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import emitted
import peers
import pytest
import torch
from test_deploy import random_settings
from torch import Tensor, nn

from x3dspec import load
from x3dspec.codegen.forms import FORMS
from x3dspec.codegen.module import counted, source, spelled
from x3dspec.codegen.remaining import RULES, strangers
from x3dspec.language import shipped
from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.verify import verify

NETWORKS = Path(__file__).parents[1] / "networks"
VIDEO = [name for name in sorted(shipped.shipped()) if load(name).source.network.input.frames is not None]
STREAMS = [name for name in VIDEO if name.startswith(("x2d", "x3d", "slow"))]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def built(resolved: Resolved, form: str) -> nn.Module:
    made = getattr(emitted.module(source(resolved, form=form)), f"{resolved.network.identity.name}_{form}")
    network = made().eval()
    assert isinstance(network, nn.Module)
    return network


def worst(resolved: Resolved, clip: Tensor) -> float:
    """How far the logits are from the train form's at random weights and statistics, in 64 bits."""
    train, flat = emitted.build(resolved).double().eval(), built(resolved, "flat").double()
    state = peers.randomised(train.state_dict(), seed=0)
    train.load_state_dict(state)
    flat.load_train_state(state)  # type: ignore[operator]
    with torch.no_grad():
        expected, found = train(clip), flat.forward_clips(clip)  # type: ignore[operator]
    assert found.shape == expected.shape
    return float((found - expected).abs().max() / expected.abs().max())


def clips(resolved: Resolved, frames: int, size: int) -> Tensor:
    channels = resolved.network.inputs.channels
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, frames, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", VIDEO)
def test_shipped_video_networks_have_the_logits_of_the_train_form(name: str) -> None:
    depth = 1 if name in ("x3d_s", "csn_r101") else "1/5"  # enough for every kind of their blocks
    resolved = load(name).resolve(gamma_d=depth)
    assert worst(resolved, clips(resolved, 9, 33)) < 1e-12


@pytest.mark.parametrize("resolved", list(random_settings(8)))
def test_random_networks_have_them_too(resolved: Resolved) -> None:
    assert worst(resolved, clips(resolved, 4, 34)) < 1e-12


@pytest.mark.parametrize("name", ["corners", "i3d"])
def test_pooling_and_strides_in_time(name: str) -> None:
    resolved = load(str(NETWORKS / f"{name}.yaml")).resolve()
    assert worst(resolved, clips(resolved, 8, 64)) < 1e-12


def test_padded_pooling_in_time(tmp_path: Path) -> None:
    """Maxima do not see the padding, means do."""
    pools = (
        "max_pool: {kernel: 3, stride: 2, padding: 1}, avg_pool: {kernel: 3, stride: [2, 1, 1], padding: 1}"
    )
    text = (NETWORKS / "i3d.yaml").read_text().replace("frames: 8", "frames: 32")
    path = tmp_path / "i3d.yaml"
    path.write_text(text.replace("max_pool: {kernel: [2, 1, 1]}", f"{{{pools.replace(', avg', '}, {avg')}}}"))
    resolved = load(str(path)).resolve()
    assert worst(resolved, clips(resolved, 31, 64)) < 1e-12


def test_it_counts_what_the_deploy_form_counts() -> None:
    resolved = load("x3d_s").resolve()
    cost = counted(resolved, "flat").cost()
    assert cost == counted(resolved, "deploy").cost()
    assert cost.macs == 1_962_892_112


def test_a_2d_network_is_refused() -> None:
    with pytest.raises(
        SpecError, match="this network is 2-D: every form of it has tensors of rank 4 or less"
    ):
        source(load("efficientnet_b0").resolve(), form="flat")


def test_a_mean_over_windows_is_refused() -> None:
    with pytest.raises(SpecError, match="window_mean: a flat form takes no mean over windows of the clip"):
        source(load("x3d_s").choose(head="window").resolve(), form="flat")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["x3d_s", "slow_r50", "r2plus1d_r50", "c2d_r50", "efficientnet_b0"])
def test_only_layers_that_may_remain_do(name: str, form: str) -> None:
    resolved = load(name).resolve()
    try:
        network = spelled(resolved, form)
    except SpecError:
        assert form in ("flat", "stream")
        return
    assert list(strangers(form, network)) == []
    if RULES[form].rank == 4:
        assert list(strangers(form, resolved.network)), "the train form's layers should be strangers"


def test_a_stranger_is_found() -> None:
    resolved = load("x3d_xs").resolve()
    left = {type(layer) for layer in strangers("flat", spelled(resolved, "deploy"))}
    assert net.Mean in left
    assert {layer.name for layer in strangers("stream", spelled(resolved, "flat"))} >= {"conv_t", "conv_b"}


def ranks(program: torch.export.ExportedProgram) -> set[int]:
    """The ranks of all tensors of an exported graph."""
    found = [node.meta["val"] for node in program.graph.nodes if "val" in node.meta]
    tensors = [each for value in found for each in (value if isinstance(value, (tuple, list)) else [value])]
    assert len(tensors) > 50
    return {tensor.dim() for tensor in tensors if isinstance(tensor, Tensor)}


@pytest.mark.parametrize("name", VIDEO)
def test_every_tensor_of_the_exported_graph_has_rank_4_or_less(name: str) -> None:
    resolved = load(name).resolve(gamma_d="1/5")
    with torch.device("meta"):
        flat = built(resolved, "flat")
        assert max(ranks(torch.export.export(flat, (torch.empty(4, 3, 64, 64),)))) == 4
        if name in STREAMS:
            stream = built(resolved, "stream")
            state = stream.initial_state(1, 64, 64)  # type: ignore[operator]
            assert max(ranks(torch.export.export(stream, (torch.empty(1, 3, 64, 64), state)))) == 4


def test_verify_knows_the_form(tmp_path: Path) -> None:
    path = tmp_path / "x3d_xs_flat.py"
    text = source(load("x3d_xs").resolve(gamma_d=1), form="flat")
    path.write_text(text)
    assert verify(path).ok
    path.write_text(text.replace("gate = _mean(x)", "gate = _mean(x[:1])"))
    assert [c.name.partition(" at ")[0] for c in verify(path).checks if not c.ok] == ["logits"]


def test_the_formatter_the_linter_and_types_find_nothing(tmp_path: Path) -> None:
    for name in ("x3d_s", "i3d_r50"):
        (tmp_path / f"{name}_flat.py").write_text(source(load(name).resolve(), form="flat"))
    corners = load(str(NETWORKS / "corners.yaml")).resolve()
    (tmp_path / "corners_flat.py").write_text(source(corners, form="flat"))
    for command in (
        ["ruff", "format", "--isolated", "--check", "."],
        ["ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,B,UP,SIM,RET", "."],
        ["mypy", "--strict", "--config-file", os.devnull, "x3d_s_flat.py", "i3d_r50_flat.py"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
