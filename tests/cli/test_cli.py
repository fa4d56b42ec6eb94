"""The commands as a person runs them: answers on stdout, the rest on stderr, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from x3dspec.cli import run

ROOT = Path(__file__).resolve().parents[2]
FAMILY = {
    "x2d": (20_662_304, 1_633_560, 1_633_512),
    "x3d_xs": (605_256_512, 3_794_322, 3_794_274),
    "x3d_s": (1_962_892_112, 3_794_322, 3_794_274),
    "x3d_m": (4_732_468_736, 3_794_322, 3_794_274),
    "x3d_l": (18_367_710_176, 6_153_432, 6_153_384),
    "x3d_xl": (35_837_627_616, 11_095_904, 11_095_840),
}

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command here runs where there is nothing but what ships."""
    monkeypatch.chdir(tmp_path)


def answer(capsys: Capture, *arguments: str) -> str:
    code = run(list(arguments))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def refusal(capsys: Capture, *arguments: str, code: int = 2) -> str:
    assert run(list(arguments)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize("name", FAMILY)
def test_the_family_is_counted_exactly(name: str, capsys: Capture) -> None:
    macs, params, elsewhere = FAMILY[name]
    found = json.loads(answer(capsys, "resolve", f"specs/{name}.yaml", "--json"))
    assert (found["cost"]["macs"], found["cost"]["params"]) == (macs, params)
    assert sum(stage["macs"] for stage in found["stages"]) == macs
    assert sum(stage["params"] for stage in found["stages"]) == params
    dialect = answer(capsys, "resolve", name, "--set", "shortcut_norm=on_width_change", "--json")
    assert json.loads(dialect)["cost"]["params"] == elsewhere


@pytest.mark.parametrize(
    ("convention", "clip", "operations"),
    [
        ("paper", None, 605_256_512),
        ("torch", None, 1_210_513_024),
        ("fvcore", None, 626_146_112),
        ("ptv-zoo", "4x182", 914_583_992),
    ],
)
def test_the_four_conventions(convention: str, clip: str | None, operations: int, capsys: Capture) -> None:
    options = ["--set", "shortcut_norm=on_width_change", "--convention", convention]
    options += ["--clip", clip, "--set", "head=window"] if clip else []
    found = json.loads(answer(capsys, "resolve", "x3d_xs", *options, "--json"))
    assert found["cost"]["operations"] == operations
    assert found["cost"]["convention"] == convention
    assert f"{operations:,}" in answer(capsys, "resolve", "x3d_xs", *options)


def test_resolve_has_the_documented_keys(capsys: Capture) -> None:
    found = json.loads(answer(capsys, "resolve", "specs/x2d.yaml", "--gamma-s", "2", "--json"))
    assert {"name", "factors", "input", "cost", "stages"} <= found.keys()
    assert found["factors"]["gamma_s"] == 2
    assert found["input"] == {"channels": 3, "frames": 1, "size": 224, "stride": 24}
    assert {"macs", "params", "activations", "convention"} <= found["cost"].keys()
    stage = {"name", "repeat", "width", "inner", "frames", "size", "macs", "params"}
    assert all(stage <= each.keys() for each in found["stages"])


def test_factors_are_exact(capsys: Capture) -> None:
    options = ["--gamma-s", "sqrt(2)", "--gamma-d=11/5", "--gamma-w", "1.45"]
    found = json.loads(answer(capsys, "resolve", "x2d", *options, "--json"))
    assert found["factors_exact"]["gamma_s"] == "sqrt(2)"
    assert found["factors_snapped"]["gamma_s"] == "10/7"
    assert found["factors_exact"]["gamma_d"] == "2.2"
    assert found["input"]["size"] == 160


def test_the_table_fits_80_columns(capsys: Capture) -> None:
    for name in FAMILY:
        page = answer(capsys, "resolve", name).splitlines()
        start = next(index for index, line in enumerate(page) if line.startswith("stage"))
        table = page[start : page.index("", start)]
        assert max(map(len, table)) <= 80


def test_resolved_specs_are_fixed_points(tmp_path: Path, capsys: Capture) -> None:
    options = [
        "--gamma-s",
        "sqrt(2)",
        "--gamma-d",
        "2.415",
        "--set",
        "conv1_temporal_kernel=3",
        "--clip",
        "5x99",
    ]
    first = json.loads(answer(capsys, "resolve", "x3d_xs", *options, "-o", "again.yaml", "--json"))
    second = json.loads(answer(capsys, "resolve", "again.yaml", "-o", "third.yaml", "--json"))
    assert {**first, "name": "again"} == second
    again, third = (Path(name).read_text().splitlines() for name in ("again.yaml", "third.yaml"))
    assert [again[0], *again[2:]] == [third[0], *third[2:]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["resolve", "x2d", "--gamma-q", "2"],
            "unknown factor 'gamma_q'; did you mean gamma_w? this spec has",
        ),
        (["resolve", "x2d", "--gamma-s"], "--gamma-s: needs a value"),
        (["resolve", "x2d", "--gamma-s", "two"], "--gamma-s: must be a number: two has no value here"),
        (["resolve", "x2d", "--gamma-s", "-1"], "gamma_s = -1 must be above 0"),
        (["resolve", "x2d", "--jsno"], "--jsno: unknown option; did you mean --json?"),
        (["resolve", "x2d", "--jsno", "1"], "unknown option; did you mean --json?"),
        (["resolve", "x2d", "--set", "shortcut_nrm=always"], "did you mean shortcut_norm?"),
        (["resolve", "x2d", "--set", "shortcut_norm=alway"], "did you mean always?"),
        (["resolve", "x2d", "--set", "always"], "is not of the form name=value"),
        (["resolve", "x2d", "--clip", "big"], "is not FRAMESxSIZE"),
        (["resolve", "x2d", "--convention", "fvcor"], "did you mean fvcore?"),
        (["resolve", "nothere.yaml"], "nothere.yaml: no such file"),
        (["resolve"], "needs "),
        (["reslve", "x2d"], "did you mean resolve?"),
        (["budget", "--target", "4.7GFLPs"], "did you mean 4.7GFLOPs?"),
        (["budget", "--target", "4.7G"], "of what? write 4.7GFLOPs"),
        (["budget", "--targt", "4.7GFLOPs"], "--target"),
        (["budget"], "needs --target"),
        (["emit", "x2d", "x3d_m", "--gamma-s", "2", "--out", "o"], "exactly one SPEC"),
        (["emit", "x2d", "--name", "class", "--out", "o"], "is a reserved name"),
        (["formula", "x2d", "--quantity", "mac"], "'mac' is not one of"),
    ],
)
def test_wrong_turns_lead_back_in_one_line(arguments: list[str], message: str, capsys: Capture) -> None:
    said = refusal(capsys, *arguments)
    assert message in said
    assert len(said.splitlines()) == 1


