"""The deploy form: the train form's function, what is folded, how strictly it loads, how it reads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import emitted
import peers
import pytest
import torch
from torch import Tensor, nn

from x3dspec.codegen.deploy import folded
from x3dspec.codegen.module import counted, source
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved, load
from x3dspec.pytorch import key_rules_reader
from x3dspec.pytorch.convert import convert
from x3dspec.pytorch.verify import verify

NETWORKS = Path(__file__).parents[1] / "networks"
X3D = ("x2d", "x3d_xs", "x3d_s", "x3d_m")
OTHERS = (
    "c2d_r50",
    "csn_r101",
    "efficientnet_b0",
    "i3d_r50",
    "mobilenet_v3_large",
    "r2plus1d_r50",
    "slow_r50",
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_settings(count: int) -> Iterator[Resolved]:
    """The same random settings every time, in both dialects."""
    generator = random.Random(3)
    for index in range(count):
        norm = ("always", "on_width_change")[index % 2]
        yield (
            load("x2d")
            .choose(shortcut_norm=norm, conv1_temporal_kernel=generator.choice((3, 5)))
            .resolve(
                gamma_t=generator.randint(1, 16),
                gamma_s=Fraction(generator.randint(4, 28), 14),
                gamma_w=Fraction(generator.randint(30, 150), 100),
                gamma_b=Fraction(generator.randint(50, 300), 100),
                gamma_d=Fraction(generator.randint(30, 250), 100),
            )
        )


def both(resolved: Resolved) -> tuple[nn.Module, nn.Module]:
    """The train form at random weights and statistics, and the deploy form that has loaded them."""
    train = emitted.build(resolved).eval()
    state = peers.randomised(train.state_dict(), seed=0)
    train.load_state_dict(state)
    deploy = deployed(resolved)
    deploy.load_train_state(state)  # type: ignore[operator]
    return train, deploy


def deployed(resolved: Resolved) -> nn.Module:
    module = emitted.module(source(resolved, form="deploy"))
    made = getattr(module, f"{resolved.network.identity.name}_deploy")().eval()
    assert isinstance(made, nn.Module)
    return made


def difference(train: nn.Module, deploy: nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        expected, found = train(x), deploy(x)
    return float((found - expected).abs().max() / expected.abs().max())


# What it computes


@pytest.mark.parametrize("norm", ["always", "on_width_change"])
@pytest.mark.parametrize("name", X3D)
def test_it_is_the_train_form(name: str, norm: str) -> None:
    train, deploy = both(load(name).choose(shortcut_norm=norm).resolve())
    for clip in ((1, 32, 32), (2, 33, 47), (5, 64, 41)):
        assert difference(train, deploy, torch.randn(2, 3, *clip)) < 1e-5


@pytest.mark.parametrize("resolved", list(random_settings(12)))
def test_it_is_the_train_form_at_random_settings(resolved: Resolved) -> None:
    train, deploy = both(resolved)
    for clip in ((1, 32, 32), (3, 40, 33)):
        assert difference(train, deploy, torch.randn(1, 3, *clip)) < 1e-5


@pytest.mark.parametrize("name", [*OTHERS, *sorted(path.stem for path in NETWORKS.glob("*.yaml"))])
def test_other_families_have_it_too(name: str) -> None:
    path = NETWORKS / f"{name}.yaml"
    resolved = load(str(path) if path.exists() else name).resolve()
    clip = [64, 64] if resolved.network.frames is None else [8, 64, 64]
    train, deploy = both(resolved)
    assert difference(train, deploy, torch.randn(1, resolved.network.inputs.channels, *clip)) < 1e-5


def test_its_features_and_head_are_the_train_forms() -> None:
    train, deploy = both(load("x3d_xs").resolve())
    x = torch.randn(1, 3, 2, 64, 64)
    with torch.no_grad():
        for method in ("forward_features", "forward_intermediates"):
            only = {"intermediates_only": True} if method == "forward_intermediates" else {}
            expected, found = (getattr(each, method)(x, **only) for each in (train, deploy))
            for one, other in zip(expected, found, strict=True):
                assert one.shape == other.shape
                assert (one - other).abs().max() < 1e-5 * one.abs().max()
        features = train.forward_features(x)  # type: ignore[operator]
        hidden = [model.forward_head(features, pre_logits=True) for model in (train, deploy)]  # type: ignore[operator]
    assert torch.allclose(*hidden, atol=1e-5)


def test_it_leaves_its_input_alone() -> None:
    _, deploy = both(load("x2d").resolve())
    for order in (torch.contiguous_format, torch.channels_last_3d):
        x = torch.randn(2, 3, 4, 32, 32).contiguous(memory_format=order)
        before = x.clone()
        deploy(x)
        assert torch.equal(x, before)


def test_it_runs_in_other_types_and_modes() -> None:
    train, deploy = both(load("x2d").resolve())
    x = torch.randn(1, 3, 2, 48, 48)
    with torch.no_grad():
        expected = train(x)
    assert difference(train.double(), deploy.double(), x.double()) < 1e-6
    assert not deploy(x.double()).requires_grad
    with torch.inference_mode():
        rough = deploy.bfloat16()(x.bfloat16()).float()
    assert (rough - expected).abs().max() < 0.05 * expected.abs().max()


# What is folded


@pytest.mark.parametrize("norm", ["always", "on_width_change"])
def test_every_norm_of_x3d_is_folded(norm: str) -> None:
    resolved = load("x3d_s").choose(shortcut_norm=norm).resolve()
    model = deployed(resolved)
    assert not [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm | nn.Dropout)]
    cost = counted(resolved, "deploy").cost()
    assert emitted.parameters(model) == cost.params
    assert cost.macs == resolved.cost().macs
    assert cost.activations == resolved.cost().activations


def test_a_norm_stays_where_it_follows_no_convolution(tmp_path: Path) -> None:
    text = (NETWORKS / "small2d.yaml").read_text()
    path = tmp_path / "small2d.yaml"
    lines = text.splitlines()
    [index] = [i for i, line in enumerate(lines) if "mean" in line and "layers" in line][:1]
    lines.insert(index, "  - {name: last, layers: [relu, norm, norm: {name: again}]}")
    path.write_text("\n".join(lines))
    resolved = load(str(path)).resolve()
    kept = [x.name for s in folded(resolved.network).stages for x in net.walk(s) if isinstance(x, net.Norm)]
    assert len(kept) == 2
    train, deploy = both(resolved)
    assert difference(train, deploy, torch.randn(1, 3, 64, 64)) < 1e-5


# Loading


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return peers.randomised(emitted.build(load("x2d").resolve()).state_dict(), seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"res2.0.norm_a.running_var": None}, "res2.0.norm_a.running_var is missing"),
        ({"res3.1.conv_b.weight": None}, "res3.1.conv_b.weight is missing"),
        ({"conv5_norm.bias": None}, "conv5_norm.bias is missing"),
        ({"res9.weight": torch.ones(1)}, "res9.weight is unexpected"),
        ({"res2.0.conv_a.bias": torch.ones(24)}, "res2.0.conv_a.bias is unexpected"),
        ({"fc2.weight": torch.ones(7, 2048)}, r"fc2.weight has another shape, \(7, 2048\)"),
        ({"conv1.norm.weight": torch.ones(3)}, r"conv1.norm.weight has another shape, \(3,\)"),
    ],
)
def test_a_wrong_state_is_named(
    state: dict[str, Tensor], change: dict[str, Tensor | None], message: str
) -> None:
    wrong = {key: tensor for key, tensor in {**state, **change}.items() if tensor is not None}
    model = deployed(load("x2d").resolve())
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(RuntimeError, match=message):
        model.load_train_state(wrong)  # type: ignore[operator]
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())


def test_every_wrong_key_is_named_at_once(state: dict[str, Tensor]) -> None:
    wrong = {key: tensor for key, tensor in state.items() if not key.startswith("conv1.norm.")}
    with pytest.raises(RuntimeError) as raised:
        deployed(load("x2d").resolve()).load_train_state({**wrong, "more": torch.ones(1)})  # type: ignore[operator]
    for key in ("conv1.norm.weight", "conv1.norm.bias", "conv1.norm.running_mean", "more"):
        assert key in str(raised.value)


def test_counters_may_be_missing(state: dict[str, Tensor]) -> None:
    """Older checkpoints have no num_batches_tracked, and inference has no use for it."""
    bare = {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}
    one, other = deployed(load("x2d").resolve()), deployed(load("x2d").resolve())
    one.load_train_state(state)  # type: ignore[operator]
    other.load_train_state(bare)  # type: ignore[operator]
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


# What verify says of it


def test_verify_compares_it_with_the_train_form(tmp_path: Path) -> None:
    path = tmp_path / "x2d_deploy.py"
    text = source(load("x2d").resolve(), form="deploy")
    path.write_text(text)
    assert verify(path).ok
    path.write_text(text.replace('("norm_b", 1e-05)', '("norm_b", 1e-02)'))
    assert [c.name.partition(" at ")[0] for c in verify(path).checks if not c.ok] == ["logits"]


# The train form against pytorchvideo's, in training


def test_gradients_are_pytorchvideos() -> None:
    """In float64: in float32 even another spelling of swish moves them by a per cent."""
    resolved = load("x3d_xs").choose(shortcut_norm="on_width_change").resolve()
    peer = peers.create_x3d(resolved, frames=4, size=64).double().train()
    ours = emitted.build(resolved).double().train()
    rules = key_rules_reader.load_rules(resolved.architecture)
    state = {
        key: t.double() if t.is_floating_point() else t
        for key, t in peers.randomised(peer.state_dict(), 2).items()
    }
    peer.load_state_dict(state)
    ours.load_state_dict(convert(state, "pytorchvideo", "x3dspec", rules, resolved).state)
    for module in (*peer.modules(), *ours.modules()):
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    x = torch.randn(2, 3, 4, 64, 64, dtype=torch.float64)
    gradients = []
    for model in (peer, ours):
        nn.functional.cross_entropy(model(x), torch.tensor([3, 5])).backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    # The rules for names are those of the tensors themselves.
    named = convert({**state, **gradients[0]}, "pytorchvideo", "x3dspec", rules, resolved).state
    assert len(gradients[1]) == len(list(ours.parameters()))
    for name, found in gradients[1].items():
        assert (found - named[name]).abs().max() <= 1e-9 * named[name].abs().max(), name


def test_training_weights_are_told_where_they_go() -> None:
    resolved = load("x2d").resolve()
    with pytest.raises(RuntimeError, match="load_train_state takes the training form's weights"):
        deployed(resolved).load_state_dict(emitted.build(resolved).state_dict())
    deploy = deployed(resolved)
    deploy.load_state_dict(deploy.state_dict())
