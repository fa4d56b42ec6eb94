"""The other families: what their specs say against the networks that others build.

The video networks are pytorchvideo's, the image networks timm's; where timm is not installed, its
figures, which are written down here, remain. `test_timm_figures` holds those against timm itself.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import emitted
import family_peers
import peers
import pytest
import torch
from torch import nn

import x3dspec
from x3dspec.language.errors import SpecError
from x3dspec.network import preset
from x3dspec.network.architecture import Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.units import parse_target
from x3dspec.pytorch import convert, key_rules_reader
from x3dspec.pytorch.identify import identify
from x3dspec.scaling.axes import axes
from x3dspec.scaling.budget import budgeted
from x3dspec.scaling.steps import doubling_step
from x3dspec.scaling.trajectory import State, Step

ROOT = Path(__file__).parents[2]

#: Parameters and MACs at the clip of the model zoo; then a small clip that both sides accept.
VIDEO = {
    "slow_r50": (32_454_096, 41_740_828_672, (3, 64)),
    "c2d_r50": (24_327_632, 19_493_191_680, (4, 64)),
    "i3d_r50": (28_043_472, 28_407_660_544, (6, 64)),
    "r2plus1d_r50": (28_107_600, 57_533_825_024, (8, 64)),
    "csn_r101": (22_213_776, 56_468_187_136, (16, 64)),
}
#: Parameters and GMACs of torchvision as its Weights print them.
TORCHVISION = {
    "r3d_18": (33_371_472, "40.697"),
    "mc3_18": (11_695_440, "43.343"),
    "r2plus1d_18": (31_505_325, "40.519"),
}
#: timm's name, parameters, and MACs at the spec's size: timm 1.0.31.
IMAGE = {
    "efficientnet": ("efficientnet_b0", 5_288_548, 385_814_752),
    "efficientnet_b0": ("efficientnet_b0", 5_288_548, 385_814_752),
    "efficientnet_b1": ("efficientnet_b1", 7_794_184, 686_802_832),
    "efficientnet_b2": ("efficientnet_b2", 9_109_994, 993_561_872),
    "efficientnet_b3": ("efficientnet_b3", 12_233_232, 1_827_141_392),
    "efficientnet_b4": ("efficientnet_b4", 19_341_616, 4_393_771_024),
    "efficientnet_b5": ("efficientnet_b5", 30_389_784, 10_266_384_752),
    "efficientnet_b6": ("efficientnet_b6", 43_040_704, 19_067_593_536),
    "efficientnet_b7": ("efficientnet_b7", 66_347_960, 37_745_884_192),
    "mobilenet_v2": ("mobilenetv2_100", 3_504_872, 300_774_272),
    "mobilenet_v3_large": ("mobilenetv3_large_100", 5_483_032, 216_589_760),
    "mobilenet_v3_small": ("mobilenetv3_small_100", 2_542_856, 56_510_400),
    "efficientnet_lite0": ("efficientnet_lite0", 4_652_008, 385_187_552),
    "efficientnet_lite1": ("efficientnet_lite1", 5_416_680, 600_185_232),
    "efficientnet_lite2": ("efficientnet_lite2", 6_092_072, 859_736_272),
    "efficientnet_lite3": ("efficientnet_lite3", 8_197_096, 1_383_321_872),
    "efficientnet_lite4": ("efficientnet_lite4", 13_006_568, 2_553_034_336),
    "efficientnetv2_s": ("efficientnetv2_s", 21_458_488, 8_365_617_152),
    "convnext_tiny": ("convnext_tiny", 28_589_128, 4_455_531_264),
    "resnet": ("resnet50", 25_557_032, 4_089_184_256),
    "resnet_basic": ("resnet18", 11_689_512, 1_814_073_344),
    "regnetx_032": ("regnetx_032", 15_296_552, 3_176_621_952),
    "regnety_040": ("regnety_040", 20_646_656, 3_973_288_448),
}
FAMILIES = (
    *VIDEO,
    *("r3d_18", "mc3_18", "r2plus1d_18"),
    *("efficientnet", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"),
    *("efficientnet_lite0", "efficientnetv2_s", "convnext_tiny"),
)
#: Of the image networks whose logits are compared: the smallest, one that repeats its first block and
#: one that is wider.
WEIGHED = (
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "mobilenet_v2", "mobilenet_v3_large"),
    *("mobilenet_v3_small", "efficientnet_lite0", "efficientnetv2_s"),
)

needs_torchvision = pytest.mark.skipif(
    find_spec("torchvision") is None, reason="torchvision is not installed"
)
needs_timm = pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def published(name: str, **options: Any) -> Resolved:
    """A shipped spec as it stands, or with options chosen."""
    return x3dspec.load(f"specs/{name}.yaml").choose(**options).resolve()


def clip(resolved: Resolved) -> tuple[int, ...]:
    """The shape that a network is counted at."""
    return (resolved.network.inputs.channels, *resolved.network.inputs.sizes)


def counted(model: nn.Module, shape: tuple[int, ...]) -> tuple[int, float]:
    return emitted.parameters(model), emitted.macs(model, shape)


@pytest.mark.parametrize("name", VIDEO)
def test_video_network_counts_as_the_model_zoo_does(name: str) -> None:
    resolved = published(name)
    expected = VIDEO[name][:2]
    with torch.device("meta"):
        theirs = family_peers.model_zoo(name)
    assert (resolved.cost().params, resolved.cost().macs) == expected
    assert counted(emitted.on_meta(resolved), clip(resolved)) == expected
    assert counted(theirs, clip(resolved)) == expected


@pytest.mark.parametrize("name", TORCHVISION)
def test_video_network_counts_as_torchvision_prints(name: str) -> None:
    resolved = published(name)
    cost = resolved.cost()
    assert (cost.params, f"{cost.macs / 1e9:.3f}") == TORCHVISION[name]
    assert counted(emitted.on_meta(resolved), clip(resolved)) == (cost.params, cost.macs)


@needs_torchvision
@pytest.mark.parametrize("name", TORCHVISION)
@pytest.mark.parametrize(("frames", "size"), [(8, 64), (5, 57)])
def test_logits_are_torchvisions(name: str, frames: int, size: int) -> None:
    theirs = family_peers.torchvision(name)
    assert difference(published(name), theirs, "torchvision", (3, frames, size, size)) < 1e-5


@needs_torchvision
@pytest.mark.parametrize(("name", "kind"), [("r3d_18", "Conv3DSimple"), ("r2plus1d_18", "Conv2Plus1D")])
def test_a_video_network_of_34_layers_is_torchvisions(name: str, kind: str) -> None:
    resolved = published(name, depth=34)
    with torch.device("meta"):
        theirs = family_peers.video_resnet(kind, (3, 4, 6, 3))
    assert counted(theirs, clip(resolved)) == (resolved.cost().params, resolved.cost().macs)


@pytest.mark.parametrize("name", IMAGE)
def test_image_network_counts_as_timm_does(name: str) -> None:
    resolved = published(name)
    expected = IMAGE[name][1:]
    assert (resolved.cost().params, resolved.cost().macs) == expected
    assert counted(emitted.on_meta(resolved), clip(resolved)) == expected


@needs_timm
@pytest.mark.parametrize("name", [name for name in IMAGE if name != "efficientnet"])
def test_timm_figures(name: str) -> None:
    with torch.device("meta"):
        theirs = family_peers.timm(IMAGE[name][0])
    assert counted(theirs, clip(published(name))) == IMAGE[name][1:]


def difference(
    resolved: Resolved, theirs: nn.Module, code_base: str, shape: tuple[int, ...], *, fresh: bool = True
) -> float:
    """The greatest difference of logits between a reference, with random weights or its own, and ours."""
    state = theirs.state_dict()
    if fresh:
        state = peers.randomised(state, seed=1)
        theirs.load_state_dict(state)
    ours = emitted.build(resolved).eval()
    rules = key_rules_reader.load_rules(resolved.architecture)
    ours.load_state_dict(convert.convert(state, code_base, "x3dspec", rules, resolved).state)
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected, logits = theirs(x), ours(x)
    assert expected.std() > 0.01, "logits that say nothing"
    return float((expected - logits).abs().max())


@pytest.mark.parametrize("name", VIDEO)
def test_logits_are_the_model_zoos(name: str) -> None:
    frames, size = VIDEO[name][2]
    theirs = family_peers.model_zoo(name, frames, size)
    furthest = difference(published(name), theirs, "pytorchvideo", (3, frames, size, size))
    assert furthest < 1e-5


@pytest.mark.parametrize("name", VIDEO)
def test_logits_are_the_model_zoos_at_a_test_crop(name: str) -> None:
    frames, size = VIDEO[name][2]
    theirs = family_peers.model_zoo(name, frames, size)
    spec = x3dspec.load(name).choose(head="window")
    resolved = spec.resolve(gamma_t=frames, gamma_s=Fraction(size, 224))
    assert difference(resolved, theirs, "pytorchvideo", (3, 2 * frames, size + 32, size + 32)) < 1e-5


@needs_timm
@pytest.mark.parametrize("name", WEIGHED)
def test_logits_are_timms(name: str) -> None:
    theirs = family_peers.timm(IMAGE[name][0])
    furthest = difference(published(name, norms="torch"), theirs, "timm", (3, 96, 96))
    assert furthest < 1e-5


@needs_timm
@pytest.mark.parametrize("name", WEIGHED)
def test_logits_with_norms_that_have_seen_data(name: str) -> None:
    """Where variances are small, an eps of another size is another function."""
    theirs = calibrated(family_peers.timm(IMAGE[name][0]))
    assert difference(published(name, norms="torch"), theirs, "timm", (3, 64, 64), fresh=False) < 1e-5
    with pytest.raises(SpecError) as caught:
        difference(published(name), theirs, "timm", (3, 64, 64), fresh=False)
    assert "has eps 1e-05 there and 0.001 here (timm to x3dspec); --set norms=torch" in str(caught.value)


@needs_timm
@pytest.mark.parametrize("name", ["regnetx_032", "regnety_040", "resnet", "resnet_basic"])
def test_logits_are_timms_where_its_norms_are_the_papers(name: str) -> None:
    """RegNet's blocks are numbered from 1 there."""
    theirs = family_peers.timm(IMAGE[name][0])
    assert difference(published(name), theirs, "timm", (3, 96, 96)) < 1e-5


