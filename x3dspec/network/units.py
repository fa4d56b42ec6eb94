"""What a person asks for: ``4.7GFLOPs``, ``4M params``, ``6GiB saved``, ``1%``.

A FLOP is here what the paper calls one, a multiply-accumulate of a convolution or a linear layer; the
unit ``MACs`` is the same without the misunderstanding. Numbers are read as exact decimals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from x3dspec.language.errors import BadArgument, SpecError, nearest
from x3dspec.network import quantities
from x3dspec.network.breakdown import short as digits
from x3dspec.network.quantities import BINARY, BYTES, DECIMAL, LIMITED, QUANTITIES

#: Beyond any clip that a machine could classify; it bounds what a typed exponent can ask for.
MAX_TARGET = 10**18
MAX_LENGTH = 64

_DIGITS = r"\d+(?:_\d+)*"
_NUMBER = re.compile(
    rf"[+-]?(?:{_DIGITS}(?:\.\d*)?|\.\d+)(?:e[+-]?\d{{1,2}})?(?![\d.,e/_])", re.ASCII | re.IGNORECASE
)
_SECOND_FIGURE = re.compile(r"[\s,;+&]\s*\.?\d", re.ASCII)
_TIMES = frozenset(["s", "sec", "second", "seconds", "min", "minutes", "h", "hours", "fps"])

#: Every spelling in lower case, with the quantity, its proper spelling, and how many one is.
_UNITS = {
    f"{prefix}{word}".lower(): (name, unit.spelled(prefix), size)
    for name in LIMITED
    for unit in QUANTITIES[name].units
    for prefix, size in unit.prefixes.items()
    for word in (unit.word, *unit.others)
}
_PREFIXES = {prefix.lower() for prefix in (*DECIMAL, *BYTES)}
_LISTED = (
    "FLOPs, MACs, params and activations, after k, M, G (or B) or T, bytes, as in 6GiB saved, ms, and "
    "of a stream MACs/step, state and frames late"
)


@dataclass(frozen=True)
class Target:
    """A figure to reach: at most `value` of `quantity` for one clip."""

    quantity: str
    value: int
    unit: str
    text: str

    @property
    def meaning(self) -> str:
        """What the unit counts, in words."""
        return QUANTITIES[self.quantity].meaning


def parse_target(text: str, argument: str = "target") -> Target:
    """Read a target; `argument` is where it was given.

    Raises:
        SpecError: what is wrong with it, and the units there are.
    """
    try:
        return _read(text)
    except SpecError as error:
        if argument == "target":
            raise
        raise BadArgument(argument, error.problems[0].message) from None


def _read(text: str) -> Target:
    match = _NUMBER.match(text.strip()) if len(text) <= MAX_LENGTH else None
    if match is None:
        raise _error(f"{_shown(text)} does not begin with a decimal number; write it as 4.7GFLOPs")
    number, written = _value(match[0]), text.strip()[match.end() :].strip()
    if _SECOND_FIGURE.search(written):
        raise _error(f"{_shown(text)} is more than one figure; several limits are search's, a --max for each")
    quantity, unit, size = _unit(match[0], written)
    value = int(number * size)
    if value < 1:
        raise _error(f"{_shown(text)} is not positive" if number <= 0 else f"{_shown(text)} is less than one")
    if value > MAX_TARGET:
        raise _error(f"{_shown(text)} is more than 10**18")
    return Target(quantity, value, unit, text.strip())


def _unit(number: str, written: str) -> tuple[str, str, int]:
    key = "".join(written.split()).lower()
    if key in _UNITS:
        return _UNITS[key]
    if key in _PREFIXES:
        raise _error(f"{number}{written} of what? write {_examples(number, key)}")
    raise _error(f"unknown unit {_shown(written)};{_hint(number, key)} the units are {_LISTED}")


def _value(number: str) -> Fraction:
    return Fraction(number.replace("_", ""))


def _hint(number: str, key: str) -> str:
    """What was probably meant, of the same quantity and amount; otherwise only what is wrong."""
    if key in _TIMES:
        return " time is in ms, on a machine that calibrate has timed;"
    if key[1:] in _UNITS and _UNITS[key[1:]][2] == 1:
        return f" no prefix is {_shown(key[0].upper())};"
    guess = nearest(key, _UNITS)
    # The first letter may be the amount.
    return f" did you mean {number}{_UNITS[guess][1]}?" if guess and guess[0] == key[0] else ""


def _examples(number: str, prefix: str) -> str:
    words = ("flops", "params") if f"{prefix}flops" in _UNITS else ("saved",)
    return " or ".join(f"{number}{_UNITS[prefix + word][1]}" for word in words)


def figure(quantity: str, count: int) -> str:
    """A count in a unit that a person reads: ``4.73 GFLOPs``, ``3.79 M params``, ``5.60 GiB saved``."""
    unit = QUANTITIES[quantity].units[0]
    prefix, size = _prefix(count, unit.printed)
    return f"{count if size == 1 else f'{count / size:.2f}'} {unit.spelled(prefix)}"


def short(quantity: str, count: int) -> str:
    """A count in three or four digits, without what is counted: ``4.73 G``, ``804.2 MiB``, ``30.00 ms``."""
    printed = QUANTITIES[quantity].units[0].printed
    if printed is DECIMAL:
        return digits(count)
    return binary(count) if printed is BINARY else figure(quantity, count)


def _prefix(count: int, prefixes: Mapping[str, int]) -> tuple[str, int]:
    """The greatest prefix that a count has one of, or else the least, and how many that is."""
    fitting = [pair for pair in prefixes.items() if pair[1] <= count]
    return max(fitting or list(prefixes.items())[:1], key=lambda pair: pair[1])


def in_form(target: Target, form: str) -> Target:
    """The same figure of a form: MACs of a stream are those of a step.

    Raises:
        SpecError: a form that has no figures of its own, or not this one.
    """
    return replace(target, quantity=quantities.in_form(target.quantity, form))


def parse_tolerance(text: str, argument: str = "tolerance") -> Fraction:
    """Read ``1%`` or ``0.01`` as a share of the target.

    Raises:
        SpecError: anything else, or more than the whole.
    """
    written = text.strip()
    number = written.removesuffix("%").rstrip()
    if len(text) > MAX_LENGTH or not re.fullmatch(_NUMBER, number):
        raise BadArgument(argument, f"{_shown(text)} is no share; write it as 1% or 0.01")
    share = _value(number) / (100 if written.endswith("%") else 1)
    if not 0 <= share <= 1:
        hint = f"; write {number}%" if number == written and 1 < share <= 100 else ""
        raise BadArgument(argument, f"{_shown(text)} is not between 0% and 100%{hint}")
    return share


def _error(message: str) -> SpecError:
    return BadArgument("target", message)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:37] + "...")


def parse_bytes(text: str, option: str = "--memory") -> int:
    """Read an amount of memory: ``24GiB``, ``80GB``.

    Raises:
        SpecError: what is wrong with it, and the units there are.
    """
    match = _NUMBER.match(text.strip()) if len(text) <= MAX_LENGTH else None
    sizes = {unit.lower(): size for unit, size in BYTES.items()}
    unit = text.strip()[match.end() :].strip().lower() if match else ""
    if match is None or unit not in sizes:
        message = f"{_shown(text)} is no amount of memory; write it as 24GiB, or in {', '.join(BYTES)}"
        raise SpecError.at(option, message)
    value = int(_value(match[0]) * sizes[unit])
    if not 1 <= value <= MAX_TARGET:
        raise SpecError.at(option, f"{_shown(text)} is not between 1 B and 10**18 bytes")
    return value


def binary(count: int) -> str:
    """Bytes as a person reads them: ``804.2 MiB``."""
    prefix, size = _prefix(count, BINARY)
    return f"{count if size == 1 else f'{count / size:.1f}'} {prefix}"
