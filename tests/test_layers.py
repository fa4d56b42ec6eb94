"""A kind of layer has every part, or it is none: what a new one needs, said by what fails."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, get_args

import emitted
import pytest
import specgen
import torch
from hooks import hooked
from pydantic import BaseModel

import x3dspec
from x3dspec.codegen.templates import macros
from x3dspec.language import layer_keys
from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net
from x3dspec.network.cost import Cost
from x3dspec.pytorch import probe
from x3dspec.pytorch.operations import NAMES

ROOT = Path(__file__).resolve().parent.parent
KINDS = list(layer_keys.LayerItem.model_fields)
#: What a class of layer says itself, and does not inherit.
OWN = ("lower", "count", "constraints", "operations")


def keys(kind: str) -> type[BaseModel]:
    annotation = layer_keys.LayerItem.model_fields[kind].annotation
    return next(
        each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel)
    )


def test_the_schema_and_the_network_know_the_same_kinds() -> None:
    assert set(net.KINDS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_its_keys_have_a_meaning(kind: str) -> None:
    assert layer_keys.LayerItem.model_fields[kind].description
    assert all(field.description for field in keys(kind).model_fields.values())


@pytest.mark.parametrize("kind", KINDS)
def test_its_class_says_every_rule_itself(kind: str) -> None:
    """Shape, cost, constraints (none is said by yielding none), what torch runs."""
    layer = net.KINDS[kind]
    assert not inspect.isabstract(layer)
    assert set(OWN) <= set(vars(layer))
    assert layer.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_a_macro_and_torch_knows_its_names(kind: str) -> None:
    layer = net.KINDS[kind]
    assert layer is net.Residual or callable(getattr(macros(), layer.macro))
    if layer is net.Activation:
        function = net.FUNCTIONS[kind]
        assert issubclass(getattr(torch.nn, function.module), torch.nn.Module)
        module, _, name = function.call.partition(".")
        assert callable(getattr({"F": torch.nn.functional, "torch": torch}[module], name))
        with torch.device("meta"):
            given = dict(part.split("=") for part in function.given.split(", ") if part)
            made = getattr(torch.nn, function.module)(**{k: json.loads(v) for k, v in given.items()})
            seen = probe._layers(torch.nn.Sequential(made), (3, 8, 8), NAMES)
        assert seen == [probe.described(kind, (3, 8, 8), **function.numbers)]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_in_the_reference_and_the_schema(kind: str) -> None:
    assert f"| `{kind}` |" in (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    published = json.loads((ROOT / "specs" / "schema.json").read_text(encoding="utf-8"))
    assert kind in json.dumps(published["definitions"]["LayerItem"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_it_has_not_is_refused_where_it_stands(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        f"name: bad\ninput: {{size: 8}}\nstages:\n  - {{name: one, layers: [{kind}: {{not_a_key: 1}}]}}\n"
    )
    with pytest.raises(SpecError) as caught:
        x3dspec.load(str(path))
    place = f"stages[0].layers[0].{kind}.not_a_key"
    assert any(p.path == place and "unknown key" in p.message for p in caught.value.problems)


@pytest.mark.parametrize("kind", list(net.FUNCTIONS))
def test_a_function_is_emitted_in_place_where_it_can_be_and_its_gradient_needs_what_it_says(
    kind: str, tmp_path: Path
) -> None:
    """After a norm, where it overwrites what the norm made, and after itself, where it does not."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "name: tiny\ninput: {size: 8}\nclasses: 5\nstages:\n"
        f"  - {{name: stem, layers: [conv: {{out: 4, kernel: 3}}, norm, {kind}, {kind}]}}\n"
        "  - {name: head, layers: [mean, linear: {out: classes}]}\n"
    )
    resolved = x3dspec.load(str(path)).resolve()
    emitted.build(resolved)(torch.rand(2, 3, 8, 8)).sum().backward()
    assert resolved.saved() == hooked(resolved, checkpointing=False)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, net.Layer[Any]]:
    """Of every kind a layer of some random network, symbolic."""
    samples: dict[str, net.Layer[Any]] = {}
    path = tmp_path_factory.mktemp("drawn") / "net.yaml"
    for seed in range(200):
        path.write_text(specgen.draw(seed).text)
        try:
            network = x3dspec.load(str(path)).symbolic()
        except SpecError:
            continue
        for stage in network.stages:
            samples |= {str(layer.origin[-1]): layer for layer in net.walk(stage)}
        if set(samples) >= set(KINDS):
            break
    return samples


@pytest.mark.parametrize("kind", KINDS)
def test_random_specs_have_it_and_it_costs(kind: str, drawn: dict[str, net.Layer[Any]]) -> None:
    layer = drawn[kind]
    assert type(layer) is net.KINDS[kind]
    assert isinstance(layer.count(), Cost)
