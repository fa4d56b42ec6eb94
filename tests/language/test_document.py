"""What `x3dspec.language.document` accepts, and the exact words and place of each refusal."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat
from fractions import Fraction

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from x3dspec.language import document, literals, paths, yaml_events
from x3dspec.language.document import parse, read
from x3dspec.language.errors import SpecError
from x3dspec.language.paths import spell


def load(text: str) -> object:
    return parse(text.encode(), "f").data


def refusals(raw: str | bytes) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(raw.encode() if isinstance(raw, str) else raw, "f")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("True", "True"),
        ("12", 12),
        ("+12", 12),
        ("-0", 0),
        ("010", 10),
        ("9" * 40, 10**40 - 1),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1:30", "1:30"),
        ("0.1", Fraction(1, 10)),
        ("1.", Fraction(1)),
        ("-.5", Fraction(-1, 2)),
        ("1e3", Fraction(1000)),
        ("1.5E-3", Fraction(3, 2000)),
        ("1e0000030", Fraction(10**30)),
        ("1e000", Fraction(1)),
        ("1e", "1e"),
        (".", "."),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2001-01-01", "2001-01-01"),
        ("<<", "<<"),
        ("\u0663", "\u0663"),
        ("24 * gamma_w", "24 * gamma_w"),
        ("'12'", "12"),
        ('"true"', "true"),
        ('""', ""),
        ("|\n  12\n", "12\n"),
        (">-\n  null\n", "null"),
        ("[1, [a, {b: c}], {}]", [1, ["a", {"b": "c"}], {}]),
    ],
)
def test_values(written: str, value: object) -> None:
    data = load(f"a: {written}")
    assert data == {"a": value}
    assert isinstance(data, dict)
    assert type(data["a"]) is type(value)


TREE = """\
name: x3d
stages:
  - name: res2
    repeat:
      3
  - {name: res3, 'a b': "x"}
