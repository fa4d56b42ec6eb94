"""Files that commands write: whose are replaced, what is asked before the work, what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from x3dspec.cli import output, run
from x3dspec.language.errors import SpecError

Capture = pytest.CaptureFixture[str]
PRECIOUS = "import x3dspec  # a script of the user\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


#: Commands that write a file, by what they write; the file's name comes last.
WRITERS = {
    "spec": (("resolve", "x3d_xs", "-o"), "mine.yaml"),
    "module": (("budget", "--target", "40MMACs", "--emit"), "mine.py"),
    "budgeted spec": (("budget", "--target", "40MMACs", "-o"), "mine.yaml"),
    "found spec": (("search", "x2d", "--max", "21MMACs", "-o"), "mine.yaml"),
    "expanded spec": (("expand", "x2d", "--judge", "published", "--steps", "1", "-o"), "mine.yaml"),
    "plot": (("budget", "--target", "40MMACs", "--plot"), "mine.svg"),
    "page": (("report", "x2d", "-o"), "mine.html"),
    "picture": (("report", "x2d", "-o"), "mine.svg"),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_what_x3dspec_did_not_write_is_kept(kind: str, capsys: Capture) -> None:
    command, name = WRITERS[kind]
    Path(name).write_text(PRECIOUS)
    assert run([*command, name]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{name} was not written by x3dspec; --force replaces it" in said.err
    assert Path(name).read_text() == PRECIOUS
    for options in (("--force",), ()):  # by force, and then because it is ours
        assert run([*command, name, *options]) == 0, capsys.readouterr().err
    assert PRECIOUS not in Path(name).read_text()


def test_a_picture_of_pixels_is_known_again(capsys: Capture) -> None:
    pytest.importorskip("resvg_py")
    for _ in range(2):
        assert run(["report", "x2d", "-o", "mine.png"]) == 0
    Path("mine.png").write_bytes(b"\x89PNG\r\n\x1a\n of somebody else")
    assert run(["report", "x2d", "-o", "mine.png"]) == 2


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_the_input_is_never_replaced(force: list[str], capsys: Capture) -> None:
    assert run(["resolve", "x3d_xs", "-o", "mine.yaml"]) == 0
    before = Path("mine.yaml").read_bytes()
    for command in (["resolve", "mine.yaml", "-o"], ["budget", "mine.yaml", "--target", "9GFLOPs", "-o"]):
        for spelled in ("mine.yaml", "./mine.yaml", str(Path("mine.yaml").resolve())):
            assert run([*command, spelled, *force]) == 2
            assert "is what the command reads" in capsys.readouterr().err
    assert Path("mine.yaml").read_bytes() == before


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_checkpoint_is_never_converted_onto_itself(force: list[str], capsys: Capture) -> None:
    pytest.importorskip("torch")
    Path("X3D_S.pyth").write_bytes(b"weights of days")
    spelled = ["convert-weights", "X3D_S.pyth", "--spec", "x3d_s", "-o"]
    assert run([*spelled, "X3D_S.pyth", *force]) == 2
    assert "X3D_S.pyth is what the command reads" in capsys.readouterr().err
    Path("other.pt").write_bytes(b"weights of weeks")
    assert run([*spelled, "other.pt"]) == 2
    assert "other.pt was not written by x3dspec" in capsys.readouterr().err
    assert Path("X3D_S.pyth").read_bytes() == b"weights of days"


def test_the_place_is_asked_for_before_the_work(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr("x3dspec.cli.expand.expand", work)
    monkeypatch.setattr("x3dspec.scaling.search.search.search", work)
    monkeypatch.setattr("x3dspec.cli.budget.budgeted", work)
    Path("file").write_text(PRECIOUS)
    Path("folder.yaml").mkdir()
    commands = (
        ["expand", "x2d", "--judge", "published", "--steps", "1"],
        ["search", "x2d", "--max", "1GFLOPs"],
        ["budget", "--target", "1GFLOPs"],
    )
    for command, place in itertools.product(commands, ("file/mine.yaml", "folder.yaml", "file")):
        assert run([*command, "-o", place]) == 2
        assert place in capsys.readouterr().err


def test_two_options_never_share_a_file(capsys: Capture) -> None:
    assert run(["budget", "--target", "40MMACs", "--emit", "a.py", "-o", "./a.py"]) == 2
    assert "-o: a.py is the file of --emit too" in capsys.readouterr().err


def test_an_expansion_that_moved_nothing_writes_nothing(capsys: Capture) -> None:
    expand = ["expand", "x2d", "--judge", "command", "--judge-command", "false {out}", "--steps", "1"]
    assert run([*expand, "-o", "mine.yaml", "--plot", "mine.svg"]) == 1
    assert not list(Path().glob("mine*"))


def test_a_budget_that_moved_nothing_writes_nothing(capsys: Capture) -> None:
    budget = ["budget", "x3d_m", "--target", "4732468736MACs"]
    assert run(budget) == 0
    assert run([*budget, "-o", "mine.yaml", "--emit", "mine.py", "--plot", "mine.svg"]) == 1
    assert "no factor was moved" in capsys.readouterr().err
    assert not list(Path().glob("mine*"))


@pytest.mark.parametrize(
    ("content", "mine"),
    [
        (b"", True),
        (b"# Written by x3dspec\nname: x\n", True),
        (b"# Generated by x3dspec 0.1.0; edit the spec, not this file.\n", True),
        (b"import x3dspec  # Drawn by x3dspec\n", False),
        (b"name: x\n# Written by x3dspec\n", False),
        (b"<svg ><!-- Drawn by x3dspec -->", True),
        (b"<svg ><!-- drawn in an editor -->", False),
        (b"<!doctype html><title>mine</title>", False),
    ],
)
def test_files_are_known_by_their_beginning(content: bytes, mine: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert output.ours(tmp_path / "a") is mine


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("report x2d -o a.jpg", "-o: a.jpg must end in .html or .svg or .png"),
        ("report x2d -o a.html --format svg", "-o: a.html must end in .svg"),
        ("emit x2d -o foo.py", "x3dspec emit: writes into a folder: --out . --name foo"),
        ("emit x2d --out lib/foo.py", "x3dspec emit: writes into a folder: --out lib --name foo"),
        ("emit x2d", "x3dspec emit: needs --out FOLDER, where the modules go"),
        (
            "resolve x3d_s --clip 16",
            "--clip: this network is 3-D: write FRAMESxSIZE, such as 16x224",
        ),
        (
            "budget --target 3GFLOPs --target 4Mparams",
            "--target: takes one figure; several limits are "
            "x3dspec search specs/x2d.yaml --max 3GFLOPs --max 4Mparams",
        ),
    ],
)
def test_what_is_refused_says_what_to_write(command: str, said: str, capsys: Capture) -> None:
    assert run(command.split()) == 2
    assert capsys.readouterr().err == said + "\n"
    assert not list(Path().iterdir())


def test_the_ending_decides_what_a_report_is() -> None:
    begins: dict[str, Callable[[str], bool]] = {
        "a.html": lambda text: text.startswith("<!doctype html>"),
        "a.svg": lambda text: text.startswith("<svg "),
    }
    for name, right in begins.items():
        assert run(["report", "x2d", "-o", name]) == 0
        assert right(Path(name).read_text())


def test_every_problem_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(PRECIOUS)
    with pytest.raises(SpecError) as caught:
        output.claim(("-o", tmp_path / "a"), ("--plot", tmp_path), ("--emit", None))
    assert len(caught.value.problems) == 2
