"""What is fuzzed: each target takes bytes and must answer, refuse in words, or fail the run."""

from __future__ import annotations

import ast
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from x3dspec.codegen.module import source
from x3dspec.language import numbers, values
from x3dspec.language.errors import SpecError
from x3dspec.language.grammar import parse
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.network.architecture import load as load_spec

_FOLDER = Path(tempfile.mkdtemp(prefix="x3dspec-fuzz-"))


def load(data: bytes) -> str:
    """A spec file: loaded, resolved and counted."""
    path = _FOLDER / "fuzzed.yaml"
    path.write_bytes(data)
    try:
        load_spec(str(path)).resolve().cost()
    except SpecError as error:
        _readable(error)
        return "refused"
    return "resolved"


def expression(data: bytes) -> str:
    """An expression as a factor's value: a number whose one spelling reads back as itself."""
    text = data.decode("utf-8", "replace")
    try:
        value = values.number(parse(text))
        spelled = numbers.text(value)
        # A root of a long number is longer than an expression may be.
        if len(spelled) <= 400:
            assert _again(spelled) in (value, None), spelled
    except (ExpressionError, ExactError) as error:
        _check_printable(str(error))
        return "refused"
    return "resolved"


def _again(text: str) -> object:
    try:
        return values.parse_number(text)
    except (ExpressionError, ExactError):
        return None  # more digits than a person may type


def emit(data: bytes) -> str:
    """A spec file, emitted: Python whose lines a reader sees as they are."""
    path = _FOLDER / "emitted.yaml"
    path.write_bytes(data)
    try:
        text = source(load_spec(str(path)).resolve())
    except SpecError as error:
        _readable(error)
        return "refused"
    ast.parse(text)
    assert text.splitlines() == text.split("\n")[:-1]
    assert all(c == "\n" or c.isprintable() for c in text)
    return "resolved"


def _readable(error: SpecError) -> None:
    for line in map(str, error.problems):
        _check_printable(line)


def _check_printable(line: str) -> None:
    assert line.isprintable(), ascii(line)


TARGETS: dict[str, Callable[[bytes], str]] = {"load": load, "expression": expression, "emit": emit}

_TOKENS = [*"{}[]:,-'\"*&!|>%#?@\n\t 0a.()+/<=", "**", "- ", "<<: ", "*a", "&a ", "!!x ", "\\u2028", "\u202e"]
_TOKENS += ["cycle(", "sqrt(", "round_width(", "1e30", "1/0", "width_in", "true", "when: ", "repeat: "]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, doubled, moved or left out, or a token put in."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + chance.choice([0, 1, 1, 4, 40]))
        form = chance.randrange(4)
        if form == 0:
            changed[at:end] = chance.choice(_TOKENS).encode()
        elif form == 1:
            changed[at:end] = b""
        elif form == 2:
            changed[at:at] = changed[at:end] * chance.choice([1, 2, 9])
        else:
            other = chance.randrange(len(changed) + 1)
            changed[other:other] = changed[at:end]
    return bytes(changed)
