"""What a cost is made of as a factor grows, against counting it there."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy

import x3dspec
from specs import written
from x3dspec.cli import run
from x3dspec.cli.scaling_screen import page
from x3dspec.formula import printers
from x3dspec.formula.analysis import analyse
from x3dspec.formula.growth import Growth, Makeup, makeup
from x3dspec.formula.real import place
from x3dspec.formula.section import section
from x3dspec.formula.sympy_bridge import symbol
from x3dspec.network import kinds

BASES = ("c2d_r50", "i3d_r50", "r2plus1d_r50", "regnetx_032", "regnety_040", "resnet_basic", "slow_r50")
SPECS = ("x2d", "x3d_s", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b3", "resnet", "csn_r101")


def amounts(made: Makeup, factor: str, value: Fraction) -> dict[str, Any]:
    """What each kind costs at a value, on the branch of every maximum that applies there."""
    at = {**made.values, symbol(factor): sympy.Rational(value.numerator, value.denominator)}
    return {kind: cost.xreplace(at) for kind, cost in made.everywhere.items()}


def test_pointwise_over_channel_wise_of_x3d() -> None:
    """What a block adds: 9934848 gamma_w of the facts sheet over 1841616, that is 5.39 gamma_w."""
    made = makeup(x3dspec.load("x3d_s"))
    pair = made.dearest
    assert pair == ("pointwise convolution", "channel-wise convolution")
    tendency = made.tendency(*pair, symbol("gamma_d"))
    assert tendency == sympy.Rational(9934848, 1841616) * symbol("gamma_w")
    assert printers.text(tendency) == "1408*gamma_w/261"


@pytest.mark.parametrize("name", SPECS)
def test_shares_are_those_of_the_counts(name: str) -> None:
    """All of them add up, here and in the limit; where nothing is rounded they are the network's own."""
    architecture = x3dspec.load(name)
    made = makeup(architecture)
    assert sum(made.shares.values()) == 1
    assert [*made.shares.values()] == sorted(made.shares.values(), reverse=True)
    counted = kinds.costs(architecture.resolve().network)
    assert {kind for kind, cost in counted.items() if cost.macs} == {*made.shares}
    for growth in made.growths:
        assert sum(growth.limits.values()) == 1
        far = amounts(made, growth.factor, Fraction(10**15))
        for kind, limit in growth.limits.items():
            assert abs(float(far[kind] / sum(far.values()) - limit)) < 1e-9


@pytest.mark.parametrize("name", SPECS)
def test_break_evens(name: str) -> None:
    """At each the two kinds cost the same; on both sides, and halfway to the next, the leader costs most."""
    made = makeup(x3dspec.load(name))
    for growth in made.growths:
        starts = [place(lead.since) for lead in growth.leads]
        assert starts == sorted(set(starts))
        assert starts[0] == 0
        for index, lead in enumerate(growth.leads):
            end = starts[index + 1] if index + 1 < len(starts) else 2 * starts[index] + 100
            for part in (Fraction(1, 1000), Fraction(1, 2), Fraction(999, 1000)):
                there = amounts(made, growth.factor, starts[index] + part * (end - starts[index]))
                assert max(there, key=lambda kind: float(there[kind])) == lead.kind


def test_a_break_even_is_exact() -> None:
    made = makeup(x3dspec.load("x3d_s"))
    [width] = [growth for growth in made.growths if growth.factor == "gamma_w"]
    assert [(lead.kind, lead.since) for lead in width.leads] == [
        ("linear", 0),
        ("channel-wise convolution", Fraction(51200, 15684519)),
        ("pointwise convolution", Fraction(80717, 488256)),
    ]
    there = amounts(made, "gamma_w", Fraction(80717, 488256))
    assert there["pointwise convolution"] == there["channel-wise convolution"]


#: The second convolution is as wide as the larger of two.
FORKED = """
name: forked
factors:
  w: {start: 1}
input: {channels: 3, size: 8}
stages:
  - {name: stem, layers: [conv: {out: "max(8 * ceil(w), 1024)", kernel: 1}]}
  - {name: head, layers: [mean, linear: {out: 100 * ceil(w)}, linear: {out: classes}]}
"""


def test_a_maximum_is_followed_beyond_where_it_is_now(tmp_path: Path) -> None:
    """192 * max(8 w, 1024) against the linear layers: beyond w = 128 the stem grows as well."""
    made = makeup(written(tmp_path, FORKED))
    [growth] = made.growths
    assert isinstance(growth, Growth)
    for value in (Fraction(1), Fraction(100), Fraction(10**6)):
        there = amounts(made, "w", value)
        leads = [lead.kind for lead in growth.leads if place(lead.since) <= value]
        assert leads[-1] == max(there, key=lambda kind: float(there[kind]))
    far = amounts(made, "w", Fraction(10**12))
    assert abs(float(far["linear"] / sum(far.values()) - growth.limits["linear"])) < 1e-6


def test_a_factor_in_an_exponent_has_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert makeup(x3dspec.load("efficientnet")).growths == ()
    assert run(["scaling", "efficientnet"]) == 0
    assert "which costs most" not in capsys.readouterr().out


def test_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scaling", "x3d_s"]) == 0
    out = capsys.readouterr().out
    assert "1408*gamma_w/261 = 5.395 in the limit of a large gamma_d" in out
    assert "then pointwise convolution from 80717/488256 = 0.1653" in out
    assert "gamma_t  2814014400*gamma_t/(2814014400*gamma_t + 36332059)" in out
    assert run(["scaling", "x3d_s", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["makeup"]
    assert answer["ratio"]["tendencies"]["gamma_d"] == "1408*gamma_w/261"
    assert answer["shares"]["pointwise convolution"] == pytest.approx(0.832, abs=5e-4)
    leads = {row["factor"]: row["leads"] for row in answer["growth"]}
    assert leads["gamma_w"][-1]["exact"] == "80717/488256"


@pytest.mark.parametrize("name", BASES)
def test_every_base_has_an_answer(name: str) -> None:
    """On the terminal and in LaTeX."""
    analysis = analyse(x3dspec.load(name))
    assert any(name in line for line in page(analysis))
    assert name.replace("_", r"\_") in section(analysis)