def test_an_infeasible_budget_names_what_is_reachable(capsys: Capture) -> None:
    said = refusal(capsys, "budget", "--target", "1MFLOPs", code=1)
    assert "20.66 MFLOPs (20,662,304)" in said


def test_budget_writes_a_module_and_a_spec_of_the_same_network(tmp_path: Path, capsys: Capture) -> None:
    target = ["budget", "--target", "1GFLOPs", "--fill", "--json"]
    found = json.loads(answer(capsys, *target, "--emit", "net.py", "-o", "net.yaml"))
    assert found["target"]["value"] == 10**9
    assert found["achieved"] == found["cost"]["macs"] <= 10**9
    assert all({"axis", "factor", "cost"} <= step.keys() for step in found["trajectory"])
    again = json.loads(answer(capsys, "resolve", "net.yaml", "--json"))
    assert (again["cost"], again["stages"]) == (found["cost"], found["stages"])
    answer(capsys, "emit", "net.yaml", "--out", "other")
    ours, theirs = (
        Path(name).read_text().partition("from __future__")[2] for name in ("net.py", "other/net.py")
    )
    assert ours.replace("X2D, the network that X3D expands", "") == theirs.replace(
        "X2D, the network that X3D expands", ""
    )


@pytest.mark.parametrize(
    ("target", "options", "preset"),
    [
        ("0.6GFLOPs", ["--tolerance", "1%"], "x3d_xs"),
        ("1.97GFLOPs", [], "x3d_s"),
        ("4.7GFLOPs", ["--tolerance", "1%"], "x3d_m"),
        ("18.4GFLOPs", [], "x3d_l"),
        ("36GFLOPs", [], "x3d_xl"),
    ],
)
def test_replaying_the_record_gives_the_family(
    target: str, options: list[str], preset: str, capsys: Capture
) -> None:
    asked = ["budget", "--target", target, "--order", "published", *options]
    found = json.loads(answer(capsys, *asked, "--json"))
    named = json.loads(answer(capsys, "resolve", preset, "--json"))
    for key in ("factors", "input", "cost", "stages"):
        assert found[key] == named[key]
    assert found["near"]["name"] == preset
    assert preset in answer(capsys, *asked)


