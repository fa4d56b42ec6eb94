"""What was emitted, imported and run: it costs what the spec says, for any clip, and reads as if written
by hand."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import emitted
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from x3dspec.codegen.module import source
from x3dspec.language import shipped as assets
from x3dspec.network.architecture import Architecture, Resolved, load

torch.set_num_threads(1)

NETWORKS = Path(__file__).parents[1] / "networks"
X3D = [name for name in assets.shipped() if name.startswith(("x2d", "x3d"))]


def dialects() -> list[Architecture]:
    return [
        load("x2d").choose(shortcut_norm=norm, conv1_temporal_kernel=kernel)
        for norm in ("always", "on_width_change")
        for kernel in (5, 3)
    ]


def settings_of_x3d(count: int) -> Iterator[Resolved]:
    """The same random settings every time, over all dialects."""
    generator = random.Random(7)
    for index in range(count):
        yield dialects()[index % 4].resolve(
            gamma_t=generator.randint(1, 16),
            gamma_s=Fraction(generator.randint(4, 28), 14),
            gamma_w=Fraction(generator.randint(30, 150), 100),
            gamma_b=Fraction(generator.randint(50, 300), 100),
            gamma_d=Fraction(generator.randint(30, 250), 100),
        )


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Emitted text by a name for it: the shipped specs, random settings, other kinds of network."""
    resolved = {name: load(name).resolve() for name in assets.shipped()}
    resolved |= {f"random{index}": each for index, each in enumerate(settings_of_x3d(12))}
    resolved |= {path.stem: load(str(path)).resolve() for path in sorted(NETWORKS.glob("*.yaml"))}
    return {name: source(each) for name, each in resolved.items()}


def logits(model: nn.Module, *clip: int) -> torch.Tensor:
    with torch.no_grad():
        result = model(torch.randn(1, *clip))
    assert isinstance(result, torch.Tensor)
    return result


# Running it


@pytest.mark.parametrize("name", X3D)
def test_a_shipped_network_takes_any_clip(name: str) -> None:
    model = emitted.on_meta(load(name).resolve())
    for frames, height, width in ((1, 32, 32), (2, 33, 33), (5, 64, 41), (16, 224, 224)):
        with torch.no_grad():
            result = model(torch.empty(2, 3, frames, height, width, device="meta"))
        assert result.shape == (2, 400)


@pytest.mark.parametrize("resolved", list(settings_of_x3d(12)))
def test_random_settings_run(resolved: Resolved) -> None:
    torch.manual_seed(0)
    model = emitted.build(resolved, num_classes=5, in_channels=2, dropout=0.1).eval()
    for clip in ((1, 32, 32), (3, 40, 33)):
        result = logits(model, 2, *clip)
        assert result.shape == (1, 5)
        assert torch.isfinite(result).all()


def test_a_clip_of_a_batch_is_as_alone() -> None:
    torch.manual_seed(0)
    model = emitted.build(load("x2d").resolve()).eval()
    clips = torch.randn(3, 3, 2, 32, 32)
    with torch.no_grad():
        together, alone = model(clips), torch.cat([model(clip[None]) for clip in clips])
    assert torch.allclose(together, alone, atol=1e-6)


def test_training_ends_at_zero_loss_on_two_clips() -> None:
    """Gradients point where they should: in-place functions keep what the backward pass needs."""
    torch.manual_seed(0)
    model = emitted.build(load("x2d").resolve(), num_classes=2, dropout=0.0).train()
    clips, labels = torch.randn(4, 3, 2, 32, 32), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(clips), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@pytest.mark.parametrize("name", ["small2d", "mobile2d", "i3d", "corners", "x2d"])
def test_gradients_are_those_without_in_place_functions(name: str) -> None:
    path = NETWORKS / f"{name}.yaml"
    resolved = load(str(path) if path.exists() else name).resolve()
    text = source(resolved)
    frames = [] if resolved.network.frames is None else [8]
    clip = [resolved.network.inputs.channels, *frames, 32, 32]
    found = []
    for each in (text, text.replace(", inplace=True", "").replace("inplace=True", "")):
        torch.manual_seed(0)
        model = getattr(emitted.module(each), name)().double().train()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
                nn.init.ones_(module.weight)
        torch.manual_seed(1)
        model(torch.randn(2, *clip, dtype=torch.float64)).square().sum().backward()
        found.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_a_residual_branch_starts_as_nothing() -> None:
    """The last norm of each branch starts at zero, so that a block starts as its shortcut."""
    model = emitted.build(load("x2d").resolve())
    weights = {name: p for name, p in model.named_parameters() if name.endswith("norm_c.weight")}
    assert len(weights) == 11
    assert all(not weight.any() for weight in weights.values())


def test_an_image_network_is_two_dimensional() -> None:
    model = emitted.on_meta(load(str(NETWORKS / "small2d.yaml")).resolve())
    kinds = {type(module) for module in model.modules()}
    assert {nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d} <= kinds
    assert not kinds & {nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d}
    with torch.no_grad():
        assert model(torch.empty(2, 3, 48, 80, device="meta")).shape == (2, 10)


