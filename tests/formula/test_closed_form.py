"""Closed forms: what they say, how they read, and that every spelling means the same number."""

from __future__ import annotations

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy

import x3dspec
from x3dspec import Architecture, SpecError
from x3dspec.formula import closed_form, elasticity, printers, render, sympy_bridge
from x3dspec.language import expressions, numbers, relaxation
from x3dspec.language.algebra import EXACT
from x3dspec.language.expressions import Expr, constant, variable
from x3dspec.language.tape import Tape
from x3dspec.network import cost
from x3dspec.network.quantities import QUANTITIES, STREAM

#: Of every network: time needs a machine, and the stream form frames.
COUNTED = [name for name in QUANTITIES if name not in ("ms", *STREAM)]
FAMILY = ("x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl")

# Everything that X3D does not have: 2-D, unequal sides, roots, a maximum, groups that a factor
# decides, a factor that follows from another, and names that Python or the formula itself uses.
ODD = """
name: odd
title: Odd
source: none
factors:
  math: {start: 2}
  T: {start: 3}
  total: {start: math * 2}
  alpha_b_c: {start: sqrt(2)}
  macs: {start: 3/2}
input: {channels: 3, size: "round_to(32 * T, 8)"}
blocks:
  plain:
    arguments: [width, cut_stride]
    layers: [conv: {out: width, kernel: [3, 1], stride: [cut_stride, 1], bias: true}, norm]
stages:
  - name: S
    layers:
      - conv: {out: "8 * max(ceil(math), floor(macs * T))", kernel: 3, stride: 2}
      - max_pool: {kernel: 3, stride: 2, padding: 1}
      - conv: {out: "8 * ceil(sqrt(2) * alpha_b_c)", kernel: 1}
  - {name: b, block: plain, width: "round_width(16 * sqrt(math), 4)", cut_stride: 2, repeat: ceil(total / 3)}
  - {name: c, block: plain, width: b.width * 2, cut_stride: 1, repeat: 3}
  - {name: d, layers: [conv: {out: 2 * channels, kernel: 1, groups: "round(macs) * 2", bias: true}]}
  - {name: e, layers: [mean, linear: {out: classes}]}
"""


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


@pytest.fixture
def odd(tmp_path: Path) -> Architecture:
    return written(tmp_path, ODD)


def written(folder: Path, text: str) -> Architecture:
    path = folder / "variant.yaml"
    path.write_text(text)
    return x3dspec.load(str(path))


def without_squeezing() -> Architecture:
    """x2d as the paper's table has it, and as the facts sheet's polynomial does."""
    return x3dspec.load("x2d").choose(squeeze_excite="none")


def polynomial(architecture: Architecture, quantity: str = "macs") -> Any:
    """The relaxed form as sympy reads its text."""
    text = render.text(closed_form.derive(architecture, quantity, relaxed=True))
    terms = re.findall(r"^ {2}([ +-]) (\S+) +\d+\.\d+ %$", text, flags=re.MULTILINE)
    return sympy.sympify("".join(sign + term for sign, term in terms))


def gamma(letter: str) -> Any:
    return sympy.Symbol(f"gamma_{letter}")


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("dialect", ["always", "on_width_change"])
def test_every_quantity_of_the_family(name: str, dialect: str) -> None:
    architecture = x3dspec.load(name).choose(shortcut_norm=dialect)
    resolved = architecture.resolve()
    for quantity in COUNTED:
        derived = closed_form.derive(architecture, quantity)
        assert derived.at(resolved.factors) == QUANTITIES[quantity].of(resolved.network)
        assert derived.at(derived.setting) == derived.value == QUANTITIES[quantity].of(resolved.network)


@pytest.mark.parametrize("convention", cost.CONVENTIONS)
def test_conventions(x2d: Architecture, convention: str) -> None:
    resolved = x2d.resolve(gamma_t=4, gamma_w="sqrt(2)")
    derived = closed_form.derive(x2d, convention=convention, setting=resolved.setting)
    assert derived.at(resolved.factors) == resolved.cost(convention).operations
    assert derived.quantity.name == ("macs" if convention == "paper" else "flops")


def test_torch_counts_every_mac_twice(x2d: Architecture) -> None:
    macs, flops = (closed_form.derive(x2d, convention=name, relaxed=True) for name in ("paper", "torch"))
    assert [2 * part for part in macs.parts(macs.setting)] == flops.parts(flops.setting)


