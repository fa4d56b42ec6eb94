"""Which network a checkpoint is of: random networks in every dialect are found again, damaged ones refused.

``X3DSPEC_IDENTIFY=100 pytest tests/pytorch/test_identify.py`` draws a hundred X3Ds instead of a few.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import emitted
import pytest
import torch

import x3dspec
from x3dspec.cli import run
from x3dspec.language import shipped
from x3dspec.language.errors import SpecError
from x3dspec.network import tensors
from x3dspec.network.architecture import Resolved
from x3dspec.network.simplest import candidates, simplest
from x3dspec.pytorch import key_rules, key_rules_reader
from x3dspec.pytorch.identify import Shapes, identify

FAMILIES = sorted(path.stem for path in (shipped.folder("specs") / "keys").glob("*.yaml"))
COUNT = int(os.environ.get("X3DSPEC_IDENTIFY", "6"))
FEW = max(1, COUNT // 5)


@pytest.mark.parametrize("name", shipped.shipped())
def test_tensors_are_those_of_the_emitted_module(name: str) -> None:
    resolved = x3dspec.load(name).resolve()
    state = emitted.on_meta(resolved).state_dict()
    assert {t.name: t.shape for t in tensors.of_network(resolved.network)} == {
        key: tuple(tensor.shape) for key, tensor in state.items()
    }


def drawn(family: str, seed: int) -> tuple[Resolved, str]:
    """A random network of a family, and a code base that can name its tensors."""
    draw = random.Random(f"{family} {seed}")
    spec = x3dspec.load(family)
    code_base = draw.choice(rules(family).names)
    options = {name: draw.choice(option.choices) for name, option in spec.source.network.options.items()}
    options |= rules(family).find(code_base).options
    spec = spec.choose(**options, classes=draw.choice([2, 12, 174, 400]))
    factors = {
        factor.name: f"{draw.uniform(0.3, 3):.{draw.choice([1, 2, 3])}f}"
        for factor in spec.factors()
        if factor.name.startswith("gamma_") and factor.name[6:] in ("w", "b", "d")
    }
    return spec.resolve(**factors), code_base


@cache
def rules(family: str) -> key_rules.Rules:
    return key_rules_reader.load_rules(x3dspec.load(family))


def named(resolved: Resolved, code_base: str, family: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's tensors in a code base's names."""
    shapes = {t.name: t.shape for t in tensors.of_network(resolved.network)}
    owners = dict.fromkeys(key.rpartition(".")[0] for key in shapes)
    theirs = rules(family).renamed(code_base, owners)
    dimensions = len(resolved.network.inputs.sizes)
    return {
        f"{theirs[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": (
            (*shape, *[1] * dimensions) if _becomes_conv(key, family, code_base) else shape
        )
        for key, shape in shapes.items()
    }


def _becomes_conv(key: str, family: str, code_base: str) -> bool:
    module, _, parameter = key.rpartition(".")
    return parameter == "weight" and module in rules(family).find(code_base).convolutions


def same(first: Resolved, second: Resolved) -> bool:
    """Whether two networks have the same tensors."""
    return [*tensors.of_network(first.network)] == [*tensors.of_network(second.network)]


def cases() -> Iterator[tuple[str, int]]:
    for family in FAMILIES:
        for seed in range(COUNT if family == "x2d" else FEW):
            yield family, seed


@pytest.mark.parametrize(("family", "seed"), [*cases()])
def test_a_random_network_is_found_again(family: str, seed: int) -> None:
    resolved, code_base = drawn(family, seed)
    answer = identify(named(resolved, code_base, family))
    assert answer.code_base == code_base
    assert same(answer.resolved, resolved), answer.arguments
    assert answer.resolved.network.classes == resolved.network.classes


@pytest.mark.parametrize("name", shipped.shipped())
def test_a_shipped_network_is_found_by_its_name(name: str) -> None:
    resolved = x3dspec.load(name).resolve()
    answer = identify({t.name: t.shape for t in tensors.of_network(resolved.network)})
    assert name in (answer.spec, *answer.alike)


