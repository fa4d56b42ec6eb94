"""What a factor must be for a figure: against the networks that are built there, and against mpmath."""

from __future__ import annotations

import json
import math
import os
import random
from fractions import Fraction
from typing import Any

import pytest

import x3dspec
from x3dspec import Infeasible, SpecError
from x3dspec.cli.app import run
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.units import Target, parse_target
from x3dspec.scaling.solving import relaxed
from x3dspec.scaling.unknowns import Solved, solve

#: How many random questions are asked. X3DSPEC_RANDOM=300 asks as many as the evidence does.
COUNT = int(os.environ.get("X3DSPEC_RANDOM", "12"))
SPECS = ("x2d", "x3d_s", "x3d_m", "x3d_l", "mobilenet_v2", "mobilenet_v3_large", "csn_r101", "slow_r50")


def straddles(name: str, answer: Solved) -> None:
    """Resolved, the network within has at most the target, the one over has more."""
    architecture = x3dspec.load(name)
    [target], [unknown] = answer.targets, answer.unknowns
    assert unknown.below or unknown.above
    for point, over in ((unknown.below, False), (unknown.above, True)):
        if point is not None:
            cost: Any = architecture.at(point.factors).cost()
            assert (getattr(cost, target.quantity) > target.value) is over
            assert getattr(cost, target.quantity) == point.counts[target.quantity]


@pytest.mark.parametrize("seed", range(COUNT))
def test_the_networks_beside_a_random_target(seed: int) -> None:
    """The target is what a random value of the factor costs, and a little more or less."""
    rng = random.Random(seed)
    name = rng.choice(SPECS)
    architecture = x3dspec.load(name)
    evaluator = Evaluator.of(architecture)
    quantity = rng.choice(["macs", "params", "activations"])
    factors = {"macs": "swdbt", "params": "wdb", "activations": "swdbt"}[quantity]
    factor = rng.choice([f for f in evaluator.factors if f.removeprefix("gamma_") in factors])
    value = evaluator.start[factor] * Fraction(rng.randint(90, 400), 100)
    count = evaluator.counts({factor: value})[quantity]
    target = Target(quantity, round(count * rng.uniform(0.98, 1.02)), "", "random")
    straddles(name, solve(architecture, [factor], [target]))