def test_the_text_of_x2d(x2d: Architecture) -> None:
    text = render.render(closed_form.derive(x2d), "text", elasticity.elasticities(x2d))
    head, definitions, total, value, elasticities = text.split("\n\n")
    assert " ".join(head.split()) == (
        "macs of x2d, with every rounding (paper: multiply-accumulates of convolutions and linear layers, "
        "which the paper calls FLOPs)"
    )
    assert definitions.splitlines()[:3] == [
        "T       = round(gamma_t)",
        "S       = round_to(112*gamma_s, 8)",
        "S_conv1 = ceil(S/2)",
    ]
    assert "b_res5  = floor(gamma_b*w_res5)\nh_res5  = round_width(b_res5/16)" in definitions
    assert total.startswith(
        """macs =
  conv1   32*S_conv1**2*T*w_conv1
  res2  + T*(S_conv1**2*b_res2*w_conv1 + S_res2**2*(b_res2*(w_conv1 + 27)
              + w_conv1**2)) + 2*b_res2*h_res2
        + S_res2**2*T*b_res2*(n_res2 - 1)*(2*w_conv1 + 27)
        + 2*b_res2*h_res2*(ceil(n_res2/2) - 1)
"""
    )
    assert total.endswith("  fc1   + 2048*b_res5\n  fc2   + 819200")
    assert value.startswith("= 20,662,304 at gamma_t = 1, gamma_s = 1,")
    assert "gamma_tau" not in text
    assert elasticities.splitlines()[1:3] == ["  gamma_t  0.938 %", "  gamma_s  1.876 %"]


def test_definitions_are_used_and_in_order(x2d: Architecture) -> None:
    for quantity in COUNTED:
        derived = closed_form.derive(x2d, quantity)
        known = set(derived.factors)
        for definition in derived.definitions:
            assert {symbol.name for symbol in definition.value.free_symbols} <= known
            known.add(definition.name)
        later = [each.value for each in derived.definitions] + derived.summands
        assert known == {symbol.name for each in later for symbol in each.free_symbols}


def test_each_stage_is_what_the_stage_costs(x2d: Architecture) -> None:
    resolved = x2d.resolve(gamma_d="11/5", gamma_b="9/4", gamma_t=16)
    derived = closed_form.derive(x2d, setting=resolved.setting)
    counted = dict(
        zip([stage.name for stage in resolved.network.stages], resolved.stage_costs(), strict=True)
    )
    parts = iter(derived.parts(resolved.factors))
    for term in derived.terms:
        assert sum(next(parts) for _ in term.summands) == counted[term.stage].macs


def test_without_rounding_and_squeezing_it_is_the_facts_polynomial() -> None:
    t, s, w, b, d = map(gamma, "tswbd")
    facts = (
        9934848 * b * d * s**2 * t * w**2
        + 1841616 * b * d * s**2 * t * w
        + 3161088 * b * s**2 * t * w**2
        + 393216 * b * w
        + 1128960 * s**2 * t * w**2
        + 2408448 * s**2 * t * w
        + 819200
    )
    assert polynomial(without_squeezing()) == facts


def test_squeezing_adds_its_own_small_terms(x2d: Architecture) -> None:
    """Half of the blocks, twice the inner width times a sixteenth of it."""
    w, b, d = map(gamma, "wbd")
    inner = {24: 1, 48: 2, 96: 5, 192: 3}
    squeezing = sum(sympy.Rational(depth, 2) * (width**2) / 8 for width, depth in inner.items())
    added = sympy.expand(polynomial(x2d) - polynomial(without_squeezing()))
    assert added == squeezing * w**2 * b**2 * d


@pytest.mark.parametrize("quantity", ["macs", "params", "activations"])
def test_the_relaxed_form_is_what_sympy_expands(x2d: Architecture, quantity: str) -> None:
    [smooth] = relaxation.relax([getattr(x2d.formula(), quantity)])
    expanded = sympy.expand(sympy_bridge.to_sympy(smooth))
    ours = polynomial(x2d, quantity)
    assert ours.subs({gamma(name): sympy_bridge.symbol(f"gamma_{name}") for name in "tswbd"}) == expanded


