"""A machine file: what `calibrate` found of a machine. It is untrusted when it is read, like any file."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from x3dspec.language import text_file
from x3dspec.language.errors import Problem, SpecError

#: Nanoseconds: no layer takes a quarter of an hour a call, and twelve digits are more than a clock has.
Nanoseconds = Annotated[Decimal, Field(ge=0, le=10**12, max_digits=40, decimal_places=24)]
Share = Annotated[Decimal, Field(ge=0, le=1000, max_digits=40)]
Name = Annotated[str, StringConstraints(max_length=120, pattern=r"^[\x20-\x7e]*$")]
Kind = Annotated[str, StringConstraints(max_length=48, pattern=r"^[a-z0-9][a-z0-9 _-]*$")]


@dataclass(frozen=True)
class Law:
    """What a layer of a kind takes, in nanoseconds: `call`, and of what its MACs and its bytes take the
    greater, or where it is `added` the sum. Channels count in multiples of `granularity`."""

    call: Fraction
    mac: Fraction
    byte: Fraction
    granularity: int
    added: bool
    error: Fraction
    samples: int


@dataclass(frozen=True)
class Machine:
    """A machine, what was timed on it, and the law of each kind of layer.

    Attributes:
        error: the median share by which a law misses layers that it was not fitted to.
        repeatability: the median share by which a second timing of a layer differs from the first.
    """

    device: str
    processor: str
    torch: str
    threads: int
    dtype: str
    form: str
    batch: int
    clock: str
    error: Fraction
    repeatability: Fraction
    laws: tuple[tuple[str, Law], ...]

    @property
    def line(self) -> str:
        """What was timed, in a line; its names are printable ASCII."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        what = f"{self.form} form, {self.dtype}, batch {self.batch}"
        return f"{what}, torch {self.torch}, {threads} of {self.processor}, {self.clock}"

    def law(self, kind: str) -> Law:
        """Raises:
        SpecError: the machine file has no such kind.
        """
        laws = dict(self.laws)
        if kind not in laws:
            raise SpecError.at("--machine", f"has timed no {kind}; it has {', '.join(laws)}")
        return laws[kind]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LawEntry(_Strict):
    call: Nanoseconds
    mac: Nanoseconds
    byte: Nanoseconds
    granularity: Literal[1, 8, 16]
    added: bool
    error: Share
    samples: int = Field(ge=1, le=10**6)


class MachineEntries(_Strict):
    x3dspec: Literal["machine"]
    version: Literal[1]
    device: Name
    processor: Name
    torch: Name
    threads: int = Field(ge=1, le=1024)
    dtype: Literal["float32", "bfloat16", "float16"]
    form: Literal["train", "deploy"]
    batch: int = Field(ge=1, le=4096)
    clock: Literal["thread CPU time", "wall time"]
    error: Share
    repeatability: Share
    laws: dict[Kind, LawEntry] = Field(min_length=1, max_length=64)


_NAMES = ("device", "processor", "torch", "threads", "dtype", "form", "batch", "clock")


def read(path: str) -> Machine:
    """The machine that a file describes.

    Raises:
        SpecError: it cannot be read, or is none; with every problem.
    """
    try:
        text = text_file.content(pathlib.Path(path), path).decode("utf-8")
        entries = json.loads(text, parse_float=Decimal, parse_int=_integer, parse_constant=_no_number)
    except OSError as error:
        raise SpecError.at(path, f"cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise SpecError.at(path, "is no JSON document; x3dspec calibrate writes machine files") from None
    try:
        return _machine(MachineEntries.model_validate(entries))
    except ValidationError as error:
        raise SpecError(_problem(path, each) for each in error.errors(include_url=False)[:100]) from None


def _integer(digits: str) -> int | Decimal:
    """Whole numbers may stand where decimals do; one with many digits is none of ours."""
    if len(digits) > 24:
        raise ValueError("a number of more than 24 digits")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _problem(path: str, error: Any) -> Problem:
    place = ".".join(map(ascii, error["loc"])).replace("'", "")
    return Problem(path, 0, 0, place[:80], str(error["msg"])[:200])


def _machine(entries: MachineEntries) -> Machine:
    laws = tuple((kind, _law(entry)) for kind, entry in entries.laws.items())
    names: dict[str, Any] = {name: getattr(entries, name) for name in _NAMES}
    error, repeatability = Fraction(entries.error), Fraction(entries.repeatability)
    return Machine(**names, error=error, repeatability=repeatability, laws=laws)


def _law(entry: LawEntry) -> Law:
    times = Fraction(entry.call), Fraction(entry.mac), Fraction(entry.byte)
    return Law(*times, entry.granularity, entry.added, Fraction(entry.error), entry.samples)


def text(machine: Machine) -> str:
    """The file of a machine; :func:`read` gives the same machine."""
    laws = {kind: _entry(law) for kind, law in machine.laws}
    head = {"x3dspec": "machine", "version": 1}
    errors = {"error": float(machine.error), "repeatability": float(machine.repeatability)}
    entries = {**head, **{name: getattr(machine, name) for name in _NAMES}, **errors, "laws": laws}
    return json.dumps(entries, indent=2) + "\n"


def _entry(law: Law) -> dict[str, Any]:
    times = {"call": float(law.call), "mac": float(law.mac), "byte": float(law.byte)}
    rest = {"granularity": law.granularity, "added": law.added}
    return {**times, **rest, "error": float(law.error), "samples": law.samples}