def test_emit_check_sees_what_is_stale(tmp_path: Path, capsys: Capture) -> None:
    answer(capsys, "emit", "x2d", "x3d_xs", "--out", "generated")
    answer(capsys, "emit", "x2d", "x3d_xs", "--out", "generated", "--check")
    path = Path("generated/x2d.py")
    path.write_text(path.read_text().replace("24", "25", 1))
    assert "generated/x2d.py: stale" in refusal(
        capsys, "emit", "x2d", "x3d_xs", "--out", "generated", "--check", code=1
    )
    path.unlink()
    assert "missing" in refusal(capsys, "emit", "x2d", "--out", "generated", "--check", code=1)


def test_emit_never_overwrites_what_it_did_not_write(tmp_path: Path, capsys: Capture) -> None:
    Path("x2d.py").write_text("precious = True\n")
    assert "x2d.py was not written by x3dspec; --force" in refusal(
        capsys, "emit", "x2d", "x3d_m", "--out", "."
    )
    assert Path("x2d.py").read_text() == "precious = True\n"
    assert not Path("x3d_m.py").exists()
    answer(capsys, "emit", "x2d", "--out", ".", "--force")
    assert Path("x2d.py").read_text().startswith("# Generated by x3dspec")


def test_nothing_is_written_when_something_is_wrong(tmp_path: Path, capsys: Capture) -> None:
    Path("bad.yaml").write_text("name: bad\nbase: x2d\nfactors: {gamma_q: 1}\n")
    assert "bad.yaml:3:11: factors.gamma_q" in refusal(
        capsys, "emit", "x2d", "bad.yaml", "--out", "generated"
    )
    assert not Path("generated").exists()
    refusal(capsys, "resolve", "bad.yaml", "-o", "out.yaml")
    assert not Path("out.yaml").exists()


def test_generated_is_what_the_specs_say(capsys: Capture) -> None:
    answer(capsys, "emit", "--out", str(ROOT / "generated"), "--check")


def test_the_committed_schema_is_what_the_models_say(capsys: Capture) -> None:
    assert answer(capsys, "schema") == (ROOT / "specs/schema.json").read_text()


def test_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m x3dspec formula x3d_m | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("macs of x3d_m")


@pytest.mark.parametrize(
    "command", ["resolve", "budget", "formula", "emit", "verify", "schema", "check", "diff", "list", "report"]
)
def test_help_has_an_example_that_works(
    command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = answer(capsys, command, "--help")
    assert len(page.splitlines()) <= 40
    assert max(map(len, page.splitlines())) <= 80
    example = next(line.strip() for line in page.splitlines() if line.strip().startswith("x3dspec "))
    if command != "verify":  # its example is tested where torch is known to be there
        words = example.partition(" > ")[0].replace("'", "").split()
        answer(capsys, *words[1:])


def test_budget_says_what_was_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["budget", "x3d_s", "--target", "3GFLOPs", "--fix", "gamma_w", "--fix", "gamma-b=2.25"]
    assert json.loads(answer(capsys, *asked, "--json"))["fixed"] == {"gamma_w": "1", "gamma_b": "2.25"}
    assert "fixed     gamma_w = 1, gamma_b = 2.25" in answer(capsys, *asked).splitlines()
    assert "unknown factor 'gamma_q'" in refusal(capsys, *asked, "--fix", "gamma_q")
    assert "--fix: " in refusal(capsys, *asked, "--fix", "gamma_b=0")