def test_relaxed_terms_come_by_size(x2d: Architecture) -> None:
    derived = closed_form.derive(
        x2d, relaxed=True, setting={"gamma_t": Fraction(16), "gamma_d": numbers.sqrt(5)}
    )
    parts = derived.parts(derived.setting)
    assert parts == sorted(parts, reverse=True)
    assert derived.definitions == ()


@pytest.mark.parametrize("quantity", ["macs", "params"])
def test_elasticities_are_those_that_sympy_derives(x2d: Architecture, quantity: str) -> None:
    setting = {"gamma_t": Fraction(13), "gamma_b": Fraction(9, 4), "gamma_d": Fraction(11, 5)}
    [smooth] = relaxation.relax([getattr(x2d.formula(), quantity)])
    form = sympy_bridge.to_sympy(smooth)
    factors = x2d.at(setting).factors
    values = {sympy_bridge.symbol(name): sympy_bridge.to_number(value) for name, value in factors.items()}
    for each in elasticity.elasticities(x2d, quantity, setting=setting):
        x = sympy_bridge.symbol(each.factor)
        assert each.value.is_Rational
        assert each.value == (x * form.diff(x) / form).subs(values)


def test_only_factors_that_enter_have_an_elasticity(x2d: Architecture) -> None:
    assert [each.factor for each in elasticity.elasticities(x2d, "params")] == [
        "gamma_w",
        "gamma_b",
        "gamma_d",
    ]


def test_elasticities_at_roots_are_exact_too(x2d: Architecture) -> None:
    rational = elasticity.elasticities(x2d, setting={"gamma_s": numbers.sqrt(2)})
    assert all(each.value.is_Rational for each in rational)
    rooted = elasticity.elasticities(x2d, setting={"gamma_w": numbers.sqrt(2)})
    near = elasticity.elasticities(x2d, setting={"gamma_w": Fraction("1.41421356")})
    assert not any(each.value.has(sympy.Float) for each in rooted)
    for a, b in zip(rooted, near, strict=True):
        assert float(a.value) == pytest.approx(float(b.value), rel=1e-6)


def test_a_scaled_factor_costs_as_its_elasticity_says(odd: Architecture) -> None:
    derived = closed_form.derive(odd, relaxed=True)
    for each in elasticity.elasticities(odd):
        moved = {
            **derived.setting,
            each.factor: derived.setting[each.factor] * Fraction(1_000_001, 1_000_000),
        }
        rate = float(derived.at(moved)) / float(derived.at(derived.setting)) - 1
        assert rate * 1_000_000 == pytest.approx(float(each.value), rel=1e-4)


@pytest.mark.parametrize("overrides", [{}, {"math": "3", "T": "5", "total": "7", "macs": "7/2"}])
@pytest.mark.parametrize("quantity", COUNTED)
def test_an_odd_network(odd: Architecture, quantity: str, overrides: dict[str, str]) -> None:
    resolved = odd.resolve(**overrides)
    derived = closed_form.derive(odd, quantity, setting=resolved.setting)
    assert derived.at(resolved.factors) == QUANTITIES[quantity].of(resolved.network)
    assert ("total" in derived.factors) == ("total" in overrides)


def test_odd_names_stay_apart(odd: Architecture) -> None:
    derived = closed_form.derive(odd)
    names = [each.name for each in derived.definitions]
    assert len({*names, *derived.factors}) == len(names) + len(derived.factors)
    assert "H_b = ceil(S_S/2)" in re.sub(" +", " ", render.text(derived))


@pytest.mark.parametrize("relaxed", [False, True])
@pytest.mark.parametrize("quantity", COUNTED)
def test_text_fits_80_columns(x2d: Architecture, odd: Architecture, quantity: str, relaxed: bool) -> None:
    for architecture in (x2d, odd):
        text = render.text(closed_form.derive(architecture, quantity, relaxed=relaxed))
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("relaxed", [False, True])
def test_python_of_the_odd_network(odd: Architecture, relaxed: bool) -> None:
    for math_ in (Fraction(2), Fraction(17, 4)):
        settings = {"math": math_, "alpha_b_c": Fraction(9, 8), "T": Fraction(5)}
        factors = odd.at(settings).factors
        for quantity in COUNTED:
            derived = closed_form.derive(odd, quantity, relaxed=relaxed)
            value = run_python(derived, [factors[name] for name in derived.factors])
            assert value == pytest.approx(float(derived.at(factors)), rel=1e-12)