@pytest.mark.parametrize("seed", sorted({*range(COUNT // 3), 33, 62}))
def test_two_unknowns_have_two_random_targets(seed: int) -> None:
    """Each count is within its target, and over it one network further along one of the factors.

    The networks of seeds 33 and 62 lie 88 and 63 grid steps of the bottleneck beside the solution.
    """
    rng = random.Random(seed)
    name = rng.choice(SPECS[:5])
    architecture = x3dspec.load(name)
    evaluator = Evaluator.of(architecture)
    names = rng.sample([f for f in ("gamma_w", "gamma_d", "gamma_b") if f in evaluator.factors], 2)
    setting = {f: evaluator.start[f] * Fraction(rng.randint(100, 200), 100) for f in names}
    costs = {quantity: float(relaxed(evaluator, setting, quantity)) for quantity in ("macs", "params")}
    targets = [Target(quantity, round(cost), "", quantity) for quantity, cost in costs.items()]
    answer = solve(architecture, names, targets)
    [below] = {id(each.below): each.below for each in answer.unknowns}.values()
    assert below is not None
    cost: Any = architecture.at(below.factors).cost()
    for target in targets:
        assert getattr(cost, target.quantity) == below.counts[target.quantity] <= target.value
        assert any(
            each.above is not None and each.above.counts[target.quantity] > target.value
            for each in answer.unknowns
        )


@pytest.mark.parametrize(
    ("spec", "targets", "factors"),
    [
        ("x3d_m", ("4.73GFLOPs", "4M params"), {"gamma_w": "1.11", "gamma_d": "1.8"}),
        ("x2d", ("100MFLOPs", "3M params"), {"gamma_w": "0.19", "gamma_d": "74.2"}),
    ],
)
def test_of_the_networks_beside_a_solution_the_nearest_to_the_targets(
    spec: str, targets: tuple[str, str], factors: dict[str, str]
) -> None:
    """No other within both targets in reach has a count that misses its own by less."""
    architecture = x3dspec.load(spec)
    goals = [parse_target(target) for target in targets]
    answer = solve(architecture, ["gamma_w", "gamma_d"], goals)
    below = answer.unknowns[0].below
    assert below is not None
    assert below.factors == {name: Fraction(value) for name, value in factors.items()}

    def miss(counts: Any) -> float:
        return max(1 - counts[goal.quantity] / goal.value for goal in goals)

    evaluator = Evaluator.of(architecture)
    around = [(i, j) for i in range(-12, 13) for j in range(-12, 13)]
    for i, j in around:
        moved = {
            name: value + Fraction(k, 100)
            for (name, value), k in zip(below.factors.items(), (i, j), strict=True)
        }
        if min(moved.values()) > 0 and evaluator.refusal(moved) is None:
            assert miss(evaluator.counts(moved)) >= miss(below.counts) or any(
                evaluator.counts(moved)[goal.quantity] > goal.value for goal in goals
            )


def test_a_closed_form_is_what_the_issue_shows(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["x3d_m", "--for", "gamma_s", "--target", "3GFLOPs"]
    assert run(["solve", *words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["unknowns"]["gamma_s"]
    assert answer["closed_form"] == "gamma_s = sqrt((20*C - 36332059)/22061872896)"
    assert answer["exact"] == "sqrt(105461640664245219)/196981008"
    assert answer["below"]["factors"] == {"gamma_s": "1.5"}
    assert answer["below"]["cost"]["macs"] == 2_926_961_984
    for form, shown in (("python", "gamma_s = math.sqrt("), ("latex", r"\gamma_{s} = \sqrt{\frac{")):
        assert run(["solve", *words, "--format", form, "--symbolic"]) == 0
        assert shown in capsys.readouterr().out


def test_an_axis_is_solved_for_its_m() -> None:
    answer = solve(x3dspec.load("x2d"), ["temporal"], [parse_target("39394984 MACs")])
    [unknown] = answer.unknowns
    assert unknown.value == Fraction(9543113, 4618740), "twice the relaxed cost, as the first step"
    straddles("x2d", answer)
    assert unknown.below is not None
    assert unknown.above is not None
    assert (unknown.below.factors, unknown.above.factors) == ({"gamma_t": 1}, {"gamma_t": 2})


def test_an_exponent_is_solved_for_in_a_bracket() -> None:
    answer = solve(x3dspec.load("efficientnet"), ["phi"], [parse_target("1GFLOPs")])
    assert answer.unknowns[0].closed_form is None
    straddles("efficientnet", answer)


@pytest.mark.parametrize(
    ("factor", "target", "message"),
    [
        ("gamma_s", "1MFLOPs", "no value of gamma_s costs 1MFLOPs"),
        ("gamma_s", "4M params", "gamma_s changes nothing: params of this network do not depend on it"),
        ("gamma_d", "100TFLOPs", "it is near gamma_d = 58966.66, where nothing can be built: repeat 58967"),
        ("gamma_w", "1000 FLOPs", "which is outside its domain"),
    ],
)
def test_what_has_no_solution_is_said(
    factor: str, target: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Infeasible, match=message):
        solve(x3dspec.load("x3d_m"), [factor], [parse_target(target)])
    assert run(["solve", "x3d_m", "--for", factor, "--target", target]) == 1
    assert message in capsys.readouterr().err


def test_questions_that_are_none() -> None:
    x2d, target = x3dspec.load("x2d"), parse_target("1GFLOPs")
    for names, targets, message in (
        (["gama_s"], [target], "did you mean gamma_s"),
        (["gamma_s", "gamma_w"], [target], "each unknown needs a target: there are 1"),
        (["gamma_s", "gamma_s"], [target, target], "give each unknown once"),
        (["gamma_s", "width"], [target, target], "unknown factor 'width'"),
    ):
        with pytest.raises(SpecError, match=message):
            solve(x2d, names, targets)


def test_what_is_solved_for_has_no_value() -> None:
    with pytest.raises(SpecError, match="gamma_s is solved for: give it no value"):
        x3dspec.solve("x3d_m", "gamma_s", "3GFLOPs", gamma_s=2)
    assert run(["solve", "x3d_m", "--for", "gamma_s", "--target", "3GFLOPs", "--gamma-s", "2"]) == 2


@pytest.mark.parametrize("form", ["latex", "python"])
def test_what_has_no_closed_form_is_written_as_its_value(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["efficientnet", "--for", "phi", "--target", "1GFLOPs", "--format", form]
    assert run(["solve", *words]) == 0
    name, _, value = capsys.readouterr().out.partition(" = ")
    assert name == {"latex": r"\phi", "python": "phi"}[form]
    assert float(value) == pytest.approx(1.47516936550308)


@pytest.mark.parametrize("name", ["x2d", "mobilenet_v2", "efficientnet_b3", "regnety_040"])
def test_every_unknown_of_a_spec_as_a_formula(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer, or in one line why there is none; and the formula is true at the spec's own factors."""
    architecture = x3dspec.load(name)
    macs = round(architecture.resolve().cost().macs * Fraction(3, 2))
    for unknown in (*architecture.source.network.axes, *architecture.source.network.factors):
        code = run(["solve", name, "--for", unknown, "--target", f"{macs} MACs", "--symbolic", "--json"])
        printed = capsys.readouterr()
        if code:
            assert code == 1
            assert len(printed.err.splitlines()) == 1
            continue
        answer = json.loads(printed.out)["unknowns"][unknown]
        _, _, formula = answer["closed_form"].partition(" = ")
        scope = {str(f): float(v) for f, v in Evaluator.of(architecture).start.items()}
        functions = {"sqrt": math.sqrt, "max": max, "min": min, "C": macs}
        assert eval(formula, {"__builtins__": {}}, {**scope, **functions}) == pytest.approx(answer["value"])  # noqa: S307
