"""What loading, lowering and binding make of odd specs: an answer or a located refusal, never else.

The kinds of refusal, word by word, are in ``test_bad_specs.py``.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import x3dspec
from x3dspec.language import identifiers, loading, numbers, schema, shipped, values
from x3dspec.language.document import Document, parse
from x3dspec.language.errors import SpecError, unknown
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.wording import validated

TOY = """\
name: toy
factors: {w: {start: 1, grid: 1/8, min: 1/8, max: 64}, d: {start: w, max: 100}}
axes: {width: {w: w * m}, depth: {d: d * m}}
options: {kind: {choices: [plain, wide], default: plain}, taps: {choices: [3, 5], default: 3}}
classes: 10
input: {channels: 3, frames: round(4 * w), size: "round_to(32 * w, 8)", stride: 2}
blocks:
  stem: {layers: [conv: {out: 16, kernel: [taps, 3, 3], stride: [1, 2, 2]}, norm, relu]}
  unit:
    arguments: [width, inner, stride]
    note: has one of everything
    layers:
      - residual:
          branch:
            - conv: {out: inner, kernel: 3, stride: stride, groups: "min(width_in, inner)"}
            - squeeze_excite: {hidden: round_width(inner / 4), when: "cycle(true, false)"}
            - max_pool: {kernel: 3, stride: 1, padding: 1, when: kind == 'wide'}
            - conv: {name: last, out: width, kernel: 1}
            - norm: {zero_init: true, eps: 0.001}
          shortcut:
            when: stride != 1 or width_in != width
            layers: [conv: {out: width, kernel: 1, stride: stride}, norm]
      - hard_swish
stages:
  - {name: one, block: stem}
  - {name: two, block: unit, width: round_width(16 * w), inner: 2 * width_in, stride: 2, repeat: ceil(3 * d)}
  - {name: pool, layers: [mean]}
  - {name: head, layers: [dropout: {rate: 0.5}, linear: {out: two.width}, relu, linear: {out: classes}]}
published: [{axis: width, to: {w: 2}, contracted: {w: 3/2}, reaches: small}]
"""
PRESET = """\
name: small
base: toy
factors: {w: sqrt(2)}
set: {kind: wide, classes: 7}
clip: {frames: 4, size: 40}
"""

TEXTS = {"toy": TOY, "small": PRESET, "x2d": shipped.shipped()["x2d"].read_text()}

ODD: list[Any] = [
    *("", " ", "x", "conv", "norm", "w", "classes", "self", "None", "ä", "\u202e", "\x07", "a" * 50),
    *(0, 1, -1, 7, 10**39, -(10**39), Fraction(1, 2), Fraction(10) ** -30, True, False),
    *(None, [], {}, [1], [[]], {"a": 1}, ""),
    *("x2d", "toy", "small", "relu", "mean", "linear", ["mean"], ["linear"], {"conv": {}}, {"residual": {}}),
]  # fmt: skip
EXPRESSIONS: list[Any] = [
    *(0, 1, 2, 3, 7, 16, 40, Fraction(1, 2), -1, 65536, 10**39, "1/0", "0/1", "w - 1", "sqrt(2)"),
    *("1 / (w - 1)", "round(w / 2)"),
    *("sqrt(0 - w)", "2**4000", "(1 + w)**4096", "w**(1/64)", "kind", "kind == 3", "taps", "w == 1"),
    *("cycle(1, 2, 3)", "cycle(true, false)", "min(w, d)", "floor(w / 3)", "1e30 * w", "round_to(w, 0)"),
    *("(sqrt(2) - 1)**1000", "not w", "width_in", "channels", "2 * channels", "two.width", "sqrt(w) * 16"),
    *("(sqrt(2) + sqrt(3) + sqrt(5 * w))**9", "2**4095", "2**4095 * 2 - 1", "width", "stride"),
]  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every node below the root."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def parent(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        data = data[key]
    return data


def mutated(data: Any, chance: random.Random) -> Any:
    """A copy with one node replaced, deleted, renamed, doubled, or moved to another's place."""
    data = copy.deepcopy(data)
    paths = list(places(data))
    action = chance.choice(["expression"] * 6 + ["swap", "swap", "odd", "delete", "rename", "double"])
    if action == "expression":
        paths = [
            path for path in paths if isinstance(parent(data, path)[path[-1]], (int, Fraction, str))
        ] or paths
    path = chance.choice(paths)
    box, key = parent(data, path), path[-1]
    if action == "expression":
        box[key] = chance.choice(EXPRESSIONS)
    elif action == "swap":
        other = chance.choice(paths)
        box[key] = copy.deepcopy(parent(data, other)[other[-1]])
    elif action == "odd":
        box[key] = chance.choice(ODD)
    elif action == "delete":
        del box[key]
    elif isinstance(box, list):
        box.insert(key, copy.deepcopy(box[key]))
    else:
        other = chance.choice(paths)[-1] if action == "double" else chance.choice(ODD)
        box[str(other)] = copy.deepcopy(box[key]) if action == "double" else box.pop(key)
    return data