def run_python(derived: closed_form.Formula, values: list[Any]) -> Any:
    """The value of the generated function, which is the last one in its module."""
    module: dict[str, Any] = {}
    source = render.render(derived, "python")
    exec(source, module)
    function = re.findall(r"^def (\w+)\(", source, flags=re.MULTILINE)[-1]
    return module[function](*values)


def test_python_is_exact_and_says_what_it_counts(x2d: Architecture) -> None:
    pytorchvideo = x2d.choose(shortcut_norm="on_width_change")
    derived = closed_form.derive(pytorchvideo, convention="fvcore")
    source = render.python(derived)
    assert "flops of x2d, with every rounding (fvcore: MACs and 2 per norm element" in source
    assert "def real_power" not in source
    resolved = pytorchvideo.resolve(gamma_t=4, gamma_s="10/7", gamma_b="9/4", gamma_d="11/5")
    assert resolved.cost("fvcore").operations == 626_146_112
    assert run_python(derived, [resolved.factors[name] for name in derived.factors]) == 626_146_112
    smooth = closed_form.derive(x2d, "params", relaxed=True)
    assert run_python(smooth, [Fraction(1, 3)] * 3) == smooth.at(
        dict.fromkeys(smooth.factors, Fraction(1, 3))
    )


def test_python_without_rounding_needs_no_helpers(x2d: Architecture) -> None:
    source = render.python(closed_form.derive(x2d, relaxed=True))
    assert "import math" not in source
    assert source.count("def ") == 1


def test_latex(x2d: Architecture, odd: Architecture) -> None:
    text = render.render(closed_form.derive(x2d), "latex")
    assert r"  S_{\mathrm{conv1}} &= \left\lceil{\frac{S}{2}}\right\rceil \\" in text
    assert r"  w_{\mathrm{conv1}} &= \operatorname{roundwidth}_{8}\left(24 \gamma_{w}\right) \\" in text
    for architecture in (x2d, odd):
        for relaxed in (False, True):
            assert_typesets(render.latex(closed_form.derive(architecture, "params", relaxed=relaxed)))


def assert_typesets(text: str) -> None:
    """As far as can be seen without TeX: rows, pairs, known commands, nothing unescaped."""
    head, environment, *rows, end, tail = text.splitlines()
    assert (head, environment, end, tail) == (r"\[", r"\begin{aligned}", r"\end{aligned}", r"\]")
    assert [row.endswith(r" \\") for row in rows] == [True] * (len(rows) - 1) + [False]
    for row in rows:
        assert row.count("&") == 1
        for opening, closing in ("{}", "()", "[]"):
            assert row.count(opening) == row.count(closing)
        assert row.count(r"\left") == row.count(r"\right")
        commands = set(re.findall(r"\\([A-Za-z]+)", row))
        assert commands <= {
            *("mathrm", "operatorname", "left", "right", "lceil", "rceil", "lfloor", "rfloor"),
            *("frac", "sqrt", "max", "cdot", "quad", "alpha", "gamma", "tau"),
        }
        assert not re.search(r"(?<!\\)_[^{]", row)


def test_roots_in_latex(odd: Architecture) -> None:
    assert r"+ 384 \sqrt{2} \alpha_{\mathrm{b\_c}} \sqrt{\mathrm{math}}" in render.latex(
        closed_form.derive(odd, "params", relaxed=True)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantity": "mac"}, "quantity: unknown quantity 'mac'; did you mean macs?"),
        ({"convention": "pt"}, "convention: unknown convention 'pt'"),
    ],
)
def test_unknown_words_list_those_there_are(
    x2d: Architecture, arguments: dict[str, str], message: str
) -> None:
    for function in (closed_form.derive, elasticity.elasticities):
        with pytest.raises(SpecError, match=re.escape(message)):
            function(x2d, **arguments)
    with pytest.raises(SpecError, match="the formats are text, latex, python"):
        render.render(closed_form.derive(x2d), "html")


def test_what_cannot_be_multiplied_out_is_refused(tmp_path: Path) -> None:
    names = [f"f{index}" for index in range(16)]
    factors = "".join(f"  {name}: {{start: 1}}\n" for name in names)
    text = (
        f"name: big\ntitle: Big\nsource: none\nfactors:\n{factors}input: {{size: 32}}\nstages:\n"
        f"  - {{name: a, layers: [conv: {{out: 8 * ({' + '.join(names)})**8, kernel: 1}}]}}\n"
    )
    with pytest.raises(SpecError, match="no closed form: more than 4096 terms when multiplied out"):
        closed_form.derive(written(tmp_path, text), relaxed=True)


