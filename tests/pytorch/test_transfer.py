"""An optimiser's state that grows, networks that shrink, statistics that are recomputed: and the command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import emitted
import peers
import pytest
import torch
from torch import Tensor, nn

import x3dspec
from x3dspec.cli import run
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import clips
from x3dspec.pytorch.checkpoint import Checkpoint
from x3dspec.pytorch.grow import Growth, Method
from x3dspec.pytorch.naming import Naming
from x3dspec.pytorch.optimizer_state import OptimizerState
from x3dspec.pytorch.recalibrate import recalibrated
from x3dspec.pytorch.shrink import shrink
from x3dspec.pytorch.transfer import Way, transferred

Optimizer = Callable[[Iterable[Any]], torch.optim.Optimizer]
RATE = 1e-3
SGD: Optimizer = lambda parameters: torch.optim.SGD(parameters, RATE, 0.9, nesterov=True)  # noqa: E731
#: Without weight decay, which pulls at shared weights by their share, and as good as without eps.
ADAMW: Optimizer = lambda parameters: torch.optim.AdamW(parameters, RATE, eps=1e-30, weight_decay=0)  # noqa: E731


#: A spec that no key rules know.
OWN = """
name: own
factors: {gamma_w: {start: 1}}
axes: {width: {gamma_w: gamma_w * m}}
input: {frames: 4, size: 32}
classes: 5
stages:
  - {name: stem, layers: [conv: {out: round_width(16 * gamma_w), kernel: 3}, norm, relu]}
  - {name: pool, layers: [mean]}
  - {name: fc, layers: [linear: {out: classes}]}
"""


def pair() -> tuple[Resolved, Resolved]:
    spec = x3dspec.load("x2d").choose(classes=5)
    return spec.resolve(gamma_w="0.5", gamma_d="1.5"), spec.resolve(
        gamma_w="0.8", gamma_b="1.7", gamma_d="2.2"
    )


def built(resolved: Resolved, state: dict[str, Tensor] | None = None) -> nn.Module:
    model = emitted.build(resolved, dropout=0.0).double()
    model.load_state_dict(peers.randomised(model.state_dict(), 1) if state is None else state)
    return model.train()


def step(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> dict[str, Tensor]:
    """How a step of the optimiser moves each parameter."""
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    clip = torch.randn(3, 3, 4, 32, 32, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    optimizer.zero_grad()
    (model(clip) - torch.arange(5.0)).square().mean().backward()
    optimizer.step()
    return {name: parameter.detach() - before[name] for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("method", [*Method])
@pytest.mark.parametrize(("make", "power"), [(SGD, 1), (ADAMW, 0)], ids=["sgd", "adamw"])
def test_a_step_moves_both_alike(make: Optimizer, power: int, method: Method) -> None:
    """Copies move by their share of what the original does with SGD, as it does with AdamW."""
    small, large = pair()
    model = built(small)
    optimizer = make(model.parameters())
    for seed in range(3):
        step(model, optimizer, seed)
    growth = Growth(small, large, method)
    state = model.state_dict()
    grown = growth.weights(state)
    held = OptimizerState(optimizer.state_dict(), state, "test")
    kept = held.grown(state, Naming(None, "x3dspec"), growth, (small, large), grown)
    larger = built(large, grown)
    other = make(larger.parameters())
    other.load_state_dict(kept)
    moves, expected = step(larger, other, 4), growth.gradients(step(model, optimizer, 4), power)
    assert {*moves} > {*expected}, "blocks were appended"
    for name, move in expected.items():
        found = moves[name]
        if method is Method.zero:  # new channels have moves of their own
            corner = tuple(slice(size) for size in state[name].shape)
            move, found = move[corner], found[corner]
        assert (move - found).abs().max() <= 1e-7 * RATE + 1e-7 * move.abs().max(), name


def test_groups_of_parameters_stay() -> None:
    """SlowFast's: the norms first. Those of appended blocks join their like."""
    small, large = pair()
    model = built(small)
    norms = [p for m in model.modules() if isinstance(m, nn.BatchNorm3d) for p in m.parameters()]
    others = [p for p in model.parameters() if not any(p is norm for norm in norms)]
    optimizer = torch.optim.SGD([{"params": norms, "weight_decay": 0.0}, {"params": others}], RATE, 0.9)
    step(model, optimizer, 0)
    growth = Growth(small, large)
    grown = growth.weights(model.state_dict())
    held = OptimizerState(optimizer.state_dict(), model.state_dict(), "test")
    kept = held.grown(model.state_dict(), Naming(None, "x3dspec"), growth, (small, large), grown)
    first, second = kept["param_groups"]
    assert (first["weight_decay"], second["weight_decay"]) == (0.0, 0)
    larger = built(large, grown)
    count = sum(isinstance(module, nn.BatchNorm3d) for module in larger.modules())
    assert len(first["params"]) == 2 * count
    assert [*first["params"], *second["params"]] == [*range(len([*larger.parameters()]))]
    assert len(kept["state"]) == len([*model.parameters()])