empty:
"""


def test_places() -> None:
    doc = parse(TREE.encode(), "f")
    assert doc.place(()) == (1, 1)
    assert doc.key_place(()) == (1, 1)
    assert doc.place(("name",)) == (1, 7)
    assert doc.key_place(("name",)) == (1, 1)
    assert doc.place(("stages",)) == (3, 3)
    assert doc.place(("stages", 0)) == doc.key_place(("stages", 0)) == (3, 5)
    assert doc.place(("stages", 0, "repeat")) == (5, 7)
    assert doc.key_place(("stages", 0, "repeat")) == (4, 5)
    assert doc.place(("stages", 1, "a b")) == (6, 25)
    assert doc.key_place(("stages", 1, "a b")) == (6, 18)
    assert doc.place(("empty",)) == doc.key_place(("empty",)) == (7, 1)


@pytest.mark.parametrize(
    ("path", "place", "key_place"),
    [
        (("stages", 1, "width"), (6, 5), (6, 5)),
        (("stages", 2, "width"), (3, 3), (2, 1)),
        (("stages", -1), (3, 3), (2, 1)),
        (("name", "x", 3), (1, 7), (1, 1)),
        (("nothing",), (1, 1), (1, 1)),
    ],
)
def test_unknown_path_falls_back_to_nearest_ancestor(
    path: paths.Path, place: yaml_events.Place, key_place: yaml_events.Place
) -> None:
    doc = parse(TREE.encode(), "f")
    assert doc.place(path) == place
    assert doc.key_place(path) == key_place


def test_problem() -> None:
    doc = parse(TREE.encode(), "f")
    path: paths.Path = ("stages", 0, "repeat")
    assert str(doc.problem(path, "too few")) == "f:5:7: stages[0].repeat: too few"
    assert str(doc.problem(path, "odd", key=True)) == "f:4:5: stages[0].repeat: odd"
    assert str(doc.problem((), "odd")) == "f:1:1: odd"


@pytest.mark.parametrize(
    ("path", "spelled"),
    [
        ((), ""),
        (("stages", 1, "repeat"), "stages[1].repeat"),
        (("stages", "a b"), "stages['a b']"),
        (("a-b", "c"), "['a-b'].c"),
        (("a", ""), "a['']"),
        (("a", "\x1b\u202e\u2028\n'"), r"""a["\x1b\u202e\u2028\n'"]"""),
        (("a", "\u0430"), "a['\u0430']"),
        (("x" * 61,), "['" + "x" * 57 + "...']"),
    ],
)
def test_spell(path: paths.Path, spelled: str) -> None:
    assert spell(path) == spelled


def test_text_and_digest() -> None:
    raw = b"\xef\xbb\xbfa: \xc3\xa9\r\nb: 1\r\n"
    doc = parse(raw, "f")
    assert (doc.source, doc.text) == ("f", "a: \u00e9\r\nb: 1\r\n")
    assert doc.sha256 == hashlib.sha256(raw).hexdigest()
    assert doc.place(("a",)) == (1, 4)
    assert doc.place(("b",)) == (2, 4)
    assert doc == parse(raw, "f")
    assert hash(doc) == hash(parse(raw, "f"))


def test_aliases() -> None:
    doc = parse(b"a: &x {k: [1]}\nb: *x\nc: &s key\nd: {*s : *s}\n", "f")
    assert doc.data == {"a": {"k": [1]}, "b": {"k": [1]}, "c": "key", "d": {"key": "key"}}
    assert doc.place(("b",)) == (2, 4)
    assert doc.place(("b", "k", 0)) == (1, 12)
    assert doc.key_place(("b", "k")) == (1, 8)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", ["f:3:1: a: duplicate key 'a', first on line 1"]),
        ("a: [{b: 1, b: 2}]", ["f:1:12: a[0].b: duplicate key 'b', first on line 1"]),
        ("a: 1\n'a': 3\n", ["f:2:1: a: duplicate key 'a', first on line 1"]),
        ("a: &x {}\nb:\n  <<: *x\n",
         ["f:3:3: b: merge key << is not allowed: write the entries out"]),
        ("a: !!python/object:os.system x",
         ["f:1:4: a: tag '!!python/object:os.system' is not allowed"]),
        ("a: !!str 5", ["f:1:4: a: tag '!!str' is not allowed"]),
        ("a: [!foo {}]", ["f:1:5: a[0]: tag '!foo' is not allowed"]),
        ("a: ! x", ["f:1:4: a: tag '!' is not allowed"]),
        ("!x {a: 1}", ["f:1:1: tag '!x' is not allowed"]),
        ("a: !x%1b%e2%80%ae y", [r"f:1:4: a: tag '!x\x1b\u202e' is not allowed"]),
        ("1: x", ["f:1:1: a key must be text, not a number: put it in quotes"]),
        ("1: x\n1: y",
         [f"f:{n}:1: a key must be text, not a number: put it in quotes" for n in (1, 2)]),
        ("0.5: x", ["f:1:1: a key must be text, not a number: put it in quotes"]),
        ("true: x", ["f:1:1: a key must be text, not true or false: put it in quotes"]),
        ("a: {~: x}", ["f:1:5: a: a key must be text, not null: put it in quotes"]),
        ("? {a: 1}\n: x", ["f:1:3: a key must be text, not a mapping"]),
        ("a:\n  [b]: x", ["f:2:3: a: a key must be text, not a list"]),
        ("2: {b: !x y}", [
            "f:1:1: a key must be text, not a number: put it in quotes",
            "f:1:8: ['?'].b: tag '!x' is not allowed",
        ]),
        ("a: 1\n---\nb: 1\n", ["f:2:1: a second document: a spec is one document"]),
        ("a: &x [*x]", ["f:1:8: a[0]: alias 'x' is inside its own anchor"]),
        ("a: *x", ["f:1:4: a: alias 'x' has no anchor before it"]),
        ("a: &x 1\nb: &x 2", ["f:2:4: b: duplicate anchor 'x', first on line 1"]),
        ("a: " + "1" * 41, [f"f:1:4: a: number '{'1' * 41}' has more than 40 digits"]),
        ("a: ." + "0" * 90, [f"f:1:4: a: number '.{'0' * 56}...' has more than 40 digits"]),
        ("a: 1e31", ["f:1:4: a: number '1e31' has an exponent beyond 30"]),
        ("a: 1e-100", ["f:1:4: a: number '1e-100' has an exponent beyond 30"]),
        ('a: "\\ud800"', ["f:1:4: a: an escape that names half a character"]),
        ("- 1", ["f:1:1: expected a mapping with name, factors, stages ..., not a list"]),
        ("---\n x", ["f:2:2: expected a mapping with name, factors, stages ..., not text"]),
        ("5", ["f:1:1: expected a mapping with name, factors, stages ..., not a number"]),
        *[
            (text, ["f:1:1: empty: expected a mapping with name, factors, stages ..."])
            for text in ("", "\ufeff", "\n\n", "# only\n# comments\n", "---\n", "null")
        ],
    ],
)  # fmt: skip
def test_refusals(raw: str, expected: list[str]) -> None:
    assert refusals(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a: b: c", "f:1:5: not YAML: mapping values are not allowed here"),
        ("a: [1\nb: 2", ("f:2:2: not YAML: expected ',' or ']', but got ':', "
         "while parsing a flow sequence from line 1")),
        ("a: 1\nb: 'x\n\n", ("f:4:1: not YAML: found unexpected end of stream, "
         "while scanning a quoted scalar from line 2")),
        ("a:\n\tb: 1", r"f:2:1: not YAML: found character '\t' that cannot start any token"),
        ("a: @x", "f:1:4: not YAML: found character '@' that cannot start any token"),
        ("a: !q!x 1", "f:1:4: not YAML: found undefined tag handle '!q!'"),
        ("%YAML 2.0\n---\na: 1", ("f:1:1: not YAML: found incompatible YAML document "
         "(version 1.* is required)")),
        ('a: 1\nb: "\\UFFFFFFFF"',
         "f:2:1: not YAML: after this, a number or an escape is out of range"),
        ("a: !" + "q" * 500 + "!x 1",
         "f:1:4: not YAML: found undefined tag handle '!" + "q" * 148 + "..."),
    ],
)  # fmt: skip
def test_syntax_errors(raw: str, expected: str) -> None:
    assert refusals(raw) == [expected]


def test_all_problems_together_and_before_a_syntax_error() -> None:
    assert refusals("a: !x 1\na: 2\n3: 4\nb: &r [*r]\nc: [}\n") == [
        "f:1:4: a: tag '!x' is not allowed",
        "f:2:1: a: duplicate key 'a', first on line 1",
        "f:3:1: a key must be text, not a number: put it in quotes",
        "f:4:8: b[0]: alias 'r' is inside its own anchor",
        "f:5:5: not YAML: expected the node content, but found '}'",
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a: \xff", "f: is not UTF-8: byte 4 is 0xff"),
        (b"\xef\xbb\xbfa: \xe2\x82", "f: is not UTF-8: byte 7 is 0xe2"),
        (b"a: \xed\xa0\x80", "f: is not UTF-8: byte 4 is 0xed"),
        ("a: 1".encode("utf-16"), "f: is UTF-16, not UTF-8: save it as UTF-8"),
        (b"a: \0", "f: is not text: byte 4 is NUL"),
        (b"a: 1\r\nb: \x1b[2J", "f:2:4: unreadable character U+001B: remove it"),
        ("# x\u2028a: 1", "f:1:4: unreadable character U+2028: remove it"),
        ("a: 1\n\u0085", "f:2:1: unreadable character U+0085: remove it"),
        ("a: \ufeff", "f:1:4: unreadable character U+FEFF: remove it"),
        (b"a" * (256 * 1024 + 1), "f: larger than 256 KiB"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_text(raw: str | bytes, expected: str) -> None:
    assert refusals(raw) == [expected]


def test_bounds() -> None:
    assert load("a: " + "[" * 31 + "]" * 31)
    assert refusals("a: " + "[" * 32 + "]" * 32)[0].endswith(": nested more than 32 levels deep")
    assert refusals("a:\n " + "[" * 100_000)[0].startswith("f:2:33: a[0]")
    assert refusals("- " * 100_000)[0].endswith(": nested more than 32 levels deep")
    assert refusals("? " * 100_000) == ["f:1:65: nested more than 32 levels deep"]

    assert load(f"a: {'x' * 4000}") == {"a": "x" * 4000}
    assert refusals(f"a: {'x' * 4001}") == ["f:1:4: a: text longer than 4,000 characters"]

    assert load("a: [" + "1," * 19_997 + "]")  # and the root, the key and the list
    assert refusals("a: [" + "1," * 19_998 + "]") == ["f:1:39999: a[19997]: holds more than 20,000 nodes"]
    assert load("a: 1\n# " + "x" * (256 * 1024 - 7))


def test_billion_laughs() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert refusals("\n".join(lines)) == ["f:5:10: a4[0]: aliases expand to more than 20,000 nodes"]


def test_aliases_cannot_nest_deeper_than_brackets() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 31))]
    assert load("\n".join(lines))
    lines.append("a31: [*a30]")
    assert refusals("\n".join(lines)) == ["f:32:7: a31[0]: nested more than 32 levels deep"]


def problem_of_reading(path: pathlib.Path, source: str | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        read(path, source)
    return str(caught.value)


def test_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: 1\n")
    assert read(path).source == str(path)
    assert read(path, "./x.yaml") == parse(b"a: 1\n", "./x.yaml")


def test_file_trouble(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.yaml"
    assert problem_of_reading(path) == f"{path}: no such file"
    assert problem_of_reading(tmp_path, "d") == "d: is a directory, not a spec file"
    path.write_bytes(b"")
    assert problem_of_reading(path, "x") == f"x:1:1: empty: {document._EXPECTED}"
    assert problem_of_reading(path / "y", "y") == "y: cannot be read: Not a directory"
    assert problem_of_reading(pathlib.Path("a\0"), "y") == "y: cannot be read: embedded null byte"
    with path.open("wb") as file:
        file.truncate(10**12)
    assert problem_of_reading(path, "x") == "x: larger than 256 KiB"


def test_unreadable_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")  # root may read anything

    monkeypatch.setattr(os, "open", refuse)
    assert problem_of_reading(tmp_path / "x", "x") == "x: cannot be read: permission denied"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_special_files_do_not_hang(tmp_path: pathlib.Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert problem_of_reading(fifo, "x") == "x: is not a regular file"
    assert pathlib.Path("/dev/zero").is_char_device()
    assert problem_of_reading(pathlib.Path("/dev/zero"), "x") == "x: is not a regular file"


def test_size_is_bounded_even_if_the_file_grows_after_stat(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"#" * 300_000)
    small = os.stat_result((stat.S_IFREG, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: small)
    assert problem_of_reading(path, "x") == "x: larger than 256 KiB"


# PyYAML dumps by YAML 1.1, which leaves "09" and "1e5" unquoted; to us those are numbers.
words = st.text(max_size=20).filter(lambda text: not literals._NUMBER.fullmatch(text))
scalars = st.none() | st.booleans() | st.integers(-(10**39), 10**39) | words
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4)
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(words, trees, min_size=1, max_size=4), st.booleans())
def test_dumped_data_comes_back(data: dict[str, object], flow: bool) -> None:
    doc = parse(yaml.safe_dump(data, default_flow_style=flow, sort_keys=False).encode(), "f")
    assert doc.data == data
    check_places(doc, (), data)


def check_places(doc: document.Document, path: paths.Path, data: object) -> None:
    """Every node has a place of its own, after its parent's."""
    lines = doc.text.split("\n")
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for part, value in items:
        line, column = doc.place((*path, part))
        assert column <= len(lines[line - 1]) + 1
        assert doc.place(path) <= doc.key_place((*path, part)) <= (line, column)
        if isinstance(value, str) and value.isalpha() and value.isascii():
            assert lines[line - 1][column - 1 :].lstrip("'\"").startswith(value)
        check_places(doc, (*path, part), value)