def scrambled(text: str, chance: random.Random) -> str:
    """The text with a few characters changed."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text))
        new = chance.choice([*"{}[]:,-'\"*&!|>%#?@ \n\t0a.", "*w", "**", "- ", "\u2028", ""])
        text = text[:at] + new + text[at + chance.randint(0, 2) :]
    return text


def outcome(folder: Path, name: str) -> str:
    """``resolved`` or ``refused``; whatever else a spec could do fails the test."""
    try:
        x3dspec.load(str(folder / f"{name}.yaml")).resolve().cost()
    except SpecError as error:
        for line in map(str, error.problems):
            assert line.isprintable(), line
        return "refused"
    return "resolved"


def test_two_thousand_mutations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(20)
    originals = {name: parse(text.encode(), name) for name, text in TEXTS.items()}
    (tmp_path / "toy.yaml").write_text(TOY)
    (tmp_path / "odd.yaml").touch()
    outcomes = {"resolved": 0, "refused": 0}
    for index in range(2000):
        original = chance.choices([*originals.values()], [12, 3, 1])[0]
        data = original.data
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            data = mutated(data, chance)
        # Most of the time would go into writing and reading YAML, which other tests do.
        documents = {**originals, "odd": replace(original, data=data, sha256=str(index))}
        monkeypatch.setattr(loading, "read", lambda path, source, known=documents: known[path.stem])
        try:
            outcomes[outcome(tmp_path, "odd")] += 1
        except Exception as error:
            raise AssertionError(f"this document raised: {data}") from error
    assert min(outcomes.values()) > 100, outcomes


def test_two_hundred_slips_of_the_keyboard(tmp_path: Path) -> None:
    chance = random.Random(21)
    (tmp_path / "toy.yaml").write_text(TOY)
    for _ in range(200):
        text = scrambled(chance.choice([TOY, PRESET]), chance)
        (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
        try:
            outcome(tmp_path, "odd")
        except Exception as error:
            raise AssertionError(f"this document raised:\n{text}") from error


def test_no_value_at_any_place_is_refused_in_foreign_words() -> None:
    """Every error of the models has our words: pydantic's own begin with a capital, or say input."""
    for text in (TOY, PRESET):
        document = parse(text.encode(), "f")
        original: Any = document.data
        model = schema.PresetFile if "base" in original else schema.NetworkFile
        for path in list(places(original)):
            for odd in (None, True, 1.5, -7, 10**39, "?", "x" * 2000, [], ["?"] * 99, {}, {"?": 1}):
                data = copy.deepcopy(original)
                parent(data, path)[path[-1]] = odd
                for message in messages(model, replace(document, data=data)):
                    assert re.match(r"[a-z']", message), message
                    assert not re.search(
                        r"(?i)input should|valid|dictionary|the keys here are( none)?$", message
                    )
                    assert len(message) < 400


def messages(model: Any, document: Document) -> list[str]:
    try:
        validated(model, document)
    except SpecError as error:
        return [problem.message for problem in error.problems]
    return []


def loaded(folder: Path, text: str, name: str = "toy") -> x3dspec.Architecture:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return x3dspec.load(str(folder / f"{name}.yaml"))


