"""Every kind of bad spec, and exactly what is said about it.

Most kinds are three lines of ``tests/bad_specs/table.txt``: a name, what changes in a toy, what must be
printed. A kind that is no change of the toy, or one of odd bytes, is a file
``tests/bad_specs/<kind>.yaml`` with its lines in ``<kind>.txt``; to accept what is printed now, read the
difference after

    UPDATE_GOLDEN=1 pytest tests/language/test_bad_specs.py

Kinds that are no text file (a folder, a pipe, a binary) are spelled out below.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import bad_spec_table
import pytest

import x3dspec
from x3dspec.language import document, text_file
from x3dspec.language import shipped as assets
from x3dspec.language.errors import SpecError

FOLDER = Path(__file__).parents[1] / "bad_specs"
KINDS = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.yaml"))

TOY, CASES = bad_spec_table.table()
EXPECTED = {kind: (FOLDER / f"{kind}.txt").read_text(encoding="utf-8").splitlines() for kind in KINDS} | {
    case.name: [f"{case.name}.yaml:{line}" for line in case.expected] for case in CASES
}

# What pydantic, PyYAML and Python would have said, or a path of this machine.
JARGON = re.compile(
    r"(?i:pydantic|input should|dictionary|valid (string|list|number|integer|boolean)|validation|traceback)"
    r"|NoneType|<class|object at 0x|Fraction\(|Surd|Expr|\bdict\b|\bstr\b|__main__|/work|/home|/tmp"
)


def refusal(spec: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        x3dspec.load(spec).resolve()
    return list(map(str, caught.value.problems))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_printed_of_a_changed_toy(
    case: bad_spec_table.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bad_spec_table.printed(case, TOY) == list(case.expected)


def test_the_toy_itself_is_a_good_spec_and_no_two_cases_have_one_name(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text("".join(f"{line}\n" for line in TOY))
    assert x3dspec.load(str(path)).resolve().cost().macs > 0
    assert len(EXPECTED) == len(KINDS) + len(CASES)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_printed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # so that the lines name the files alike everywhere
    known = assets.shipped()
    monkeypatch.setattr(assets, "shipped", lambda: {name: known[name] for name in ("x2d", "x3d_m")})
    printed = "".join(f"{line}\n" for line in refusal(f"{kind}.yaml"))
    golden = FOLDER / f"{kind}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")


def test_every_expectation_has_its_spec() -> None:
    expected = [path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.txt")]
    assert sorted(expected) == sorted([*KINDS, "table"])


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_lines_are_for_people(kind: str) -> None:
    lines = EXPECTED[kind]
    assert lines
    for line in lines:
        assert line.isprintable()
        assert len(line) < 400
        assert not JARGON.search(line)
        assert re.match(r"[\w/]+\.yaml:[1-9]\d*:[1-9]\d*: ", line), "each names its place"
        assert not re.search(r"(?<!\.\.)[.:]$", line)


def test_problems_come_together_in_the_order_of_the_lines() -> None:
    places = [tuple(map(int, line.split(":")[1:3])) for line in EXPECTED["five_problems"]]
    assert len(places) >= 5
    assert places == sorted(places)


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("specs").mkdir()
    assert refusal("specs") == ["specs: is a directory, not a spec file"]


def test_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("x3d_xxl.yaml") == ["x3d_xxl.yaml: no such file; did you mean the shipped x3d_xl?"]
    assert refusal("a/b/c.yaml") == ["a/b/c.yaml: no such file"]


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"], ids=["too_long", "nul"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    [line] = refusal(name)
    assert re.fullmatch(r".*: (cannot be read: [\w ]+|no such file)", line)


def test_a_binary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.pyth").write_bytes(b"PK\x03\x04\0\0archive/data.pkl")
    assert refusal("model.pyth") == ["model.pyth: is not text: byte 5 is NUL"]
    Path("latin.yaml").write_bytes("name: täy\n".encode("latin-1"))
    assert refusal("latin.yaml") == ["latin.yaml: is not UTF-8: byte 8 is 0xe4"]
    Path("wide.yaml").write_bytes("name: toy\n".encode("utf-16"))
    assert refusal("wide.yaml") == ["wide.yaml: is UTF-16, not UTF-8: save it as UTF-8"]


def test_a_file_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("large.yaml").write_bytes(b"#" * (text_file.MAX_BYTES + 1))
    assert refusal("large.yaml") == ["large.yaml: larger than 256 KiB"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_pipe_nobody_writes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.yaml")
    assert refusal("pipe.yaml") == ["pipe.yaml: is not a regular file"]


def test_a_link_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop.yaml").symlink_to("loop.yaml")
    [line] = refusal("loop.yaml")
    assert line.startswith("loop.yaml: ")


@pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 0)() == 0,
    reason="ROOT READS EVERYTHING: run the tests as another user to see a file refused for its mode",
)
def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.yaml").write_text("name: secret\n")
    Path("secret.yaml").chmod(0)
    assert refusal("secret.yaml") == ["secret.yaml: cannot be read: permission denied"]


def test_an_unreadable_file_as_any_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, source: str) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.chdir(tmp_path)
    Path("secret.yaml").write_text("name: secret\n")
    monkeypatch.setattr(document, "content", deny)
    assert refusal("secret.yaml") == ["secret.yaml: cannot be read: permission denied"]


def test_a_base_beyond_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "hidden.yaml").write_text("".join(f"{line}\n" for line in TOY))
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path / "specs")
    Path("hidden.yaml").symlink_to("../secret/hidden.yaml")
    Path("preset.yaml").write_text("name: preset\nbase: hidden\n")
    [line] = refusal("preset.yaml")
    assert line.startswith("preset.yaml:2:7: base: unknown base 'hidden'; ")


def test_too_many_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for index in range(10):
        Path(f"p{index}.yaml").write_text(f"name: p{index}\nbase: p{index + 1}\n")
    Path("p10.yaml").write_text("name: p10\nbase: x2d\n")
    assert refusal("p0.yaml") == ["p8.yaml:2:7: base: more than 8 bases in a row"]