def calibrated(model: nn.Module) -> nn.Module:
    """A network as it is initialised, with the norms' statistics of noise."""
    torch.manual_seed(3)
    model.train()
    with torch.no_grad():
        for _ in range(30):
            model(torch.randn(8, 3, 64, 64))
    return model.eval()


def test_norms_of_timm_are_refused_by_a_spec_of_others_either_way() -> None:
    resolved = published("mobilenet_v2")
    rules = key_rules_reader.load_rules(resolved.architecture)
    state = emitted.build(resolved).state_dict()
    with pytest.raises(SpecError, match=r"eps 0\.001 there and 1e-05 here .*; --set norms=torch gives"):
        convert.convert(state, "x3dspec", "timm", rules, resolved)


@pytest.mark.parametrize("name", ["tf_mobilenetv3_large_100.in1k", "tf_efficientnet_b0"])
def test_weights_that_no_tensor_tells_from_others_are_refused_by_name(name: str) -> None:
    resolved = published("mobilenet_v3_large", norms="torch")
    rules = key_rules_reader.load_rules(resolved.architecture)
    state = convert.convert(emitted.build(resolved).state_dict(), "x3dspec", "timm", rules, resolved).state
    with pytest.raises(SpecError, match=f"is of timm's '{name}': its convolutions pad as TensorFlow does"):
        convert.convert(state, "auto", "x3dspec", rules, resolved, names=("model", name))


