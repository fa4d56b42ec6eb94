"""``x3dspec list``: what there is to choose from."""

from __future__ import annotations

import json

import pytest

from x3dspec.cli import run
from x3dspec.language import layer_keys, shipped
from x3dspec.network import cost
from x3dspec.scaling import judges as score

Capture = pytest.CaptureFixture[str]


def answer(capsys: Capture, *arguments: str) -> str:
    assert run(["list", *arguments]) == 0
    return capsys.readouterr().out


def test_everything_that_ships_is_listed_once(capsys: Capture) -> None:
    found = json.loads(answer(capsys, "--json"))
    names = [each["name"] for each in (*found["specs"], *found["presets"])]
    assert sorted(names) == sorted(shipped.shipped())
    assert [each["name"] for each in found["conventions"]] == list(cost.CONVENTIONS)
    assert [each["name"] for each in found["judges"]][: len(score.BUILT_IN)] == list(score.BUILT_IN)
    assert [each["name"] for each in found["layers"]] == list(layer_keys.LayerItem.model_fields)


def test_presets_name_their_base_and_cost(capsys: Capture) -> None:
    found = {each["name"]: each for each in json.loads(answer(capsys, "presets", "--json"))["presets"]}
    assert found["x3d_m"]["base"] == "x2d"
    assert (found["x3d_m"]["macs"], found["x3d_m"]["params"]) == (4_732_468_736, 3_794_322)


@pytest.mark.parametrize("kind", [(), ("specs",), ("presets",), ("judges",), ("conventions",), ("layers",)])
def test_pages_fit_80_columns(kind: tuple[str, ...], capsys: Capture) -> None:
    lines = answer(capsys, *kind).splitlines()
    assert len(lines) > 4
    assert max(map(len, lines)) <= 80


def test_one_kind_is_listed_alone(capsys: Capture) -> None:
    assert list(json.loads(answer(capsys, "layers", "--json"))) == ["x3dspec", "layers"]
