"""The methods that users of timm and pytorchvideo expect of a network."""

from __future__ import annotations

import pytest
import torch
from emitted import build, module
from family_peers import feature_wrapper

from x3dspec import load
from x3dspec.codegen.module import source

NETWORKS = ("x3d_xs", "slow_r50", "mobilenet_v3_large")


@pytest.mark.parametrize("name", NETWORKS)
def test_intermediates_are_what_feature_info_says(name: str) -> None:
    network = build(load(name).resolve()).eval()
    sizes = network.default_cfg["input_size"]
    clip = torch.zeros(1, sizes[0], *[4] * (len(sizes) - 3), 64, 64)
    with torch.inference_mode():
        outputs = network.forward_intermediates(clip, intermediates_only=True)
        features = network.forward_features(clip)
    assert len(outputs) == len(network.feature_info)
    for info, output in zip(network.feature_info, outputs, strict=True):
        assert output.shape[1] == info["num_chs"]
        assert output.shape[-1] == 64 // info["reduction"]
    assert torch.equal(outputs[-1], features)
    assert features.shape[1] == network.num_features


def equal(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(some, others, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_timm_takes_its_features(name: str) -> None:
    """By forward_intermediates, and by running the modules that feature_info names."""
    pytest.importorskip("timm")
    network = build(load(name).resolve()).eval()
    clip = torch.rand(1, 3, *[4] * (len(network.default_cfg["input_size"]) - 3), 64, 64)
    with torch.inference_mode():
        features, outputs = network.forward_intermediates(clip)
        assert torch.equal(features, outputs[-1])
        getter = feature_wrapper("FeatureGetterNet")(network, out_indices=(1, -2))
        assert equal(getter(clip), [outputs[1], outputs[-2]])
        assert getter.feature_info.channels() == [outputs[1].shape[1], outputs[-2].shape[1]]
        last = feature_wrapper("FeatureGetterNet")(network, out_indices=2)(clip)
        assert equal(last, outputs[-2:])
        if name == "x3d_xs":
            rebuilt = feature_wrapper("FeatureListNet")(network, out_indices=(0, 1, 2, 3, 4))
            assert equal(rebuilt(clip), outputs[:5])


def test_intermediates_by_their_numbers() -> None:
    network = build(load("x3d_xs").resolve()).eval()
    clip = torch.rand(1, 3, 4, 64, 64)
    with torch.inference_mode():
        every = network.forward_intermediates(clip, intermediates_only=True)
        final, some = network.forward_intermediates(clip, [0, -4], stop_early=True)
        assert equal(some, [every[0], every[2]])
        assert torch.equal(final, every[2])
        assert network.forward_intermediates(clip, 0, intermediates_only=True) == []
    with pytest.raises(IndexError):
        network.forward_intermediates(clip, [6])
    with pytest.raises(IndexError):
        network.forward_intermediates(clip, 7)
    with pytest.raises(ValueError, match="output_fmt must be NCHW, not NHWC"):
        network.forward_intermediates(clip, output_fmt="NHWC")


@pytest.mark.parametrize("form", ["train", "deploy"])
def test_device_and_dtype(form: str) -> None:
    resolved = load("x3d_xs").resolve()
    factory = vars(module(source(resolved, "x3d_xs", form)))["x3d_xs"]
    network = factory(device="meta", dtype=torch.float64)
    assert {p.device.type for p in network.state_dict().values()} == {"meta"}
    assert {p.dtype for p in network.parameters()} == {torch.float64}
    if form == "train":
        network.reset_classifier(7)
        assert (network.fc2.weight.device.type, network.fc2.weight.dtype) == ("meta", torch.float64)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_classifier_is_found_and_replaced(name: str) -> None:
    network = build(load(name).resolve()).eval()
    sizes = network.default_cfg["input_size"]
    features = torch.rand(2, network.num_features, *[1] * (len(sizes) - 1))
    seen = network.forward_head(features, pre_logits=True)
    assert seen.shape == (2, network.head_hidden_size)
    assert torch.equal(network.get_classifier()(seen), network.forward_head(features))
    bias = network.get_classifier().bias is not None
    network.reset_classifier(12)
    assert network.num_classes == network.get_classifier().out_features == 12
    assert (network.get_classifier().bias is not None) == bias
    assert network.forward_head(features).shape == (2, 12)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_classes_are_no_classifier(name: str) -> None:
    resolved = load(name).resolve()
    network, bare = build(resolved).eval(), build(resolved, num_classes=0).eval()
    sizes = network.default_cfg["input_size"]
    features = torch.rand(2, network.num_features, *[1] * (len(sizes) - 1))
    network.reset_classifier(0)
    assert network.num_classes == 0
    assert not [*network.get_classifier().parameters()]
    assert bare.state_dict().keys() == network.state_dict().keys()
    assert torch.equal(network.forward_head(features), network.forward_head(features, pre_logits=True))
    assert bare.forward_head(features).shape == (2, network.head_hidden_size)


def test_what_the_network_is_fed() -> None:
    assert build(load("x3d_m").resolve()).default_cfg == {
        "input_size": (3, 16, 224, 224),
        "frame_stride": 5,
        "mean": (0.45, 0.45, 0.45),
        "std": (0.225, 0.225, 0.225),
    }
    assert build(load("efficientnet_b0").resolve()).default_cfg["mean"] == (0.485, 0.456, 0.406)


def test_checkpointing_changes_memory_not_gradients() -> None:
    resolved = load("x2d").resolve(gamma_t=2, gamma_d="1/5", gamma_w="1/2")
    network = build(resolved, dropout=0.0).double().train()
    clip = torch.rand(2, 3, 2, 32, 32, dtype=torch.float64)

    def gradients() -> list[torch.Tensor]:
        network.zero_grad()
        network(clip).square().sum().backward()
        return [parameter.grad.clone() for parameter in network.parameters()]

    plain = gradients()
    network.set_grad_checkpointing()
    for ours, theirs in zip(gradients(), plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