#: timm's name: the spec and its options. Of the last ones the logits are compared.
RESNETS = {
    "resnet34": ("resnet_basic", {"depth": 34}),
    "resnet101": ("resnet", {"depth": 101}),
    "resnet152": ("resnet", {"depth": 152}),
    "resnext101_32x8d": ("resnet", {"depth": 101, "cardinality": 32, "base_width": 8}),
    "wide_resnet50_2": ("resnet", {"base_width": 128}),
    "resnet18": ("resnet_basic", {}),
    "resnext50_32x4d": ("resnet", {"cardinality": 32, "base_width": 4}),
    "seresnet50": ("resnet", {"attention": "se"}),
}


@needs_timm
@pytest.mark.parametrize("name", RESNETS)
def test_every_resnet_is_timms(name: str) -> None:
    spec, options = RESNETS[name]
    resolved = x3dspec.load(spec).choose(**options).resolve()
    with torch.device("meta"):
        theirs = family_peers.timm(name)
    assert counted(theirs, (3, 224, 224)) == (resolved.cost().params, resolved.cost().macs)


@needs_timm
@pytest.mark.parametrize("name", list(RESNETS)[-3:])
def test_logits_of_a_resnet_are_timms(name: str) -> None:
    spec, options = RESNETS[name]
    resolved = x3dspec.load(spec).choose(**options).resolve()
    assert difference(resolved, family_peers.timm(name), "timm", (3, 64, 64)) < 1e-5


