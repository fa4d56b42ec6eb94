"""Compound scaling, against other values of the same cost."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest

import x3dspec
from x3dspec.cli import run
from x3dspec.formula.closed_form import Formula, derive
from x3dspec.formula.compound import Compound, R, along, compound, ray
from x3dspec.formula.elasticity import elasticities, smooth
from x3dspec.formula.powers import leading
from x3dspec.formula.real import Real
from x3dspec.language.errors import SpecError
from x3dspec.language.numbers import Exact
from x3dspec.network.evaluator import Evaluator
from x3dspec.scaling.solving import relaxed

WEIGHTS = {"gamma_w": Fraction(9), "gamma_d": Fraction(4)}


def scaled(target: int, weights: dict[str, Fraction], spec: str = "x3d_s") -> Compound:
    answer = compound(x3dspec.load(spec), weights, "macs", target)
    assert answer is not None
    return answer


def rational(answer: Compound) -> dict[str, Exact]:
    return {share.factor: Fraction(float(share.value)) for share in answer.shares}


@pytest.mark.parametrize("target", [2 * 10**9, 4 * 10**9, 10**11])
def test_elasticities_are_proportional_to_the_weights(target: int) -> None:
    """As the other accounts of cost and elasticity say, at the values rounded to floats."""
    architecture = x3dspec.load("x3d_s")
    setting = rational(scaled(target, WEIGHTS))
    assert float(derive(architecture, relaxed=True, setting=setting).value) == pytest.approx(target, 1e-12)
    slopes = {row.factor: float(row.value) for row in elasticities(architecture, setting=setting)}
    assert slopes["gamma_w"] / slopes["gamma_d"] == pytest.approx(9 / 4, 1e-12)


def test_no_other_values_of_that_cost_are_worth_more() -> None:
    target = 4 * 10**9
    answer = scaled(target, WEIGHTS)
    assert answer.best
    values = {name: float(value) for name, value in rational(answer).items()}
    form = derive(x3dspec.load("x3d_s"), relaxed=True)
    for ratio in (0.1, 0.5, 0.9, 0.999, 1.001, 1.1, 2, 10):
        depth = values["gamma_d"] * ratio
        assert worth(width_at(form, depth, target), depth) < worth(values["gamma_w"], values["gamma_d"])


def worth(width: float, depth: float) -> float:
    return float(WEIGHTS["gamma_w"]) * math.log(width) + float(WEIGHTS["gamma_d"]) * math.log(depth)


def width_at(form: Formula, depth: float, target: int) -> float:
    """By bisection."""
    low, high = 0.0, 100.0
    for _ in range(40):
        width = (low + high) / 2
        setting = {**form.setting, "gamma_d": Fraction(depth), "gamma_w": Fraction(width)}
        low, high = (low, width) if form.at(setting) > target else (width, high)
    return low


def test_terms_that_are_taken_off_leave_the_best_open() -> None:
    """Weights are the elasticities at the spec's own values, which therefore come back."""
    architecture = x3dspec.load("efficientnet_b0")
    slopes = {row.factor: Fraction(float(row.value)) for row in elasticities(architecture)}
    cost = round(float(derive(architecture, relaxed=True).value))
    answer = scaled(cost, {name: slopes[name] for name in ("gamma_d", "gamma_w")}, "efficientnet_b0")
    assert [float(share.value) for share in answer.shares] == pytest.approx([1, 1])
    assert not answer.best


def test_a_ray_reaches_the_cost_exactly() -> None:
    """start * r**weight: recomputed from the values, and the root of a cubic as sympy has it."""
    answer = ray(x3dspec.load("x3d_s"), {"gamma_t": Fraction(1), "gamma_s": Fraction(1)}, "macs", 4 * 10**9)
    assert answer is not None
    assert isinstance(answer.r, Real)
    assert answer.r.exact == "209007601593060032269121745**(1/3)/457277340"
    gauge = Evaluator.of(x3dspec.load("x3d_s"))
    assert relaxed(gauge, {**SMALL, **answer.values}) == 4 * 10**9
    steep = ray(x3dspec.load("x3d_s"), WEIGHTS, "macs", 4 * 10**9)
    assert steep is not None
    reached = relaxed(gauge, {**SMALL, **steep.values})
    assert isinstance(reached, Real)
    assert reached.low <= 4 * 10**9 <= reached.high
    assert reached.high - reached.low < Fraction(1, 10**30)


