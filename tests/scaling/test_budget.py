"""Budgets: targets read exactly, met, never exceeded, and never with room for another network."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import x3dspec
from specs import COMPOUND, GROUPED
from x3dspec import Architecture, Infeasible, SpecError
from x3dspec.network.units import Target, figure, parse_target, parse_tolerance
from x3dspec.scaling.budget import Budget, Near, budgeted

ONE_PERCENT = Fraction(1, 100)


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def same_network(result: Budget, preset: str) -> bool:
    ours, theirs = result.resolved.network, x3dspec.load(preset).resolve().network
    return (ours.inputs, ours.stride, ours.stages) == (theirs.inputs, theirs.stride, theirs.stages)


def holds(result: Budget) -> None:
    """What is true of every result."""
    cost = result.resolved.cost()
    assert result.achieved == getattr(cost, result.target.quantity) <= result.limit
    assert result.following
    assert all(each.excess > 0 for each in result.following)
    arrived = result.trajectory.state.setting
    for each in result.following:
        assert each.value > result.resolved.factors[each.factor]
        assert each.counts[result.target.quantity] == result.target.value + each.excess
    assert dict(result.resolved.setting) == dict(arrived)
    if result.trajectory.steps:
        assert result.trajectory.steps[-1].counts == result.counts


@pytest.mark.parametrize(
    ("text", "quantity", "value", "unit"),
    [
        ("4.7GFLOPs", "macs", 4_700_000_000, "GFLOPs"),
        ("4.7 GFLOPS", "macs", 4_700_000_000, "GFLOPs"),
        (" 4.7 gflops ", "macs", 4_700_000_000, "GFLOPs"),
        ("20662304 FLOPs", "macs", 20_662_304, "FLOPs"),
        ("1TFLOPs", "macs", 10**12, "TFLOPs"),
        (".5 GMACs", "macs", 500_000_000, "GMACs"),
        ("25MMACs", "macs", 25_000_000, "MMACs"),
        ("4.7e9 MACs", "macs", 4_700_000_000, "MACs"),
        ("4M params", "params", 4_000_000, "M params"),
        ("4Mparams", "params", 4_000_000, "M params"),
        ("3.8 M parameters", "params", 3_800_000, "M params"),
        ("3794322 params", "params", 3_794_322, "params"),
        ("1.5B params", "params", 1_500_000_000, "B params"),
        ("60M activations", "activations", 60_000_000, "M activations"),
        ("60k Activations", "activations", 60_000, "k activations"),
    ],
)
def test_targets(text: str, quantity: str, value: int, unit: str) -> None:
    assert parse_target(text) == Target(quantity, value, unit, text.strip())


LISTED = (
    "the units are FLOPs, MACs, params and activations, "
    "after k, M, G (or B) or T, bytes, as in 6GiB saved, ms, and of a stream MACs/step, state and frames late"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4.7G", "4.7G of what? write 4.7GFLOPs or 4.7G params"),
        ("4.7", "4.7 of what? write 4.7FLOPs or 4.7params"),
        ("2T", "2T of what? write 2TFLOPs or 2T params"),
        ("2b", "2b of what? write 2BFLOPs or 2B params"),
        ("4.7GFLPs", f"unknown unit 'GFLPs'; did you mean 4.7GFLOPs? {LISTED}"),
        ("4.7 bananas", f"unknown unit 'bananas'; {LISTED}"),
        ("4,7GFLOPs", "'4,7GFLOPs' does not begin with a decimal number; write it as 4.7GFLOPs"),
        ("1.2.3GFLOPs", "'1.2.3GFLOPs' does not begin with a decimal number; write it as 4.7GFLOPs"),
        ("GFLOPs", "'GFLOPs' does not begin with a decimal number; write it as 4.7GFLOPs"),
        ("", "'' does not begin with a decimal number; write it as 4.7GFLOPs"),
        ("0 GFLOPs", "'0 GFLOPs' is not positive"),
        ("-1 GFLOPs", "'-1 GFLOPs' is not positive"),
        ("1e-9 MACs", "'1e-9 MACs' is less than one"),
        ("1e99 params", "'1e99 params' is more than 10**18"),
        ("1e999 params", "'1e999 params' does not begin with a decimal number; write it as 4.7GFLOPs"),
        ("\u0664 GFLOPs", "'\\u0664 GFLOPs' does not begin with a decimal number; write it as 4.7GFLOPs"),
    ],
)
def test_targets_that_are_none(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_target(text)
    assert str(caught.value) == f"target: {message}"


@settings(deadline=None)
@given(
    st.decimals(min_value="0.001", max_value=999, places=3),
    st.sampled_from(["FLOPs", "MFLOPs", "GFLOPs", "TFLOPs", "MACs", "GMACs", "M params", "k activations"]),
    st.sampled_from(["", " "]),
    st.sampled_from([str, str.lower, str.upper]),
)
def test_a_target_reads_back(number: object, unit: str, gap: str, case: object) -> None:
    sizes = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
    size = 1 if unit in ("FLOPs", "MACs") else sizes[unit[0]]
    value = math.floor(Fraction(str(number)) * size)
    text = case(f"{number}{gap}{unit}")  # type: ignore[operator]
    if value < 1:
        with pytest.raises(SpecError):
            parse_target(text)
    else:
        target = parse_target(text)
        assert (target.value, target.unit) == (value, unit)
        assert parse_target(f"{target.value} {target.quantity}").value == value


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    try:
        value = parse_target(text).value
    except SpecError as error:
        refusal = str(error)
    else:
        refusal = "target: "
        assert 1 <= value <= 10**18
    assert refusal.startswith("target: ")
    assert refusal.isascii()
    assert len(refusal) < 300


def test_figures() -> None:
    assert figure("macs", 20_662_304) == "20.66 MFLOPs"
    assert figure("macs", 4_732_468_736) == "4.73 GFLOPs"
    assert figure("params", 3_794_322) == "3.79 M params"
    assert figure("activations", 999) == "999 activations"


def test_tolerances() -> None:
    assert parse_tolerance("1%") == parse_tolerance("0.01") == parse_tolerance(" 1 % ") == ONE_PERCENT
    assert parse_tolerance("0") == 0
    for text in ("", "%", "one", "1%%", "-1%", "101%", "1e99"):
        with pytest.raises(SpecError, match="tolerance: "):
            parse_tolerance(text)


@pytest.mark.parametrize(
    ("text", "tolerance", "preset"),
    [
        ("0.6 GFLOPs", ONE_PERCENT, "x3d_xs"),
        ("1.97 GFLOPs", Fraction(0), "x3d_s"),
        ("4.7 GFLOPs", ONE_PERCENT, "x3d_m"),
        ("18.4 GFLOPs", Fraction(0), "x3d_l"),
        ("36 GFLOPs", Fraction(0), "x3d_xl"),
    ],
)
def test_the_recorded_factors_give_the_family(
    x2d: Architecture, text: str, tolerance: Fraction, preset: str
) -> None:
    result = budgeted(x2d, parse_target(text), "published", tolerance)
    assert same_network(result, preset)
    assert result.resolved.factors == x3dspec.load(preset).resolve().factors
    assert result.near == Near(preset, result.achieved)
    holds(result)


def test_the_record_ends_and_says_so(x2d: Architecture) -> None:
    result = budgeted(x2d, parse_target("100 GFLOPs"), "published")
    assert same_network(result, "x3d_xl")
    assert result.trajectory.overshoot is None
    assert result.trajectory.ended == "the record ends here"
    [following] = result.following
    assert (following.axis, following.excess < 0) == ("width", True)


def test_a_contracted_step_of_the_record(x2d: Architecture) -> None:
    result = budgeted(x2d, parse_target("1.97 GFLOPs"), "published")
    last = result.trajectory.steps[-1]
    assert (last.kind, last.axis, last.factor, last.snapped) == ("contraction", "temporal", "gamma_t", 13)
    [following] = result.following
    assert (following.factor, following.value) == ("gamma_t", 14)


def test_the_solved_budget_of_x3d_m(x2d: Architecture) -> None:
    target = parse_target("4.7 GFLOPs")
    plain, filled = budgeted(x2d, target), budgeted(x2d, target, fill=True)
    for result in (plain, filled):
        holds(result)
    assert [step.kind for step in plain.trajectory.steps] == ["step"] * 7 + ["contraction"]
    assert [following.axis for following in plain.following] == ["spatial"]
    assert filled.achieved >= 0.99 * target.value
    kinds = [step.kind for step in filled.trajectory.steps]
    assert kinds == ["step"] * 7 + ["contraction"] + ["fill"] * (len(kinds) - 8)
    assert [following.factor for following in filled.following] == [
        "gamma_s",
        "gamma_d",
        "gamma_w",
        "gamma_b",
        "gamma_t",
    ]
    assert plain.near is None


def test_within_the_tolerance_nothing_is_filled(x2d: Architecture) -> None:
    result = budgeted(x2d, parse_target("4.7 GFLOPs"), "published", ONE_PERCENT, fill=True)
    assert same_network(result, "x3d_m")


@pytest.mark.parametrize("text", ["4M params", "11.1M params", "60M activations", "3 G activations"])
def test_other_quantities(x2d: Architecture, text: str) -> None:
    target = parse_target(text)
    for fill in (False, True):
        result = budgeted(x2d, target, fill=fill)
        holds(result)
        assert not fill or result.achieved >= 0.99 * target.value
        ratios = [step.ratio for step in result.trajectory.steps if step.kind == "step"]
        assert ratios == pytest.approx([2] * len(ratios), rel=0.1)


def test_axes_that_do_not_change_the_quantity_are_left_alone(x2d: Architecture) -> None:
    result = budgeted(x2d, parse_target("4M params"), fill=True)
    assert {each.factor for each in result.following} == {"gamma_b", "gamma_d", "gamma_w"}
    filled = {step.factor for step in result.trajectory.steps if step.kind == "fill"}
    assert filled <= {"gamma_b", "gamma_d", "gamma_w"}


def test_random_targets(x2d: Architecture) -> None:
    rng = random.Random(20_662_304)
    for _ in range(30):
        value = round(25e6 * (200e9 / 25e6) ** rng.random())
        target = parse_target(f"{value} FLOPs")
        holds(budgeted(x2d, target))
        filled = budgeted(x2d, target, fill=True)
        holds(filled)
        assert value < 10**8 or filled.achieved >= 0.99 * value


def test_the_next_network_is_the_next_on_the_grid(x2d: Architecture) -> None:
    """No grid value between the chosen one and the next builds anything that would also fit."""
    for text in ("30 MFLOPs", "300 MFLOPs", "700 MFLOPs", "15 GFLOPs", "30 GFLOPs"):
        result = budgeted(x2d, parse_target(text))
        [following] = result.following
        grid = next(factor.grid for factor in x2d.factors() if factor.name == following.factor)
        value = result.resolved.factors[following.factor] + grid
        while value < following.value:
            same = x2d.at({**result.resolved.setting, following.factor: value})
            assert same.network.stages == result.resolved.network.stages
            value += grid


def test_a_contraction_takes_the_simplest_value(x2d: Architecture) -> None:
    result = budgeted(x2d, parse_target("300 MFLOPs"))
    last = result.trajectory.steps[-1]
    assert (last.kind, last.factor) == ("contraction", "gamma_d")
    grid = [Fraction(value, 100) for value in range(100, 242)]
    same = [
        v
        for v in grid
        if x2d.at({**last.setting, "gamma_d": v}).network.stages == result.resolved.network.stages
    ]
    assert last.snapped == min(same, key=lambda value: (value.denominator, value))


def test_an_additive_axis(tmp_path: Path) -> None:
    path = tmp_path / "compound.yaml"
    path.write_text(COMPOUND)
    architecture = x3dspec.load(str(path))
    for text in ("200 MMACs", "1 GMACs", "1M params"):
        target = parse_target(text)
        for fill in (False, True):
            result = budgeted(architecture, target, fill=fill)
            holds(result)
            assert set(result.resolved.setting) <= {"phi", "size"}
        assert "declared order" in result.trajectory.policy


def test_what_cannot_be_built_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "grouped.yaml"
    path.write_text(GROUPED)
    architecture = x3dspec.load(str(path))
    start = architecture.resolve().cost().macs
    for extra in range(0, 3_000_000, 370_000):
        result = budgeted(architecture, parse_target(f"{start + extra} MACs"), fill=bool(extra % 2))
        holds(result)
        [following] = result.following
        assert 8 * following.value == 8 * result.resolved.factors["b"] + 4


def test_a_preset_is_a_start(x2d: Architecture) -> None:
    medium = x3dspec.load("x3d_m")
    result = budgeted(medium, parse_target("10 GFLOPs"), fill=True)
    holds(result)
    assert result.trajectory.counts.macs == 4_732_468_736
    assert budgeted(medium, parse_target("18.4 GFLOPs"), "published").near == Near("x3d_l", 18_367_710_176)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "10 MFLOPs",
            "10 MFLOPs is out of reach: x2d starts at 20.66 MFLOPs (20,662,304), and expanding only adds",
        ),
        (
            "1M params",
            "1M params is out of reach: x2d starts at 1.63 M params (1,633,560), and expanding only adds",
        ),
    ],
)
def test_out_of_reach(x2d: Architecture, text: str, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        budgeted(x2d, parse_target(text))
    assert str(caught.value) == message


def test_the_start_itself_may_be_the_answer(x2d: Architecture) -> None:
    result = budgeted(x2d, parse_target("20662304 FLOPs"), fill=True)
    assert result.trajectory.steps == ()
    assert result.achieved == 20_662_304
    holds(result)


def test_orders(x2d: Architecture) -> None:
    with pytest.raises(SpecError, match=r"^order: unknown order 'publishd'; did you mean published"):
        budgeted(x2d, parse_target("1 GFLOPs"), "publishd")


def test_a_result_is_a_function_of_the_question(x2d: Architecture) -> None:
    """Not of what was asked before, nor of the object that was asked."""
    other = x3dspec.load("x2d")
    for text in ("700 MFLOPs", "60 MFLOPs"):
        assert budgeted(other, parse_target(text), fill=True).trajectory == (
            budgeted(x2d, parse_target(text), fill=True).trajectory
        )


def test_a_target_beyond_everything_that_can_be_built(x2d: Architecture) -> None:
    largest = budgeted(x2d.at_clip(1, 32), parse_target("999999 TFLOPs"))
    assert largest.trajectory.ended == "no axis can take a step"
    assert largest.achieved <= largest.target.value


@pytest.mark.parametrize("order", ["solved", "published"])
def test_fixed_factors_keep_their_values_on_every_way(order: str) -> None:
    architecture = x3dspec.load("x2d")
    fixed = {"gamma_b": Fraction(9, 4), "gamma_w": Fraction(1), "gamma_d": Fraction(11, 5)}
    result = budgeted(architecture, parse_target("3GFLOPs"), order, fill=True, fixed=fixed)
    assert result.achieved <= 3_000_000_000
    assert fixed.items() <= dict(result.resolved.factors).items()
    assert not {step.axis for step in result.trajectory.steps} & {"width", "depth", "bottleneck"}
    assert not {each.axis for each in result.following} & {"width", "depth", "bottleneck"}
    assert result.fixed == fixed
    params = architecture.resolve(**{name: str(value) for name, value in fixed.items()}).cost().params
    assert result.counts.params == params


def test_a_factor_that_follows_others_is_fixed_too() -> None:
    free = x3dspec.budget("efficientnet", "1GMACs").resolved.network
    fixed = x3dspec.budget("efficientnet", "1GMACs", fix={"gamma_s": None}).resolved.network
    assert free.size > fixed.size == x3dspec.load("efficientnet").resolve().network.size


def test_a_preset_that_is_not_fixed_alike_is_not_near() -> None:
    near = x3dspec.budget("x2d", "4.8GFLOPs").near
    assert near is not None
    assert near.name == "x3d_m"
    assert x3dspec.budget("x2d", "4.8GFLOPs", fix={"gamma_b": "2.25"}).near == near
    assert x3dspec.budget("x2d", "4.8GFLOPs", fix={"gamma_b": 2}).near is None


def test_with_every_axis_fixed_there_is_no_budget() -> None:
    fix = dict.fromkeys(("gamma_t", "gamma_s", "gamma_w", "gamma_b", "gamma_d"))
    with pytest.raises(SpecError, match="every axis moves a fixed factor: fast, temporal"):
        x3dspec.budget("x2d", "3GFLOPs", fix=fix)