SCALED = {
    "mobilenetv2_050": ("mobilenet_v2", {"gamma_w": "0.5"}, {}),
    "mobilenetv2_140": ("mobilenet_v2", {"gamma_w": "1.4"}, {}),
    "mobilenetv2_110d": ("mobilenet_v2", {"gamma_w": "1.1", "gamma_d": "1.2"}, {"stem_and_head": "fixed"}),
    "mobilenetv2_120d": ("mobilenet_v2", {"gamma_w": "1.2", "gamma_d": "1.4"}, {"stem_and_head": "fixed"}),
    "mobilenetv3_large_075": ("mobilenet_v3_large", {"gamma_w": "0.75"}, {}),
    "mobilenetv3_small_075": ("mobilenet_v3_small", {"gamma_w": "0.75"}, {}),
    "efficientnet_lite2": ("efficientnet_lite0", {"gamma_w": "1.1", "gamma_d": "1.2"}, {}),
}


@needs_timm
@pytest.mark.parametrize("name", SCALED)
def test_scaled_networks_are_timms(name: str) -> None:
    spec, factors, options = SCALED[name]
    resolved = x3dspec.load(spec).choose(norms="torch", **options).resolve(**factors)
    with torch.device("meta"):
        assert counted(family_peers.timm(name), (3, 224, 224)) == (
            resolved.cost().params,
            resolved.cost().macs,
        )
    assert difference(resolved, family_peers.timm(name), "timm", (3, 64, 64)) < 1e-5


@needs_timm
@pytest.mark.parametrize("size", ["small", "base", "large"])
def test_every_convnext_counts_as_timms(size: str) -> None:
    resolved = published("convnext_tiny", size=size)
    with torch.device("meta"):
        theirs = family_peers.timm(f"convnext_{size}")
    assert counted(theirs, (3, 224, 224)) == (resolved.cost().params, resolved.cost().macs)


@needs_timm
@pytest.mark.parametrize(("size", "pixels"), [("tiny", 64), ("small", 96)])
def test_logits_of_a_convnext_are_timms(size: str, pixels: int) -> None:
    theirs = family_peers.timm(f"convnext_{size}")
    resolved = published("convnext_tiny", size=size)
    assert difference(resolved, theirs, "timm", (3, pixels, pixels)) < 1e-5
    state = theirs.state_dict()
    rules = key_rules_reader.load_rules(resolved.architecture)
    own = convert.convert(state, "timm", "x3dspec", rules, resolved).state
    back = convert.convert(own, "x3dspec", "timm", rules, resolved).state
    assert [*back] == [*state]
    assert all(torch.equal(back[key], state[key]) for key in state)
    assert (
        identify({key: tuple(tensor.shape) for key, tensor in state.items()}).resolved.network.stages
        == resolved.network.stages
    )


@needs_timm
def test_an_efficientnet_v2_of_another_width_and_depth_is_timms() -> None:
    resolved = x3dspec.load("efficientnetv2_s").choose(norms="torch").resolve(gamma_w="1.4", gamma_d="0.6")
    with torch.device("meta"):
        theirs = family_peers.efficientnet_v2(1.4, 0.6)
    assert counted(theirs, clip(resolved)) == (resolved.cost().params, resolved.cost().macs)
    assert difference(resolved, family_peers.efficientnet_v2(1.4, 0.6), "timm", (3, 64, 64)) < 1e-5


@needs_timm
@pytest.mark.parametrize("width", ["0.35", "0.5", "0.9", "1.1", "1.25", "1.5", "2"])
def test_a_mobilenet_v3_of_any_width_is_timms(width: str) -> None:
    with torch.device("meta"):
        theirs = family_peers.mobilenet_v3(float(width))
    stem = "fixed" if float(width) < 0.75 else "scaled"
    resolved = x3dspec.load("mobilenet_v3_large").choose(stem=stem).resolve(gamma_w=width)
    assert counted(theirs, (3, 224, 224)) == (resolved.cost().params, resolved.cost().macs)


@pytest.mark.parametrize("name", FAMILIES)
def test_scaled_networks_are_what_they_are_counted_as(name: str) -> None:
    """Between the sizes too, and with a clip of another shape than the one they are counted at."""
    architecture = x3dspec.load(name)
    draw = random.Random(name)
    for _ in range(3):
        factors = {
            factor.name: f"{draw.uniform(0.3, 2.2):.2f}"
            for factor in architecture.factors()
            if not factor.derived and factor.name not in ("gamma_t", "gamma_tau")
        }
        if name in VIDEO or name in TORCHVISION:
            factors["gamma_t"] = str(draw.randint(2, 20))
        resolved = architecture.resolve(**factors)
        cost = resolved.cost()
        assert counted(emitted.on_meta(resolved), clip(resolved)) == (cost.params, cost.macs), factors


