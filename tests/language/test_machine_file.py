"""Machine files: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import machines
import pytest

from x3dspec.language.errors import SpecError
from x3dspec.language.machine_file import read, text


def test_a_machine_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    path.write_text(text(machines.machine()))
    assert read(str(path)) == machines.machine()


def changed(**entries: Any) -> str:
    return json.dumps({**json.loads(text(machines.machine())), **entries})


def law(**terms: Any) -> str:
    laws = json.loads(text(machines.machine()))["laws"]
    return changed(laws={**laws, "relu": {**laws["relu"], **terms}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no JSON document"),
        ("[" * 100_000, "is no JSON document"),
        (text(machines.machine()).replace('"threads": 1', '"threads": ' + "1" * 5000), "is no JSON document"),
        (law(mac=float("nan")), "is no JSON document"),
        (law(mac=float("inf")), "is no JSON document"),
        ("[]", "valid dictionary"),
        (changed(x3dspec="spec"), "x3dspec: Input should be 'machine'"),
        (changed(version=2), "version: Input should be 1"),
        (changed(form="stream"), "form: Input should be 'train' or 'deploy'"),
        (changed(dtype="int8"), "dtype: Input should be"),
        (changed(threads=0), "threads: Input should be greater"),
        (changed(threads=True), "threads: Input should be a valid integer"),
        (changed(processor="\x1b[2J"), "processor: String should match"),
        (changed(processor="x" * 121), "processor: String should have at most"),
        (changed(laws={}), "laws: Dictionary should have at least 1"),
        (changed(laws={"__import__('os')": {}}), "String should match"),
        (changed(extra=1), "extra: Extra inputs are not permitted"),
        (law(call=-1.0), "laws.relu.call: Input should be greater"),
        (law(mac=1e300), "laws.relu.mac: Decimal input should have no more"),
        (law(byte="0.1"), "laws.relu.byte: Input should be"),
        (law(granularity=3), "laws.relu.granularity: Input should be 1, 8 or 16"),
        (text(machines.machine()) + " " * 300_000, "larger than 256 KiB"),
    ],
)
def test_what_is_no_machine_is_refused_in_words(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    path.write_text(content)
    with pytest.raises(SpecError) as caught:
        read(str(path))
    assert any(message in str(problem) for problem in caught.value.problems), str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read(str(tmp_path / "none.json"))