A, B = variable("a"), variable("b")


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (A * A - B * A, "a*(a - b)"),
        ((A + B) * (A + B), "a*(a + 2*b) + b**2"),
        ((A + B) / (A + B + 1), "(a + b)/(a + b + 1)"),
        (expressions.power(A * A, constant(Fraction(1, 2))), "a"),
        (expressions.power(A - B, constant(Fraction(1, 2))), "sqrt(a - b)"),
        (expressions.power(A, B), "a**b"),
        (constant(Fraction(2, 3)) * A + constant(Fraction(1, 6)), "(4*a + 1)/6"),
        (constant(numbers.sqrt(2)) * A, "sqrt(2)*a"),
        (constant(-1) * expressions.ceil(A), "-ceil(a)"),
        (expressions.residues(expressions.ceil(A), 1, 3), "ceil((ceil(a) - 1)/3)"),
        (expressions.minimum(A, B) - expressions.minimum(A, B) + 0 * A, "0"),
        (expressions.equal(A, expressions.round_to(B, constant(4))), "(a == round_to(b, 4))"),
        (expressions.maximum(A, expressions.round_to(B, constant(1))), "max(a, round(b))"),
    ],
)
def test_how_expressions_are_rewritten_and_read(node: Expr, text: str) -> None:
    rewritten = closed_form.arranged(sympy.expand(sympy_bridge.to_sympy(node)))
    assert printers.text(rewritten) == text
    setting = {"a": Fraction(9, 4), "b": Fraction(2)}
    [value] = Tape[Any]([node]).run(EXACT, setting)
    known = {sympy_bridge.symbol(name): sympy_bridge.to_number(each) for name, each in setting.items()}
    assert rewritten.xreplace(known) == sympy_bridge.to_number(Fraction(0) + value)
    safe = {"a": "x", "b": "y"}
    names: dict[str, Any] = {}
    exec(render.python_helpers("real_power( round_width( round_to("), names)
    exec(f"ours = {printers.python(rewritten, safe)}", names, ours := {"x": Fraction(9, 4), "y": 2})
    assert float(ours["ours"]) == pytest.approx(numbers.approximate(Fraction(0) + value), rel=1e-12)
    assert "." not in printers.python(rewritten, safe).replace("math.", "")


def test_roundings_are_kept_over_symbols_and_exact_over_numbers() -> None:
    width = sympy_bridge.to_sympy(expressions.round_width(24 * A, constant(8)))
    assert printers.text(width) == "round_width(24*a)"
    assert printers.latex(width**2) == r"\operatorname{roundwidth}^{2}_{8}\left(24 a\right)"
    assert printers.mathml(width) == (
        "<mrow><msub><mi>roundwidth</mi><mn>8</mn></msub><mrow><mo>(</mo><mrow><mn>24</mn>"
        "<mo>\N{INVISIBLE TIMES}</mo><mi>a</mi></mrow><mo>)</mo></mrow></mrow>"
    )
    counted = expressions.residues(expressions.ceil(A), 0, 2)
    assert printers.text(sympy_bridge.to_sympy(counted)) == "ceil(ceil(a)/2)"
    assert width.subs(sympy_bridge.symbol("a"), sympy.sqrt(2)) == 32
    assert width.subs(sympy_bridge.symbol("a"), sympy.Rational(1, 2)) == 16
    same = sympy_bridge.to_sympy(expressions.equal(A, B))
    assert [same.subs({sympy_bridge.symbol("a"): 1, sympy_bridge.symbol("b"): b}) for b in (1, 2)] == [1, 0]


def test_sympy_numbers_are_exact() -> None:
    value = 3 * numbers.power(12, Fraction(1, 3))
    assert sympy_bridge.to_number(value).equals(3 * sympy.Integer(12) ** sympy.Rational(1, 3))


def test_formulas_are_alike_in_every_process() -> None:
    code = (
        "import x3dspec; from x3dspec.formula import closed_form as formula, elasticity, render as rendering;"
        "a = x3dspec.load('x3d_xl');"
        "print(*(rendering.render(formula.derive(a, q, relaxed=r), f, elasticity.elasticities(a, q))"
        " for q in ('macs', 'bytes') for r in (True, False) for f in rendering.FORMATS));"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
