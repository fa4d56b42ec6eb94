"""Exchange rates and degrees, against what was published of other families."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import sympy

import x3dspec
from x3dspec.cli import run
from x3dspec.formula.elasticity import smooth
from x3dspec.formula.exchange import exchanges
from x3dspec.formula.powers import leading
from x3dspec.formula.sympy_bridge import symbol


def test_doubling_the_macs_of_x3d_s() -> None:
    rates = {
        row.factor: round(float(row.rates["activations"]), 2) for row in exchanges(x3dspec.load("x3d_s"))
    }
    assert rates == {"gamma_t": 1.0, "gamma_s": 1.0, "gamma_d": 0.78, "gamma_b": 0.77, "gamma_w": 0.55}


@pytest.mark.parametrize("name", ["x2d", "mobilenet_v2"])
def test_a_large_factor_is_scaled_as_dollar_et_al_say(name: str) -> None:
    """Activations as the FLOPs grow by s: depth O(s), width O(sqrt(s)), resolution O(s)."""
    limits = {row.factor: row.limits["activations"] for row in exchanges(x3dspec.load(name))}
    half = sympy.Rational(1, 2)
    assert (limits["gamma_d"], limits["gamma_w"], limits["gamma_s"]) == (1, half, 1)


def test_efficientnets_constraint_comes_from_its_degrees() -> None:
    """alpha * beta**2 * gamma**2 is near 2 at the published 1.2, 1.1, 1.15 (Equation 3)."""
    start = {name: Fraction(1) for name in ("gamma_d", "gamma_w", "gamma_s")}
    degrees = {row.factor: row.degrees for row in exchanges(x3dspec.load("efficientnet"), setting=start)}
    powers = {name: each["macs"] for name, each in degrees.items() if each}
    assert powers == {"gamma_d": 1, "gamma_w": 2, "gamma_s": 2}
    cost = 1
    for name, scale in (("gamma_d", "6/5"), ("gamma_w", "11/10"), ("gamma_s", "23/20")):
        cost *= sympy.Rational(scale) ** powers[name]
    assert float(cost) == pytest.approx(1.92, abs=0.001)


def test_elasticities_tend_to_degrees() -> None:
    large = exchanges(x3dspec.load("x2d"), setting={"gamma_w": Fraction(10**6)})
    [row] = [row for row in large if row.factor == "gamma_w"]
    assert row.degrees is not None
    for quantity, power in row.degrees.items():
        assert float(row.elasticities[quantity]) == pytest.approx(float(power), rel=1e-4)


def test_what_a_sum_of_powers_tends_to() -> None:
    x, y = sympy.symbols("x y", positive=True)
    assert leading(x**2 * y + 3 * x + x**2, x) == (2, y + 1)
    assert leading(sympy.sqrt(x) + y, x) == (sympy.Rational(1, 2), 1)
    assert leading(2**x + x, x) is None


def test_of_a_maximum_it_is_what_a_large_factor_takes() -> None:
    """Whatever applies where the factor is now."""
    x = sympy.Symbol("x", positive=True)
    assert leading(sympy.Max(5 * x, x**2, 1280) + x, x) == (2, 1)
    assert leading(sympy.Min(5 * x, sympy.Max(3, x)) + 1, x) == (1, 1)
    assert leading(sympy.Max(2**x, x), x) is None
    rows = {row.factor: row.degrees for row in exchanges(x3dspec.load("mobilenet_v2"))}
    assert rows["gamma_w"] == {"macs": 2, "params": 2, "activations": 1}


def test_a_factor_in_an_exponent_has_no_degree() -> None:
    [row] = exchanges(x3dspec.load("efficientnet"))
    assert (row.factor, row.degrees, row.limits) == ("phi", None, {})


@pytest.mark.parametrize("spec", ["x3d_s", "efficientnet_b3", "mobilenet_v2"])
def test_an_elasticity_as_a_formula_has_its_value(spec: str) -> None:
    architecture = x3dspec.load(spec)
    values = smooth(architecture).values
    for row in exchanges(architecture):
        for quantity, formula in row.formulas.items():
            assert formula.xreplace(values) == row.elasticities[quantity]
        assert row.along.free_symbols == {symbol(row.factor)}
        assert row.along.xreplace(values) == row.elasticities["macs"]


def test_the_command_prints_what_is_derived(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scaling", "x3d_s"]) == 0
    assert (
        "gamma_w    0.69         0.55                 1.00                      0.50"
        in capsys.readouterr().out
    )
    assert run(["scaling", "x3d_s", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {row["factor"]: row for row in answer["factors"]}
    assert rows["gamma_w"]["degrees"] == {"macs": 2, "params": 2, "activations": 1}
    assert rows["gamma_s"]["limits"] == {"macs": 1, "params": 0, "activations": 1}
