"""The comment at the top of an emitted file, read back."""

from __future__ import annotations

import json
import re

from x3dspec.codegen.forms import FORMS
from x3dspec.codegen.header import COUNTS, MARK, Header
from x3dspec.language.errors import SpecError, shown, unknown

_FIRST = re.compile(re.escape(MARK) + r"(\S+); edit the spec, not this file\.")
_FIELD = re.compile(r"# ([a-z]+): (.*)")
_MORE = re.compile(r"#   ?(\S.*)")
_ORIGIN = re.compile(r"(.+) sha256: ([0-9a-f]{64})")
_COUNT = re.compile(r"([0-9]{1,40})( .*)?")
_LICENSE = "# SPDX-License-Identifier: "


def read_header(text: str, source: str) -> Header:
    """The header of an emitted file; `source` is how messages name it.

    Raises:
        SpecError: it is not one.
    """
    lines = text.split("\n")
    first = _FIRST.fullmatch(lines[0])
    if not first:
        raise SpecError.at(source, f"is not an emitted file: no '{MARK}...' in line 1")
    fields = _fields(lines[2:])
    values = dict(fields)
    try:
        return Header(
            version=first[1],
            origins=tuple(_origin(value) for key, value in fields if key in ("spec", "base")),
            form=_form(values.get("form", "train")),
            command=values.get("command", ""),
            factors=_pairs(values.get("factors", "")),
            options=_pairs(values.get("options", "")),
            clip=values["clip"],
            counts={name: _count(values[name]) for name in COUNTS},
            table=_table(lines),
            license=_license(lines),
            memory=values.get("memory", ""),
        )
    except KeyError as error:
        message = f"its header has no {error.args[0]}"
    except ValueError as error:
        message = f"its header does not read {error}"
    raise SpecError.at(source, message)


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    """The ``key: value`` lines up to the first empty one, continuation lines joined."""
    fields: list[tuple[str, str]] = []
    for line in lines:
        start, more = _FIELD.fullmatch(line), _MORE.fullmatch(line)
        if start:
            fields.append((start[1], start[2]))
        elif more and fields:
            key, value = fields[-1]
            fields[-1] = (key, f"{value} {more[1]}")
        else:
            break
    return fields


def _origin(value: str) -> tuple[str, str]:
    match = _ORIGIN.fullmatch(value)
    if not match:
        raise ValueError(f"'spec: LABEL' and 'sha256: DIGITS', but {shown(value)}")
    label = json.loads(match[1]) if match[1].startswith('"') else match[1]
    if not isinstance(label, str):
        raise ValueError(f"a label, but {shown(match[1])}")
    return label, match[2]


def _pairs(value: str) -> dict[str, str]:
    pairs = [item.partition(" = ") for item in value.split(", ") if item]
    for name, separator, _ in pairs:
        if not separator:
            raise ValueError(f"'name = value', but {shown(name)}")
    return {name: item for name, _, item in pairs}


def _form(value: str) -> str:
    if value not in FORMS:
        raise ValueError(f"a form: {unknown('form', value, FORMS, 'the forms are')}")
    return value


def _count(value: str) -> int:
    match = _COUNT.fullmatch(value)
    if not match:
        raise ValueError(f"a count, but {shown(value)}")
    return int(match[1])


def _table(lines: list[str]) -> tuple[str, ...]:
    """The stage table: the comment lines from its heading to the next empty one."""
    starts = [index for index, line in enumerate(lines) if line.startswith("# stage ")]
    rows = []
    for line in lines[starts[0] :] if starts else []:
        if not line.startswith("# "):
            break
        rows.append(line[2:])
    return tuple(rows)


def _license(lines: list[str]) -> str:
    written = [line for line in lines if line.startswith(_LICENSE)]
    return written[0].removeprefix(_LICENSE) if written else ""
