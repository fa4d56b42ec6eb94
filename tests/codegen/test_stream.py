"""The stream form: every frame as in the clip form, the state that the formula says, and what is refused."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import emitted
import peers
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from x3dspec.codegen.module import counted, source
from x3dspec.language.errors import SpecError
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved, load
from x3dspec.pytorch.verify import verify

NETWORKS = Path(__file__).parents[1] / "networks"
#: Random networks; the evidence for the documents was made with 200.
COUNT = int(os.environ.get("X3DSPEC_STREAMS", "20"))
TOLERANCE = 1e-12


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_networks(count: int) -> Iterator[Resolved]:
    """The same random networks of the X3D spec every time, in its dialects."""
    generator = random.Random(11)
    for _ in range(count):
        yield (
            load("x2d")
            .choose(
                shortcut_norm=generator.choice(("always", "on_width_change")),
                conv1_temporal_kernel=generator.choice((3, 5)),
                squeeze_excite=generator.choice(("alternate", "none")),
            )
            .resolve(
                gamma_t=generator.randint(1, 9),
                gamma_s=Fraction(generator.randint(4, 12), 14),
                gamma_w=Fraction(generator.randint(30, 110), 100),
                gamma_b=Fraction(generator.randint(50, 250), 100),
                gamma_d=Fraction(generator.randint(30, 150), 100),
            )
        )


def pair(resolved: Resolved) -> tuple[nn.Module, nn.Module]:
    """The form that trains and the stream that has loaded its random weights, in 64 bits."""
    name = resolved.network.identity.name
    train = getattr(emitted.module(source(resolved, form="stream_train")), f"{name}_stream_train")().double()
    state = peers.randomised(train.state_dict(), seed=0)
    train.load_state_dict(state)
    text = source(resolved, form="stream")
    streaming = getattr(emitted.module(text), f"{name}_stream")().double().eval()
    streaming.load_train_state(state)
    return train.eval(), streaming


def expected(train: nn.Module, clip: Tensor, window: int) -> Tensor:
    """The logits after every frame, by the clip's features: the head sees the mean of the last frames."""
    features = train.forward_features(clip)  # type: ignore[operator]
    answers = []
    for last in range(clip.shape[2]):
        seen = features[:, :, max(0, last - window + 1) : last + 1]
        answers.append(train.forward_head(seen))  # type: ignore[operator]
    return torch.stack(answers, 1)


def worst(resolved: Resolved, frames: int, size: int, batch: int = 1) -> float:
    train, streaming = pair(resolved)
    torch.manual_seed(1)
    clip = torch.randn(batch, resolved.network.inputs.channels, frames, size, size, dtype=torch.float64)
    with torch.no_grad():
        ours = streaming.forward_clip(clip)  # type: ignore[operator]
        theirs = expected(train, clip, resolved.network.frames or 0)
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("name", ["x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl"])
def test_every_frame_is_that_of_the_clip(name: str) -> None:
    resolved = load(name).resolve()
    frames = (resolved.network.frames or 0) + 1  # more than the head's window, where that is quick
    assert worst(resolved, frames if frames < 6 or COUNT > 20 else 3, 32) < TOLERANCE


@pytest.mark.parametrize("resolved", list(random_networks(COUNT)))
def test_random_networks_stream(resolved: Resolved) -> None:
    assert worst(resolved, random.Random(3).randint(1, 7), 33, batch=2) < TOLERANCE


@pytest.mark.parametrize("name", ["slow_r50"])
def test_other_families_stream(name: str) -> None:
    assert worst(load(name).resolve(), 5, 32) < TOLERANCE


def test_after_a_clip_of_the_specs_frames_it_is_the_clips_answer() -> None:
    resolved = load("x3d_xs").choose(squeeze_excite="none").resolve()
    train, streaming = pair(resolved)
    published = emitted.build(resolved).double().eval()
    published.load_state_dict(train.state_dict())
    clip = torch.randn(1, 3, 4, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        last = streaming.forward_clip(clip)[:, -1]  # type: ignore[operator]
        assert torch.allclose(last, published(clip), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "macs", "convolutions", "shortcuts", "frames", "delay"),
    [
        ("x3d_s", 152_711_312, 2_191_200, 350_400, 57, 28),
        ("x3d_m", 297_525_776, 4_294_752, 686_784, 57, 28),
        ("x3d_l", 1_149_881_456, 14_522_976, 2_708_160, 115, 57),
        ("slow_r50", 5_218_320_384, 1_204_224, 1_505_280, 19, 9),
    ],
)
def test_a_step_costs_and_remembers_what_the_formula_says(
    name: str, macs: int, convolutions: int, shortcuts: int, frames: int, delay: int
) -> None:
    resolved = load(name).resolve()
    found = counted(resolved, "stream")
    memory = stream.memory(found.network)
    assert found.cost().macs == macs
    assert (memory.convolutions, memory.shortcuts) == (convolutions, shortcuts)
    assert (memory.frames, memory.delay) == (frames, delay)
    with torch.device("meta"):
        model = getattr(emitted.module(source(resolved, form="stream")), f"{name}_stream")().eval()
        state = model.initial_state()
        assert emitted.parameters(model) == found.cost().params
        tensors = [x for key, x in state.items() if key not in ("time", "length")]
        assert sum(x.numel() for x in tensors) == memory.numbers
        assert max(x.dim() for x in (*tensors, *model.parameters())) <= 4
        size = found.network.size
        with FlopCounterMode(display=False) as counter:
            _, after = model.step(torch.empty(1, 3, size, size), state)
    assert counter.get_total_flops() == 2 * macs
    assert {key: x.shape for key, x in after.items()} == {key: x.shape for key, x in state.items()}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet_b0", "this network is 2-D: it has no frames to stream"),
        ("c2d_r50", "pool2: a stream takes no stride in time"),
        ("r2plus1d_r50", "conv_t: a stream takes no stride in time"),
    ],
)
def test_what_cannot_stream_is_named(name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        source(load(name).resolve(), form="stream")


def test_weights_are_loaded_strictly() -> None:
    _, streaming = pair(load("x2d").resolve())
    with pytest.raises(RuntimeError, match=r"conv1\.conv_s\.weight is missing; .*; other is unexpected"):
        streaming.load_train_state({"other": torch.zeros(1)})  # type: ignore[operator]


@pytest.mark.parametrize("form", ["stream", "stream_train"])
def test_verify_knows_the_form(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"x3d_xs_{form}.py"
    text = source(load("x3d_xs").resolve(gamma_d=1), form=form)
    path.write_text(text)
    report = verify(path)
    assert report.ok, [check for check in report.checks if not check.ok]
    spoiled = {"stream": "sums[0] + last", "stream_train": "x.mean(dim=(3, 4), keepdim=True)"}[form]
    path.write_text(text.replace(spoiled, {"stream": "last", "stream_train": "x[:, :, :, :1, :1]"}[form]))
    assert not verify(path).ok


def test_the_formatter_the_linter_and_types_find_nothing(tmp_path: Path) -> None:
    for name in ("x3d_s", "slow_r50"):
        for form in ("stream", "stream_train"):
            (tmp_path / f"{name}_{form}.py").write_text(source(load(name).resolve(), form=form))
    for command in (
        ["ruff", "format", "--isolated", "--check", "."],
        ["ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,B,UP,SIM,RET", "."],
        ["mypy", "--strict", "--config-file", os.devnull, "x3d_s_stream.py", "slow_r50_stream.py"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