def damaged(shapes: Shapes, seed: int) -> tuple[Shapes, str]:
    """A checkpoint of which one tensor is of another shape, missing, or of another name."""
    draw = random.Random(seed)
    key = draw.choice([key for key, shape in shapes.items() if shape and "fc2" not in key])
    kind = draw.choice(["shape", "missing", "more"])
    if kind == "missing":
        return {other: shape for other, shape in shapes.items() if other != key}, key
    if kind == "more":
        return {**shapes, f"{key}_more": (3,)}, f"{key}_more"
    first, *rest = shapes[key]
    return {**shapes, key: (first + draw.choice([-1, 1, 7]), *rest)}, key


@pytest.mark.parametrize("seed", range(2 * COUNT))
def test_a_damaged_checkpoint_is_refused_by_a_tensor(seed: int) -> None:
    resolved, code_base = drawn("x2d", seed)
    shapes, key = damaged(named(resolved, code_base, "x2d"), seed)
    with pytest.raises(SpecError) as caught:
        identify(shapes)
    message = str(caught.value)
    assert message.partition(": ")[2].partition(": ")[0].strip("'") in {*shapes, key}
    assert "\n" not in message


def test_a_foreign_checkpoint_is_refused_by_its_first_tensor() -> None:
    with pytest.raises(SpecError, match=r"'features\.0\.weight': no network whose names are known has"):
        identify({"features.0.weight": (64, 3, 3, 3), "features.3.weight": (64, 64, 3, 3), "fc.bias": (10,)})


def test_what_tensors_do_not_tell_is_said() -> None:
    resolved = x3dspec.load("efficientnet_b1").resolve()
    shapes = {t.name: t.shape for t in tensors.of_network(resolved.network)}
    answer = identify(shapes)
    assert (answer.spec, answer.untold) == ("efficientnet_b1", ("norms",))
    theirs = identify(
        named(x3dspec.load("efficientnet_b1").choose(norms="torch").resolve(), "timm", "efficientnet")
    )
    assert (theirs.arguments, theirs.untold) == (["efficientnet_b1", "--set", "norms=torch"], ())


def test_an_inner_width_of_floats_has_a_factor() -> None:
    """Where a product of floats falls short, another gamma_b gives that width."""
    spec = x3dspec.load("x2d").choose(shortcut_norm="on_width_change")
    resolved = spec.resolve(gamma_w="1.25", gamma_b="2.0499", gamma_d="2.2")
    stages = [stage for stage in resolved.network.stages if stage.block == "bottleneck"]
    widths = [stage.argument("width") or 0 for stage in stages]
    assert [stage.argument("inner") for stage in stages] == [int(2.05 * width) for width in widths]
    assert 2.05 * widths[2] < 246
    assert same(identify(named(resolved, "pytorchvideo", "x2d")).resolved, resolved)


def test_the_simplest_number() -> None:
    assert simplest(Fraction("2.01"), Fraction("2.2")) == Fraction(11, 5)
    assert simplest(Fraction(1, 3), Fraction(1, 3)) == Fraction(1, 3)
    assert simplest(Fraction("0.99"), Fraction("1.01")) == 1
    assert next(candidates(Fraction("1.44"), Fraction("1.46"))) == Fraction("1.45")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrapped and prefixed, as trainers leave it; the line it prints resolves the network."""
    resolved = x3dspec.load("x2d").choose(classes=12, shortcut_norm="on_width_change").resolve(gamma_b="1.7")
    shapes = named(resolved, "pytorchvideo", "x2d")
    state = {f"module.{key}": torch.zeros(shape) for key, shape in shapes.items()}
    torch.save({"epoch": 3, "model_state": state}, tmp_path / "ckpt.pyth")
    assert run(["identify", str(tmp_path / "ckpt.pyth")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "pytorchvideo's names" in lines[0]
    expected = "x3dspec resolve x2d --gamma-w 1 --gamma-b 1.7 --gamma-d 1 --set shortcut_norm=on_width_change"
    assert lines[-1] == f"{expected} --set classes=12"
    assert run(lines[-1].split()[1:]) == 0
    capsys.readouterr()
    assert run(["convert-weights", str(tmp_path / "ckpt.pyth"), "-o", str(tmp_path / "own.pt")]) == 0
    assert "identified: x2d --gamma-w 1" in capsys.readouterr().err
    assert torch.load(tmp_path / "own.pt", weights_only=True)["fc2.weight"].shape == (12, 2048)