SMALL = {
    "gamma_t": Fraction(13), "gamma_s": Fraction(10, 7), "gamma_b": Fraction(9, 4), "gamma_d": Fraction(11, 5)
}  # fmt: skip


def test_efficientnets_published_scaling_is_a_ray() -> None:
    """Where r is 2 all factors are at the published 1.2, 1.1, 1.15: the next network of the family."""
    published = {"gamma_d": 1.2, "gamma_w": 1.1, "gamma_s": 1.15}
    weights = {name: Fraction(math.log2(scale)) for name, scale in published.items()}
    b0 = x3dspec.load("efficientnet_b0")
    setting = {name: Fraction(str(scale)) for name, scale in published.items()}
    cost = float(derive(b0, relaxed=True, setting=setting).value)
    answer = ray(b0, weights, "macs", round(cost))
    assert answer is not None
    assert float(answer.r) == pytest.approx(2, abs=1e-8)
    assert {name: float(value) for name, value in answer.values.items()} == pytest.approx(published)
    assert cost / float(derive(b0, relaxed=True).value) == pytest.approx(1.2 * 1.1**2 * 1.15**2, rel=0.03)


@pytest.mark.parametrize("name", ["x2d", "mobilenet_v2"])
@pytest.mark.parametrize("alpha", [Fraction(1, 3), Fraction(1, 2), Fraction(4, 5), Fraction(1)])
def test_dollars_compound_scaling(name: str, alpha: Fraction) -> None:
    """dWr (Section 4.2): with width by s**(alpha/2) and the rest shared by depth and size the FLOPs grow
    by s, and the activations by s**(1 - alpha/2), the root of s where alpha is 1."""
    weights = {"gamma_d": (1 - alpha) / 2, "gamma_w": alpha / 2, "gamma_s": (1 - alpha) / 4}
    exponents = {}
    for quantity in ("macs", "activations"):
        cost, _ = along(smooth(x3dspec.load(name), quantity), weights)
        head = leading(cost, R)
        assert head is not None
        exponents[quantity] = Fraction(int(head[0].p), int(head[0].q))
    assert exponents == {"macs": 1, "activations": 1 - alpha / 2}


@pytest.mark.parametrize("weights", ["gamma_t=1,gamma_s=1", "gamma_t=1,gamma_s=2", "gamma_w=1,gamma_d=1"])
def test_weights_that_no_values_meet(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames and size stand in one product, as in EfficientNet's constraint; width costs more than depth."""
    assert run(["scaling", "x3d_s", "--target", "4GFLOPs", "--weights", weights]) == 1
    assert "proportional to the weights were found" in capsys.readouterr().out
    assert run(["scaling", "x3d_s", "--target", "4GFLOPs", "--weights", weights, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["compound"] is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("gamma_w", "are written gamma_w=9,gamma_d=4"),
        ("gamma_w=1,gamma_w=2", "each factor has one weight"),
        ("gamma_w=sqrt(2)", "a rational number"),
        ("gamma_w=0", "must be above 0"),
        ("gamma_q=1", "unknown factor 'gamma_q'"),
    ],
)
def test_wrong_weights(weights: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scaling", "x3d_s", "--target", "4GFLOPs", "--weights", weights]) == 2
    assert message in capsys.readouterr().err


def test_a_target_needs_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scaling", "x3d_s", "--target", "4GFLOPs"]) == 2
    assert run(["scaling", "x3d_s", "--weights", "gamma_w=1"]) == 2
    assert "goes together with --weights" in capsys.readouterr().err


def test_a_factor_in_an_exponent_is_refused() -> None:
    with pytest.raises(SpecError, match="exponent"):
        scaled(4 * 10**9, {"phi": Fraction(1)}, "efficientnet")
