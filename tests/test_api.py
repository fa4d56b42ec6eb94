"""x3dspec from Python: what the package itself offers, how answers look, how errors speak."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import x3dspec
from tests import notebook
from x3dspec.language.errors import BadArgument, Infeasible, SpecError

FUNCTIONS = ("budget", "cost", "emit", "expand", "formula", "load", "resolve", "search", "solve", "verify")


def test_the_package_lists_what_it_offers() -> None:
    assert set(FUNCTIONS) <= set(dir(x3dspec))
    assert dir(x3dspec) == sorted([*x3dspec.__all__, "__version__"])
    for name in x3dspec.__all__:
        assert getattr(x3dspec, name).__doc__


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"formula", "load"}))
def test_every_function_says_what_it_takes_and_raises(name: str) -> None:
    function = getattr(x3dspec, name)
    assert "Raises:" in function.__doc__
    signature = inspect.signature(function)
    assert "Any" not in str(signature.return_annotation)


def test_importing_it_is_cheap() -> None:
    code = "import sys, x3dspec; dir(x3dspec); print(*sorted(sys.modules))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"sympy", "numpy", "pydantic", "typer", "yaml", "torch", "jinja2"} & set(seen.split())


@pytest.mark.parametrize(
    "first", ["import x3dspec.formula.closed_form", "x3dspec.formula", "from x3dspec import formula", ""]
)
def test_formula_is_a_function_and_a_wing_whichever_comes_first(first: str) -> None:
    code = (
        f"import x3dspec\n{first}\n"
        "closed = x3dspec.formula('x2d', relaxed=True)\n"
        "from x3dspec.formula.closed_form import Formula, derive\n"
        "import x3dspec.formula.render\n"
        "assert isinstance(closed, Formula) and closed == x3dspec.formula('x2d', relaxed=True)\n"
        "assert closed == derive(x3dspec.load('x2d'), relaxed=True)\n"
        "from x3dspec import formula\n"
        "assert formula('x2d', relaxed=True) == closed\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_answers_are_those_of_the_command_line(tmp_path: Path) -> None:
    assert x3dspec.cost("x3d_m").macs == 4_732_468_736
    assert x3dspec.resolve("x3d_m", gamma_s="sqrt(2)").network.size == x3dspec.resolve("x3d_s").network.size
    assert x3dspec.formula("x3d_m").at(x3dspec.load("x3d_m").resolve().factors) == 4_732_468_736
    bought = x3dspec.budget("x2d", "100MMACs", fill=True)
    assert bought.achieved <= 100_000_000
    assert bought.resolved.cost().macs == bought.achieved
    expansion = x3dspec.expand("x2d", steps=2)
    assert [step.axis for step in expansion.trajectory.steps] == ["bottleneck", "fast"]
    fixed = {name: value for name, value in x3dspec.resolve("x2d").factors.items() if name != "gamma_t"}
    best = x3dspec.search("x2d", ["60MMACs"], fix={n: str(v) for n, v in fixed.items()}).best[0]
    assert best.counts.macs == x3dspec.cost("x2d", gamma_t=best.setting["gamma_t"]).macs
    width = x3dspec.solve("x3d_m", "gamma_w", "3GFLOPs", gamma_s="3/2").unknowns[0]
    assert width.below is not None
    assert width.above is not None
    near = [
        x3dspec.cost("x3d_m", gamma_s="3/2", gamma_w=each.factors["gamma_w"]).macs
        for each in (width.below, width.above)
    ]
    assert near == [width.below.counts.macs, width.above.counts.macs]
    assert near[0] <= 3_000_000_000 < near[1]
    golden = Path(__file__).parents[1] / "generated" / "x3d_m.py"
    assert x3dspec.emit("x3d_m").partition("# command")[2] == golden.read_text().partition("# command")[2]


def test_a_spec_is_a_name_a_path_or_an_architecture() -> None:
    path = Path(__file__).parents[1] / "specs" / "x3d_s.yaml"
    figures = {x3dspec.cost(spec).macs for spec in ("x3d_s", path, x3dspec.load("x3d_s"))}
    assert figures == {1_962_892_112}


def test_a_notebook_shows_a_line_or_a_table() -> None:
    network = x3dspec.resolve("x3d_m")
    assert repr(network) == "Resolved(x3d_m: 4,732,468,736 MACs, 3,794,322 parameters)"
    assert repr(x3dspec.load("x3d_m")) == "Architecture(x3d_m, specs/x3d_m.yaml)"
    page = network._repr_html_()
    assert page.count("<tr>") == len(network.network.stages) + 2
    assert "<td>16 × 112 × 112</td>" in page
    assert "<th>4,732,468,736</th>" in page


#: A call that is wrong, and the argument that its error names.
WRONG: dict[str, tuple[Any, str]] = {
    "convention": (
        lambda: x3dspec.cost("x2d", "fvcor"),
        "convention: unknown convention 'fvcor'; did you mean fvcore?",
    ),
    "quantity": (
        lambda: x3dspec.formula("x2d", "mac"),
        "quantity: unknown quantity 'mac'; did you mean macs?",
    ),
    "target": (lambda: x3dspec.budget("x2d", "3GFLOP5"), "target: "),
    "tolerance": (lambda: x3dspec.budget("x2d", "3GFLOPs", tolerance="5"), "tolerance: "),
    "fix of a budget": (
        lambda: x3dspec.budget("x2d", "3GFLOPs", fix={"gamma_q": None}),
        "fix: unknown factor",
    ),
    "order": (lambda: x3dspec.budget("x2d", "3GFLOPs", order="publised"), "order: unknown order"),
    "judge": (lambda: x3dspec.expand("x2d", "publised"), "judge: unknown judge"),
    "rule": (lambda: x3dspec.expand("x2d", rule="half"), "rule: unknown rule"),
    "axes": (lambda: x3dspec.expand("x2d", axes=["wide"]), "axes: unknown axis"),
    "limits": (lambda: x3dspec.search("x2d", ["3GFLOP5"]), "limits: "),
    "fix": (lambda: x3dspec.search("x2d", ["3GFLOPs"], fix={"gamma_q": 1}), "fix: unknown factor"),
    "grid": (lambda: x3dspec.search("x2d", ["3GFLOPs"], grid={"gamma_b": "3"}), "grid: "),
    "unknowns": (lambda: x3dspec.solve("x2d", "gamma_q", "3GFLOPs"), "unknowns: unknown factor"),
    "targets": (lambda: x3dspec.solve("x2d", "gamma_w", "3GFLOP5"), "targets: "),
    "targets in number": (lambda: x3dspec.solve("x2d", "gamma_w", ["3GFLOPs"] * 2), "targets: one unknown"),
    "form": (lambda: x3dspec.emit("x2d", form="deployed"), "form: unknown form"),
    "name": (lambda: x3dspec.emit("x2d", name="class"), "name: 'class' cannot name a module"),
    "clip": (
        lambda: x3dspec.load("x3d_m").at_clip(3, -5),
        "clip: frames go from 1 to 4096, size from 1 to 8192",
    ),
    "clip of text": (lambda: x3dspec.load("x3d_m").at_clip("a", 5), "clip: "),  # type: ignore[arg-type]
    "clip of 2-D": (lambda: x3dspec.load("efficientnet_b0").at_clip(3, 5), "clip: this network is 2-D"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_errors_name_the_argument(kind: str) -> None:
    call, said = WRONG[kind]
    with pytest.raises(BadArgument) as caught:
        call()
    assert str(caught.value).startswith(said)
    assert caught.value.argument == kind.split()[0]
    assert "--" not in str(caught.value).replace("--grid", "").replace("--fix", "")


def test_choices_name_the_option_of_the_spec() -> None:
    with pytest.raises(SpecError, match=r"^shortcut_norm: unknown choice 'alway'; did you mean always\?"):
        x3dspec.load("x2d").choose(shortcut_norm="alway")
    with pytest.raises(SpecError, match=r"^classes: must be a whole number"):
        x3dspec.load("x2d").choose(classes="many")


def test_what_cannot_be_had_is_infeasible() -> None:
    with pytest.raises(Infeasible):
        x3dspec.budget("x2d", "1MMACs")


def test_the_notebook_shows_what_its_cells_give() -> None:
    path = Path(__file__).parents[1] / "examples" / "x3dspec.ipynb"
    shown = json.loads(path.read_text(encoding="utf-8"))
    assert notebook.run(shown) == shown, f"python tests/notebook.py {path} rewrites it"