@pytest.mark.parametrize("name", FAMILIES)
def test_every_axis_doubles(name: str) -> None:
    architecture = x3dspec.load(name)
    for axis in axes(architecture.source).values():
        step = doubling_step(Evaluator.of(architecture), axis, State.of({}))
        assert isinstance(step, Step), (axis, step)
        assert 1.5 < step.ratio < 3, (axis, step.ratio)


def test_compound_scaling_meets_a_budget(tmp_path: Path) -> None:
    architecture = x3dspec.load("efficientnet")
    limit = 10**9
    macs = {phi: architecture.resolve(phi=phi).cost().macs for phi in ("1.03", "1.04")}
    assert macs["1.03"] <= limit < macs["1.04"]
    found = budgeted(architecture, parse_target("1GFLOPs")).resolved
    assert found.cost().macs == macs["1.03"]
    assert set(found.setting) == {"phi"}, "the other factors follow"

    path = tmp_path / "between.yaml"
    path.write_text(preset.text(found, path))
    again = x3dspec.load(str(path))
    assert again.resolve().network.stages == found.network.stages
    assert again.resolve(phi=2).cost() == architecture.resolve(phi=2).cost(), "phi still scales it"


def test_published_variants_have_the_published_sizes() -> None:
    sizes = [published(f"efficientnet_b{variant}").network.size for variant in range(8)]
    assert sizes == [224, 240, 260, 300, 380, 456, 528, 600]


@pytest.mark.parametrize("name", VIDEO)
def test_short_clips(name: str) -> None:
    """Down to the fewest frames that the poolings leave any of."""
    frames = 2 if name in ("c2d_r50", "i3d_r50") else 1
    model = emitted.on_meta(published(name), num_classes=5)
    assert model(torch.empty(1, 3, frames, 32, 32, device="meta")).shape == (1, 5)


@pytest.mark.parametrize("name", [*FAMILIES, *IMAGE])
def test_specs_cite_their_source(name: str) -> None:
    text = (ROOT / "specs" / f"{name}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert re.search(r"\((ICCV|ICML|CVPR) 20\d\d\)", published(name).network.identity.source)


#: Words that no line of Python may know: families, their blocks, and how code bases name weights.
FOREIGN = re.compile(
    r"x2d|x3d(?!spec)|slow|c2d|i3d|r2plus|csn|resnet|efficientnet|mobilenet|movinet|mbconv|bneck|kinetics"
    r"|pytorchvideo|ptv|mmaction|timm|torchvision|branch[12]|res_blocks|pathway|se_module|conv_dw|downsample",
    re.IGNORECASE,
)
#: Where one has to be said nevertheless, in the code itself: docstrings and comments may give examples.
JUSTIFIED = {
    "cli/app.py": {"x2d"},  # an example of a command in the help
    "cli/budget.py": {"x2d"},  # the spec that `budget` expands when it is given none
    "cli/expand.py": {"x2d"},  # likewise
    "cli/judges.py": {"x2d"},
    "cli/landing.py": {"x3d"},  # what to type first
    "cli/search.py": {"x2d"},
    "network/cost.py": {"ptv", "pytorchvideo"},  # a convention is called after the tool whose counts it gives
}


def test_python_names_no_family() -> None:
    for path in sorted((ROOT / "x3dspec").rglob("*.py")):
        text = "\n".join(_said(ast.parse(path.read_text())))
        justified = JUSTIFIED.get(path.relative_to(ROOT / "x3dspec").as_posix(), set())
        assert {word.lower() for word in FOREIGN.findall(text)} <= justified, path
    templates = "".join(path.read_text() for path in (ROOT / "templates").iterdir())
    assert set(FOREIGN.findall(templates.replace("x3dspec", ""))) == set()


def _said(tree: ast.AST) -> Iterator[str]:
    """Every name and every text of a module, but for what only documents it."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        for field in ("id", "attr", "name", "arg"):
            value: Any = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def test_an_accuracy_is_its_files_own(tmp_path: Path) -> None:
    """It was measured on the published network: what a preset changes has none until it says so."""
    assert x3dspec.load("x3d_m").source.accuracy is not None
    preset = tmp_path / "mine.yaml"
    preset.write_text("name: mine\nbase: x3d_m\nfactors: {gamma_s: 1}\n")
    assert x3dspec.load(str(preset)).source.accuracy is None