def test_a_preset_sets_factors_options_classes_and_the_clip(tmp_path: Path) -> None:
    loaded(tmp_path, TOY)
    source = loaded(tmp_path, PRESET, "small").source
    assert source.factors == {"w": numbers.sqrt(2)}
    assert source.options == {"kind": "wide", "taps": 3}
    assert source.classes == 7
    assert source.clip is not None
    assert (source.clip.frames, source.clip.size) == (4, 40)
    assert [origin.label for origin in source.origins] == ["small.yaml", "toy.yaml"]


def test_words_are_one_line(tmp_path: Path) -> None:
    title = 'title: "  a title\\n\\tin\\r\\n three  lines\\n"\nnote: |\n  and\n\n  a note\n'
    network = loaded(tmp_path, title + TOY).source.network
    assert network.title == "a title in three lines"
    assert network.note == "and a note"


@pytest.mark.parametrize(
    "character", [*map(chr, range(9)), "\x1b", "\x7f", "\x85", "\u200b", "\u200e", "\u2029"]
)
def test_words_show_all_that_they_hold(character: str) -> None:
    document = parse(json.dumps({"name": "toy", "base": "x2d", "title": f"a{character}b"}).encode(), "f")
    [message] = messages(schema.PresetFile, document)
    assert message == f"holds U+{ord(character):04X}, a character that cannot be seen: remove it"


def test_names_leave_the_emitted_module_its_own() -> None:
    nn = pytest.importorskip("torch.nn")
    taken = [name for name in dir(nn.Sequential()) if not name.startswith("_")]
    assert [name for name in taken if not identifiers.reserved(name)] == []


@pytest.mark.parametrize("name", ["res5", "conv_a", "gamma_w", "stage1", "Bottleneck", "shortcut_norm"])
def test_plain_names_are_free(name: str) -> None:
    assert identifiers.is_name(name)
    assert not identifiers.reserved(name)


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("11/5", Fraction(11, 5)), ("1.45", Fraction(29, 20)), ("sqrt(2)", numbers.sqrt(2))],
)
def test_numbers_as_people_type_them(text: str, value: object) -> None:
    assert values.parse_number(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty expression"),
        ("two", "must be a number: two has no value here"),
        ("cycle(1, 2)", "must be a number: cycle alternates between the blocks of a stage"),
        ("1/0", "division by zero"),
        ("'2'", "'2' is text, which can only be compared with == or !="),
        ("10**5000", "an exponent beyond 4096"),
        ("2**sqrt(2)", "irrational exponent"),
        ("sqrt(0-1)", "a root of a negative number"),
    ],
)
def test_numbers_that_are_none(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        values.parse_number(text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"w": 0}, "w = 0 must be at least 0.125"),
        ({"w": 65}, "w = 65 must be at most 64"),
        ({"d": 0}, "d = 0 must be above 0"),
        (
            {"d": "sqrt(2) - sqrt(3)"},
            "d: a root with a minus: it can be multiplied and rounded, but not subtracted",
        ),
        ({"w": float("inf")}, "w: must be a number: inf has no value here"),
        ({"w": "1e99"}, "w: number '1e99' has an exponent beyond 30"),
        ({"q": 1}, "unknown factor 'q'; this spec has w, d"),
    ],
)
def test_values_given_by_hand_have_no_line(tmp_path: Path, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        loaded(tmp_path, TOY).resolve(**setting)
    [problem] = caught.value.problems
    assert (problem.line, problem.message) == (0, message)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            {"kinds": "wide"},
            "kinds: unknown option 'kinds'; did you mean kind? this spec has kind, taps, classes",
        ),
        ({"taps": 4}, "taps: unknown choice '4'; taps is one of 3, 5"),
        ({"classes": 0}, "classes: must be a whole number from 1 to 1000000"),
    ],
)
def test_options_given_by_hand(tmp_path: Path, option: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match="^" + re.escape(message)):
        loaded(tmp_path, TOY).choose(**option)


