"""The table of bad specs, ``bad_specs/table.txt``: a toy, what each case changes in it, what is printed.

    the_name_of_the_case
      15|   - {name: res}     in place of line 15 of the toy; `15-17|` in place of three, `15+|` after it
        |   - {name: more}    one more line of the same change
      5-7 gone                without these lines
      > 3:17: axes.width: ... what is printed, without the file's name; {layers} are all the kinds

After a change of wording, ``python tests/bad_spec_table.py`` writes down what is printed now; read the
difference.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import x3dspec
from x3dspec.language.errors import MAX_LISTED, SpecError
from x3dspec.language.layer_keys import LayerItem

TABLE = Path(__file__).parent / "bad_specs" / "table.txt"
_NUMBERED = re.compile(r" {0,1}(\d{1,2})  (.*)")
_EDIT = re.compile(r"  (?:(\d+)(?:-(\d+))?(\+?)| *)(?:\| ?(.*)| gone)")
_EXPECTED = "  > "
#: All kinds of layers as messages list them, in full or as many as they show.
_LAYERS = re.compile(rf"the layers are {', '.join([*LayerItem.model_fields][:MAX_LISTED])}[\w, ]*")


@dataclass(frozen=True)
class Edit:
    """Lines `first` to `last` of the toy, from 1, become `lines`; none where `last` is before `first`."""

    first: int
    last: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """What a case changes, as it is written and as it is done, and what must be printed."""

    name: str
    written: tuple[str, ...]
    expected: tuple[str, ...]

    def edits(self) -> Iterator[Edit]:
        edit: Edit | None = None
        for line in self.written:
            match = _EDIT.fullmatch(line)
            assert match, f"{self.name}: what is {line!r}?"
            first, last, after, text = match.groups()
            lines = () if text is None else (text,)
            if first is None:
                assert edit, f"{self.name}: {line!r} continues nothing"
                edit = replace(edit, lines=(*edit.lines, *lines))
                continue
            if edit:
                yield edit
            start = int(first) + (1 if after else 0)
            edit = Edit(start, start - 1 if after else int(last or first), lines)
        if edit:
            yield edit

    def text(self, toy: list[str]) -> str:
        """The case's spec."""
        lines = list(toy)
        for edit in reversed(list(self.edits())):
            lines[edit.first - 1 : edit.last] = edit.lines
        return "".join(f"{line}\n" for line in lines)


def table() -> tuple[list[str], list[Case]]:
    """The toy's lines, and the cases."""
    head, *blocks = TABLE.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    toy = [match[2] for line in head.splitlines() if (match := _NUMBERED.fullmatch(line))]
    return toy, [_case(block) for block in blocks]


def _case(block: str) -> Case:
    name, *lines = block.splitlines()
    expected = tuple(line.removeprefix(_EXPECTED) for line in lines if line.startswith(_EXPECTED))
    return Case(name, tuple(line for line in lines if not line.startswith(_EXPECTED)), expected)


def printed(case: Case, toy: list[str]) -> list[str]:
    """What is printed of a case, as the table has it; the folder at hand is left with its spec."""
    path = Path(f"{case.name}.yaml")
    path.write_text(case.text(toy), encoding="utf-8")
    try:
        x3dspec.load(str(path)).resolve()
    except SpecError as error:
        lines = [str(problem).removeprefix(f"{path}:") for problem in error.problems]
        return [_LAYERS.sub("the layers are {layers}", line) for line in lines]
    raise AssertionError(f"{case.name} is no bad spec")


def main() -> None:
    head = TABLE.read_text(encoding="utf-8").split("\n\n", 1)[0]
    toy, cases = table()
    blocks = [head]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for case in cases:
            blocks.append(
                "\n".join([case.name, *case.written, *(_EXPECTED + line for line in printed(case, toy))])
            )
    TABLE.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