def damaged(change: Callable[[dict[str, Any]], None]) -> SpecError:
    small, _ = pair()
    model = built(small)
    optimizer = SGD(model.parameters())
    step(model, optimizer, 0)
    content = optimizer.state_dict()
    change(content)
    with pytest.raises(SpecError) as caught:
        OptimizerState(content, model.state_dict(), "ckpt.pt")
    return caught.value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c["state"][0].update(square_avg=torch.zeros(1)),
            "keeps 'square_avg' of conv1.conv_s.weight",
        ),
        (
            lambda c: c["state"][0].update(momentum_buffer=torch.zeros(7)),
            "of conv1.conv_s.weight is of another",
        ),
        (lambda c: c["param_groups"][0]["params"].pop(), "parameters, the network has"),
        (lambda c: c.update(param_groups=3), "groups are damaged"),
        (lambda c: c["state"].update({"x": {}}), "of parameter 'x' is damaged"),
    ],
)
def test_another_optimisers_state_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    assert message in str(damaged(change))


def test_what_matters_most_is_kept() -> None:
    """What was grown with zeros shrinks to what it was: channels and blocks of zero weight go first."""
    small, large = pair()
    start = built(small).state_dict()
    grown = Growth(small, large).weights(start)
    for key, tensor in grown.items():
        if key.endswith(("norm_a.weight", "norm_b.weight", "norm_c.weight", "norm.weight", "fc1.weight")):
            tensor[start[key].shape[0] if key in start else 0 :] = 0
    back = shrink(grown, large, small)
    assert back.keys() == start.keys()
    for key in start:
        assert back[key].shape == start[key].shape
    for key in ("res2.0.norm_a.weight", "res3.1.norm_b.bias", "conv1.norm.weight"):
        assert torch.equal(back[key], start[key]), key
    built(small, back)
    with pytest.raises(SpecError, match=r"cannot shrink so|and only"):
        shrink(start, small, large)


def test_blocks_keep_their_kind() -> None:
    """Squeeze-excitation alternates: a block goes to a place of its own kind, the most important first."""
    spec = x3dspec.load("x2d").choose(classes=5)
    large, small = spec.resolve(gamma_d=2), spec.resolve(gamma_d=1)
    state = built(large).state_dict()
    for index in range(10):
        state[f"res4.{index}.norm_c.weight"].fill_(index)
    back = shrink(state, large, small)
    means = [float(back[f"res4.{index}.norm_c.weight"].mean()) for index in range(5)]
    assert means == [0, 7, 6, 9, 8]


def test_statistics_are_those_of_the_clips(tmp_path: Path) -> None:
    resolved = x3dspec.load("x2d").choose(classes=5).resolve(gamma_w="0.5", gamma_t=2, gamma_s="2/7")
    model = built(resolved)
    data = torch.randn(12, 3, 2, 32, 32) * 3 + 1
    torch.save(data, tmp_path / "clips.pt")
    state = recalibrated(model.state_dict(), resolved, clips.batches(tmp_path / "clips.pt", resolved))
    with torch.no_grad():
        first = [model.conv1.conv_t(model.conv1.conv_s(x)) for x in data.double().split(8)]  # type: ignore[operator, union-attr]
    means = torch.stack([x.mean((0, 2, 3, 4)) for x in first]).mean(0)
    assert torch.allclose(state["conv1.norm.running_mean"], means)
    same = [key for key in state if "running" not in key and "num_batches" not in key]
    assert all(torch.equal(state[key], model.state_dict()[key]) for key in same)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            torch.zeros(2, 3, 4, 32, 32),
            "holds torch.float32 of 2 x 3 x 4 x 32 x 32, not floats of N x 3 x 2 x 32 x 32",
        ),
        (torch.zeros(2, 3, 2, 32, 32, dtype=torch.uint8), "holds torch.uint8"),
        (torch.zeros(0, 3, 2, 32, 32), "holds no clips"),
        ({"clips": torch.zeros(1)}, "something else than one tensor"),
    ],
)
def test_other_clips_are_refused(tmp_path: Path, content: object, message: str) -> None:
    resolved = x3dspec.load("x2d").resolve(gamma_t=2, gamma_s="2/7")
    torch.save(content, tmp_path / "clips.pt")
    with pytest.raises(SpecError, match=message):
        [*clips.batches(tmp_path / "clips.pt", resolved)]


