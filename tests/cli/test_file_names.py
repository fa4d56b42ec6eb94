"""The name of a spec's file is a stranger's text too: it reaches code, pages and terminals escaped."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from x3dspec.cli import run
from x3dspec.language import shipped

#: In a header it would be a statement, and in a docstring the title would end what it begins.
STATEMENT = "x\nimport os;os.system('touch pwned');q='''\ndef q(x=\"\"\".yaml"
TITLE = "title: \"+''')" + ':#"\n'
NAMES = {
    "statement": STATEMENT,
    "terminal": "x\x1b[2J\x9b2J\u202e.yaml",
    "page": "x\u2028<script>alert(1)<script>.yaml",
    "no_utf_8": "x\udce9.yaml",
}

Capture = pytest.CaptureFixture[str]


@pytest.fixture(params=NAMES)
def spec(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    text = (shipped.folder("templates") / "starter.yaml").read_text(encoding="utf-8").replace("NAME", "net")
    name = NAMES[request.param]
    Path(name).write_text(
        "".join(TITLE if line.startswith("title:") else line for line in text.splitlines(True))
    )
    return name


def answer(capsys: Capture, *arguments: str, code: int = 0) -> str:
    assert run(list(arguments)) == code
    printed = capsys.readouterr()
    for line in f"{printed.out}{printed.err}".split("\n"):
        assert line.isprintable(), line
    return printed.out


@pytest.mark.parametrize("form", ["train", "deploy"])
def test_an_emitted_module_has_the_statements_of_a_plain_name(form: str, spec: str, capsys: Capture) -> None:
    answer(capsys, "emit", spec, "--out", "odd", "--form", form)
    Path("plain.yaml").write_bytes(Path(spec).read_bytes())
    answer(capsys, "emit", "plain.yaml", "--out", "even", "--form", form)
    [odd], [even] = (list(Path(folder).iterdir()) for folder in ("odd", "even"))
    assert ast.dump(ast.parse(odd.read_text("utf-8"))) == ast.dump(ast.parse(even.read_text("utf-8")))
    assert len(odd.read_text("utf-8").splitlines()) == len(even.read_text("utf-8").splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        ("resolve",),
        ("resolve", "--json"),
        ("check",),
        ("check", "--json"),
        ("check", "--format", "github"),
        ("formula", "--format", "latex"),
        ("formula", "--format", "python"),
        ("formula", "--json"),
        ("expand", "--judge", "published", "--steps", "1", "--plot", "plot.svg"),
        ("budget", "--target", "1GFLOPs"),
        ("diff", "x2d"),
    ],
)
def test_answers_are_printable(arguments: tuple[str, ...], spec: str, capsys: Capture) -> None:
    command, *rest = arguments
    answer(capsys, command, spec, *rest)


def test_a_json_answer_is_still_the_same_text(spec: str, capsys: Capture) -> None:
    assert json.loads(answer(capsys, "check", spec, "--json"))["specs"] == [spec]


def test_a_page_shows_the_name_escaped(spec: str, capsys: Capture) -> None:
    answer(capsys, "report", spec)
    page = Path("report.html").read_text("utf-8")
    assert "<script>alert" not in page
    shown = page.replace("\u2062", "")  # the product that mathematics does not show
    assert all(line.isprintable() or line.strip("\t ").isprintable() for line in shown.split("\n"))


def test_problems_name_the_file_in_one_line(spec: str, capsys: Capture) -> None:
    Path(spec).write_text("name: net\nstages: 1\n")
    answer(capsys, "resolve", spec, code=2)
    answer(capsys, "check", spec, "--format", "github", code=2)


def test_such_a_base_is_not_written_into_a_preset(spec: str, capsys: Capture) -> None:
    answer(capsys, "resolve", spec, "-o", "preset.yaml", code=2)
    assert not Path("preset.yaml").exists()


def test_files_that_are_written_are_named_in_one_line(spec: str, capsys: Capture) -> None:
    answer(capsys, "report", spec, "-o", f"{spec}.html")
    answer(capsys, "emit", spec, "--out", spec.removesuffix(".yaml"))


def test_weights_are_converted_without_running_the_name(spec: str, capsys: Capture) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(1)}, "w.pt")
    Path("keys").mkdir()
    rules = "code_bases: {other: {modules: {a: a}}}\n"
    (Path("keys") / spec).write_text(rules)
    answer(capsys, "convert-weights", "w.pt", "--spec", spec, "--from", "other", "-o", "out.pt", code=2)
    assert not Path("pwned").exists()