def test_numbered_layers_leave_given_names_alone(tmp_path: Path) -> None:
    stem = "conv: {out: 16, kernel: [taps, 3, 3], stride: [1, 2, 2]}, norm, relu"
    text = TOY.replace(stem, "conv: {out: 8, kernel: 3}, norm, relu: {name: norm2}, norm, norm")
    first = loaded(tmp_path, text).resolve().network.stages[0].first
    assert [layer.name for layer in first] == ["conv", "norm1", "norm2", "norm3", "norm4"]


def test_a_long_list_of_names_is_cut() -> None:
    message = unknown("name", "x" * 100, [f"name{index}" for index in range(1000)])
    assert message.startswith(f"unknown name '{'x' * 57}...'; this spec has name0, name1, ")
    assert message.endswith(", name23 and 976 more")


def toy_of_arguments(values: list[str]) -> str:
    """A spec of many stages, each of 16 expressions."""
    names = [f"a{index}" for index in range(16)]
    rows = [values[start : start + 16] for start in range(0, len(values), 16)]
    stages = [
        f"  - {{name: s{index}, block: b, {', '.join(f'{n}: {v}' for n, v in zip(names, row, strict=True))}}}"
        for index, row in enumerate(rows)
    ]
    block = f"{{arguments: [{', '.join(names)}], layers: [relu]}}"
    head = f"name: toy\ninput: {{size: 8}}\nfactors: {{w: {{start: 1}}}}\nblocks: {{b: {block}}}\nstages:"
    return "\n".join([head, *stages])


@pytest.mark.parametrize(
    "expression",
    [
        "sqrt({0} * 1000000007 * w)",
        "floor(sqrt({0} * 999983) * 1e20)",
        "floor((2**(1/100) * 3**(1/99) * w)**{0})",
    ],
)
def test_roots_by_the_thousand_are_refused_or_resolved(tmp_path: Path, expression: str) -> None:
    text = toy_of_arguments([expression.format(index) for index in range(63 * 16)])
    (tmp_path / "hostile.yaml").write_text(text)
    assert outcome(tmp_path, "hostile") in ("refused", "resolved")


#: A block of a few layers whose every number is as long as an expression may be.
LONG = "*".join(["(" + "+".join(["*".join(["k"] * 12)] * 5) + ")"] * 3)


@pytest.mark.parametrize(
    ("layers", "stages", "path"),
    [
        (50, 1, r"blocks\.u\.layers\[28\]\.conv\.out: in all expressions, more than 20000 operations"),
        (8, 62, r"blocks\.u\.layers\[\d\]\.conv\.\w+: stage s3: in all stages, more than 20000 operations"),
    ],
)
def test_operations_of_a_file_have_a_limit(tmp_path: Path, layers: int, stages: int, path: str) -> None:
    """As they are written, aliases counted for what they stand for; and as stages use them."""
    text = "name: toy\ninput: {size: 8}\nblocks:\n  u:\n    arguments: [k]\n"
    text += f"    layers: [conv: {{out: &w '{LONG}', kernel: 1}}"
    text += ", conv: {out: *w, kernel: 1, groups: *w}" * layers + "]\nstages:\n"
    text += "".join(f"  - {{name: s{index}, block: u, k: 1}}\n" for index in range(stages))
    (tmp_path / "long.yaml").write_text(text)
    with pytest.raises(SpecError, match=path):
        x3dspec.load(str(tmp_path / "long.yaml")).resolve()


def test_layers_have_a_limit(tmp_path: Path) -> None:
    relus = ", ".join(["relu"] * 64)
    layers = ", ".join([f"residual: {{branch: [{relus}]}}"] * 60)
    period = ", ".join(["1"] * 64)
    block = f"{{layers: [norm: {{when: 'cycle({period})'}}, {layers}]}}"
    stages = "".join(f"  - {{name: s{index}, block: b, repeat: 65}}\n" for index in range(64))
    text = f"name: toy\ninput: {{size: 8}}\nblocks: {{b: {block}}}\nstages:\n{stages}"
    (tmp_path / "hostile.yaml").write_text(text)
    assert outcome(tmp_path, "hostile") == "refused"