def test_clips_of_videos(tmp_path: Path) -> None:
    pytest.importorskip("av")
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    import make_clips

    make_clips.make(tmp_path / "clips", 1, 1)
    resolved = x3dspec.load("x2d").resolve(gamma_t=2, gamma_s="2/7", gamma_tau=12)
    [batch] = clips.batches(tmp_path / "clips", resolved)
    assert batch.shape == (8, 3, 2, 32, 32)
    assert -2.1 < float(batch.mean()) < 0
    (tmp_path / "none").mkdir()
    with pytest.raises(SpecError, match="holds no videos"):
        [*clips.batches(tmp_path / "none", resolved)]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """pytorchvideo's own module, trained a step: it goes on from a larger one's checkpoint."""
    small = (
        x3dspec.load("x2d")
        .choose(shortcut_norm="on_width_change", classes=5)
        .resolve(gamma_t=4, gamma_s="4/7")
    )
    model = peers.create_x3d(small, 4, 64).train()
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    model(torch.randn(2, 3, 4, 64, 64)).square().mean().backward()
    optimizer.step()
    path, out = tmp_path / "small.pyth", tmp_path / "large.pyth"
    torch.save(
        {"model_state": model.state_dict(), "optimizer_state": optimizer.state_dict(), "epoch": 3}, path
    )
    assert (
        run(["grow", str(path), "--optimizer", "--gamma-b", "1.5", "--gamma-d", "1.5", "-o", str(out)]) == 0
    )
    written = torch.load(out)
    large = small.architecture.resolve(gamma_t=4, gamma_s="4/7", gamma_b="1.5", gamma_d="1.5")
    larger = peers.create_x3d(large, 4, 64).train()
    larger.load_state_dict(written["model_state"])
    other = torch.optim.AdamW(larger.parameters(), 7.0)
    other.load_state_dict(written["optimizer_state"])
    assert other.param_groups[0]["lr"] == RATE
    larger(torch.randn(2, 3, 4, 64, 64)).square().mean().backward()
    other.step()

    torch.save(torch.randn(4, 3, 1, 112, 112), tmp_path / "clips.pt")
    words = ["--shrink", "--gamma-b", "1", "--gamma-d", "1", "--recalibrate", str(tmp_path / "clips.pt")]
    capsys.readouterr()
    assert run(["grow", str(out), *words, "-o", str(tmp_path / "back.safetensors")]) == 0
    shown = capsys.readouterr()
    assert "not the same function" in shown.err
    assert "the norms' statistics are those of" in shown.err
    assert run(["identify", str(tmp_path / "back.safetensors")]) == 0
    assert "x2d, " in capsys.readouterr().out
    for words, message in (
        (["--optimizer", "-o", str(tmp_path / "a.safetensors")], "can hold more than tensors"),
        (["--optimizer", "--shrink", "-o", str(tmp_path / "a.pt")], "grows only"),
        (["--recalibrate", str(tmp_path / "none.pt"), "-o", str(tmp_path / "a.pt")], "no such file"),
    ):
        assert run(["grow", str(out), "--gamma-w", "1.5", *words]) == 2
        assert message in capsys.readouterr().err
        assert not list(tmp_path.glob("a.*"))


def test_a_spec_without_rules_has_our_names(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    resolved = x3dspec.load(str(own)).resolve()
    state = emitted.build(resolved).state_dict()
    found = transferred(Checkpoint(state, (), {}), "own.pt", resolved, resolved, Way())
    assert all(torch.equal(found.state[key], state[key]) for key in state)
    lacking = Checkpoint({key: state[key] for key in state if key != "fc.bias"}, (), {})
    with pytest.raises(SpecError, match=r"fc\.bias is missing"):
        transferred(lacking, "own.pt", resolved, resolved, Way())