def test_without_pre_logits_the_head_is_the_classifier() -> None:
    torch.manual_seed(0)
    model = emitted.build(load("x2d").resolve()).eval()
    x = torch.randn(1, 3, 1, 32, 32)
    with torch.no_grad():
        features = model.forward_features(x)  # type: ignore[operator]
        hidden = model.forward_head(features, pre_logits=True)  # type: ignore[operator]
        assert features.shape == (1, 192, 1, 1, 1)
        assert hidden.shape == (1, 2048)
        assert torch.equal(model.fc2(hidden), model(x))  # type: ignore[operator]


# What it costs


def counted(resolved: Resolved) -> tuple[int, float]:
    model = emitted.on_meta(resolved)
    clip = (resolved.network.inputs.channels, *resolved.network.inputs.sizes)
    return emitted.parameters(model), emitted.macs(model, clip)


def hundredths(low: int, high: int) -> st.SearchStrategy[Fraction]:
    return st.integers(low, high).map(lambda value: Fraction(value, 100))


@settings(max_examples=25, deadline=None)
@given(
    dialect=st.sampled_from(dialects()),
    gamma_t=st.integers(1, 64),
    gamma_s=hundredths(30, 400),
    gamma_w=hundredths(30, 400),
    gamma_b=hundredths(50, 600),
    gamma_d=hundredths(30, 800),
)
def test_torch_counts_what_the_spec_does(dialect: Architecture, **factors: int | Fraction) -> None:
    resolved = dialect.resolve(**factors)
    cost = resolved.cost()
    assert counted(resolved) == (cost.params, cost.macs)


@pytest.mark.parametrize("path", sorted(NETWORKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_torch_counts_what_other_specs_do(path: Path) -> None:
    resolved = load(str(path)).resolve()
    cost = resolved.cost()
    assert counted(resolved) == (cost.params, cost.macs)


# How it reads


def test_formatter_linter_and_types_find_nothing(sources: dict[str, str], tmp_path: Path) -> None:
    """Of both forms. Types are read slowly, and deploy forms of a family differ in numbers: three of them."""
    deployed = {name: load(name).resolve() for name in assets.shipped()}
    deployed |= {f"random{index}": each for index, each in enumerate(settings_of_x3d(8))}
    texts = sources | {f"{name}_deploy": source(each, form="deploy") for name, each in deployed.items()}
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    typed = [*sources, "x3d_s_deploy", "mobilenet_v3_large_deploy", "r2plus1d_r50_deploy"]
    for command in (
        ["ruff", "format", "--isolated", "--check", "."],
        ["ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,B,UP,SIM,RET", "."],
        ["mypy", "--strict", "--config-file", os.devnull, "--cache-dir", ".cache"]
        + [f"{name}.py" for name in sorted(typed)],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def names(tree: ast.AST) -> list[str]:
    """Every name that is read, attributes included."""
    loaded = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return loaded + [n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)]


def classes(text: str) -> list[ast.ClassDef]:
    return [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]


def calls(text: str, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def test_every_class_is_used(sources: dict[str, str]) -> None:
    for name, text in sources.items():
        for each in classes(text):
            assert calls(text, each.name), (name, each.name)


def test_every_module_is_run(sources: dict[str, str]) -> None:
    for name, text in sources.items():
        for each in classes(text):
            tree = ast.parse(text)
            assigned = {
                node.attr
                for node in ast.walk(each)
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            }
            read = {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
            }
            unread = assigned - read - {"num_classes"}  # for the user to read
            assert not unread, (name, each.name, unread)


def test_no_parameter_is_left_unread_or_always_the_same(sources: dict[str, str]) -> None:
    for name, text in sources.items():
        for each in classes(text)[:-1]:
            given_by_call = [arguments(call, each) for call in calls(text, each.name)]
            for parameter in parameters_of(each):
                assert parameter in names(each), (name, each.name, parameter)
                values = {call.get(parameter) for call in given_by_call}
                fixed = each.name.startswith(("SqueezeExcite", "Scale")) or parameter == "in_channels"
                assert len(values) > 1 or fixed, (name, each.name, parameter, values)


def parameters_of(each: ast.ClassDef) -> list[str]:
    init = each.body[1]
    assert isinstance(init, ast.FunctionDef)
    return [argument.arg for argument in (*init.args.args, *init.args.kwonlyargs)][1:]


def arguments(call: ast.Call, each: ast.ClassDef) -> dict[str, str]:
    given = {keyword.arg or "": ast.unparse(keyword.value) for keyword in call.keywords}
    return given | dict(zip(parameters_of(each), map(ast.unparse, call.args), strict=False))


def test_no_line_is_long_and_no_module_either(sources: dict[str, str]) -> None:
    for name, text in sources.items():
        lines = text.splitlines()
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        long = [line for line in lines if len(line) > 88 and not line.startswith("# ")]
        assert long == [], name
    assert all(len(sources[name].splitlines()) < 360 for name in X3D)


def test_bytes_are_a_function_of_the_spec() -> None:
    code = (
        "import sys, x3dspec.network.architecture as a, x3dspec.codegen.module as e\n"
        "for name in sys.argv[1:]: sys.stdout.buffer.write(e.source(a.load(name).resolve()).encode())"
    )
    specs = ["x3d_m", *map(str, sorted(NETWORKS.glob("*.yaml")))]
    written = {
        subprocess.run(
            [sys.executable, "-c", code, *specs],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(written) == 1
    assert len(written.pop()) > 10_000