syntax = st.lists(
    st.sampled_from([*"abc01.-+e:?[]{},&*!|>'\"%@` \n\t#<~\\", "&a ", "*a", ": ", "- ", "--- ", "\\U"])
    | st.characters(),
    max_size=60,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | syntax.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_anything_else_raises_only_spec_errors(raw: bytes) -> None:
    lines: list[str] = []
    try:
        assert isinstance(parse(raw, "f").data, dict)
    except SpecError as error:
        lines = [str(problem) for problem in error.problems]
    assert all(line.isprintable() and line.startswith("f:") for line in lines)


ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "path", sorted([*ROOT.rglob("*.yaml"), *ROOT.parent.glob("specs/**/*.yaml")]), ids=str
)
def test_libyaml_reads_what_pyyaml_reads(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = path.read_bytes()

    def outcome() -> object:
        document.parse.cache_clear()
        try:
            found = parse(raw, "x")
        except SpecError as error:
            return str(error)
        return found.data, _places(found)

    fast = outcome()
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert outcome() == fast


def _places(found: document.Document) -> list[tuple[int, int]]:
    """Where every value of a document stands, and every key."""
    places: list[tuple[int, int]] = []
    pending: list[tuple[paths.Path, object]] = [((), found.data)]
    while pending:
        path, data = pending.pop()
        places += [found.place(path), found.key_place(path)]
        if isinstance(data, dict):
            pending += [((*path, key), value) for key, value in data.items()]
        elif isinstance(data, list):
            pending += [((*path, index), value) for index, value in enumerate(data)]
    return places
