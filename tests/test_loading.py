"""What loading, lowering and binding make of odd specs: an answer or a located refusal, never else.

The kinds of refusal, word by word, are in ``test_bad_specs.py``.
"""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

import x3dspec
from x3dspec import assets, exact, loading, spec
from x3dspec.document import Document, parse
from x3dspec.errors import SpecError, unknown
from x3dspec.exact import ExactError
from x3dspec.syntax import ExpressionError

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
PRESET = "name: small\nbase: toy\nfactors: {w: sqrt(2)}\nset: {kind: wide, classes: 7}\nclip: {frames: 4, size: 40}\n"

ODD: list[Any] = [
    *("", " ", "x", "conv", "norm", "w", "classes", "self", "None", "ä", "\u202e", "\x07", "a" * 50, "'text'"),
    *(0, 1, -1, 7, 10**39, -(10**39), 0.5, -0.0, 1e-30, 1e30, True, False, None, [], {}, [1], [[]], {"a": 1}),
    *("x2d", "toy", "small", "relu", "mean", "linear", ["mean"], ["linear"], {"conv": {}}, {"residual": {}}),
]  # fmt: skip
EXPRESSIONS: list[Any] = [
    *(0, 1, 2, 3, 7, 16, 40, 0.5, -1, 65536, 10**39, "1/0", "0/1", "w - 1", "1 / (w - 1)", "sqrt(2)"),
    *("sqrt(0 - w)", "2**4000", "(1 + w)**4096", "w**(1/64)", "kind", "kind == 3", "taps", "w == 1"),
    *("cycle(1, 2, 3)", "cycle(true, false)", "min(w, d)", "floor(w / 3)", "1e30 * w", "round_to(w, 0)"),
    *("(sqrt(2) - 1)**1000", "not w", "width_in", "channels", "2 * channels", "two.width", "sqrt(w) * 16"),
    *("(sqrt(2) + sqrt(3) + sqrt(5 * w))**9", "2**4095", "2**4095 * 2 - 1", "round(w * 8)", "width", "stride"),
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
            path for path in paths if isinstance(parent(data, path)[path[-1]], (int, float, str))
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
    started = time.monotonic()
    try:
        x3dspec.load(str(folder / f"{name}.yaml")).resolve().cost()
    except SpecError as error:
        for line in map(str, error.problems):
            assert line.isprintable(), line
        return "refused"
    finally:
        assert time.monotonic() - started < 10
    return "resolved"


def test_two_thousand_mutations(tmp_path: Path) -> None:
    chance = random.Random(20)
    (tmp_path / "toy.yaml").write_text(TOY)
    originals = {"toy": TOY, "small": PRESET, "x2d": assets.shipped()["x2d"].read_text()}
    loaded = {name: yaml.safe_load(text) for name, text in originals.items()}
    outcomes = {"resolved": 0, "refused": 0}
    for _ in range(2000):
        name = chance.choices(list(originals), [10, 3, 1])[0]
        if chance.random() < 0.2:
            text = scrambled(originals[name], chance)
        else:
            data = loaded[name]
            for _ in range(chance.choice([1, 1, 1, 2, 5])):
                data = mutated(data, chance)
            text = json.dumps(data, ensure_ascii=False)  # which is YAML, and sooner written
        (tmp_path / "odd.yaml").write_text(text, encoding="utf-8")
        try:
            outcomes[outcome(tmp_path, "odd")] += 1
        except Exception as error:
            raise AssertionError(f"this document raised:\n{text}") from error
    assert min(outcomes.values()) > 200, outcomes
