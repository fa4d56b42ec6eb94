"""What each rounding adds to a count, against specs in which it is not written."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

import x3dspec
from specs import written
from x3dspec.cli import run
from x3dspec.formula.closed_form import derive
from x3dspec.formula.roundings import roundings
from x3dspec.language import expressions as expr
from x3dspec.language.algebra import EXACT
from x3dspec.language.tape import Tape

SPEC = """
name: rounded
factors:
  w: {start: 5/4}
  d: {start: 11/5}
input: {channels: 3, size: 9}
blocks:
  plain:
    arguments: [width, stride]
    layers: [conv: {out: width, kernel: 3, stride: stride}]
stages:
  - {name: stem, layers: [conv: {out: "STEM", kernel: 1}]}
  - {name: body, block: plain, width: 16, stride: 2, repeat: "ceil(2 * d)"}
  - {name: head, layers: [mean, linear: {out: 10}]}
"""


def test_a_rounding_that_is_taken_away_is_one_that_is_not_written(tmp_path: Path) -> None:
    """Of the formula without it, at the very values."""
    architecture = written(tmp_path, SPEC.replace("STEM", "round_width(10 * w)"))
    setting = architecture.resolve().factors
    plain = tmp_path / "plain"
    plain.mkdir()
    without = written(plain, SPEC.replace("STEM", "10 * w")).formula().macs
    [expected] = Tape([without]).run(EXACT, setting)
    rounded = roundings(architecture)
    [stem] = [each for each in rounded.roundings if each.name == "w_stem" or each.name == "c_stem"]
    assert (stem.before, stem.after) == (Fraction(25, 2), 16)
    assert stem.change == rounded.count - expected


def test_a_repeat_is_as_often_as_the_number_before(tmp_path: Path) -> None:
    """4.4 blocks for 5: of the others each costs 9 * 16 * 16 at 5 * 5 positions, halved by each stride."""
    rounded = roundings(written(tmp_path, SPEC.replace("STEM", "16")))
    [repeat] = [each for each in rounded.roundings if each.name == "n_body"]
    assert (repeat.before, repeat.after) == (Fraction(22, 5), 5)
    assert repeat.change == Fraction(3, 5) * 9 * 16 * 16 * 5 * 5


def test_the_roundings_of_x3d_s() -> None:
    """7.2 % in all, and that is the depth."""
    rounded = roundings(x3dspec.load("x3d_s"))
    assert rounded.count == 1_962_892_112
    assert rounded.relaxed == derive(x3dspec.load("x3d_s"), relaxed=True).value
    assert float(rounded.excess) == pytest.approx(0.07208, abs=1e-5)
    assert [each.name for each in rounded.roundings[:3]] == ["n_res2", "n_res3", "n_res5"]
    depth = sum(each.change for each in rounded.roundings[:3])
    assert float(depth / (rounded.count - rounded.relaxed)) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["x2d", "x3d_xl", "efficientnet_b3", "mobilenet_v3_large", "regnety_040"])
def test_changes_are_sorted_and_of_roundings_that_round(name: str) -> None:
    rounded = roundings(x3dspec.load(name))
    changes = [abs(each.change) for each in rounded.roundings]
    assert changes == sorted(changes, reverse=True)
    assert all(each.before != each.after for each in rounded.roundings)
    assert len({each.name for each in rounded.roundings}) == len(changes)


def test_a_root_counts_to_a_floats_precision() -> None:
    """A sum with a root is none that exact arithmetic has."""
    rounded = roundings(x3dspec.load("x2d"), setting=x3dspec.load("x2d").exactly({"gamma_w": "sqrt(2)"}))
    [stem] = [each for each in rounded.roundings if each.name == "w_conv1"]
    assert float(stem.before) == pytest.approx(24 * 2**0.5)
    assert expr.constant(stem.after).value == 32
    assert stem.change < 0


def test_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scaling", "x3d_s"]) == 0
    out = capsys.readouterr().out
    assert "rounding makes the MACs 1,962,892,112, +7.21 %" in out
    assert "n_res2 2.2 to 3 +67,392,778 +3.43 %" in " ".join(out.split())
    assert run(["scaling", "x3d_s", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["roundings"]
    assert (answer["macs"], answer["relaxed"]) == (1962892112, 1830925962.95)
    assert answer["roundings"][0]["before"] == "2.2"
