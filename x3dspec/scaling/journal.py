"""What a search has found so far, on disk: one JSON document a line, written before it counts.

The first line says what is searched; a journal of anything else is refused. Of two lines about one
candidate the later counts: a failure that was tried again. A line that a crash cut
short was never counted, and is cut off when the journal is opened again. A line that is damaged in the
middle is nothing that a crash can do: it is refused with its number, and never passed over in silence.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from x3dspec.language.errors import Problem, SpecError, printable
from x3dspec.language.numbers import text
from x3dspec.scaling.judges import Candidate, Judge, Origin, Score

VERSION = 1
#: A journal holds a few hundred lines; nothing of this size is one.
MAX_BYTES = 64 * 2**20


class Journal:
    """A journal that is open for appending.

    Raises:
        SpecError: the file is no journal, that of another search, or has a damaged line, which it names.
            It is then as it was.
    """

    def __init__(self, path: Path, subject: Mapping[str, Any]) -> None:
        self.path = path
        self.scores: dict[str, Score] = {}
        header = {"journal": VERSION, **subject}
        try:
            whole, torn = self._read()
            if whole:
                self._check(json.loads(whole[0]), header)
                self.scores = dict(self._entry(number, line) for number, line in enumerate(whole[1:], 2))
            elif not b'{"journal": '.startswith(torn[:12]):
                raise ValueError
            if torn:
                self._cut(len(torn))
            if not whole:
                self._append(header)
        except OSError as error:
            raise SpecError.at(str(path), f"{error.strerror or error}") from None
        except (TypeError, ValueError, RecursionError):
            raise SpecError.at(str(path), "is not a journal of x3dspec expand") from None

    def keep(self, key: str, score: Score, **said: Any) -> None:
        """Write a score down; when this returns, it is on the disk."""
        weights = {"weights": score.weights} if score.weights else {}
        origin = {"origin": vars(score.origin)} if score.origin else {}
        self._append({"key": key, **said, "score": score.value, "note": score.note, **weights, **origin})
        self.scores[key] = replace(score, recalled=True)

    def _read(self) -> tuple[list[bytes], bytes]:
        """The whole lines there are, and what comes after the last of them."""
        if not self.path.exists():
            return [], b""
        if not self.path.is_file() or self.path.stat().st_size > MAX_BYTES:
            raise ValueError
        *whole, torn = self.path.read_bytes().split(b"\n")
        return whole, torn

    def _cut(self, length: int) -> None:
        with self.path.open("r+b") as file:
            file.truncate(file.seek(0, os.SEEK_END) - length)

    def _check(self, found: Any, header: Mapping[str, Any]) -> None:
        if not isinstance(found, dict) or "journal" not in found:
            raise ValueError
        other = [name for name in header if found.get(name) != header[name]]
        if other:
            message = f"is the journal of another search: its {', '.join(other)} differ"
            raise SpecError.at(str(self.path), message)

    def _entry(self, number: int, text: bytes) -> tuple[str, Score]:
        try:
            line = json.loads(text)
            return str(line["key"]), _score(line)
        except (KeyError, TypeError, ValueError, RecursionError):
            message = "the line is damaged; without it, its candidate is scored again"
            raise SpecError([Problem(str(self.path), number, 1, "", message)]) from None

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _score(line: Mapping[str, Any]) -> Score:
    """A journal may be a stranger's: what is no score would fail later, and far from here."""
    value, note = line["score"], line["note"]
    number = value is None or (type(value) in (int, float) and math.isfinite(value))
    if not number or not isinstance(note, str):
        raise ValueError
    weights = _hash(line["weights"]) if "weights" in line else ""
    origin = line.get("origin")
    if origin is not None:
        origin = Origin(printable(str(origin["parent"])), _hash(origin["weights"]))
    return Score(value, printable(note), recalled=True, weights=weights, origin=origin)


def _hash(text: Any) -> str:
    """A SHA-256 as a journal has it: it is compared, and a part of the name of a file."""
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError
    return text


def digest(content: bytes) -> str:
    """What a spec's text is known by."""
    return hashlib.sha256(content).hexdigest()


def key(candidate: Candidate) -> str:
    """What a candidate is known by: its step, its axis and its factors."""
    factors = ",".join(f"{name}={text(value)}" for name, value in candidate.setting.items())
    return f"{len(candidate.history)}:{candidate.axis}:{factors}"


def journaled(judge: Judge, journal: Journal, keep_failures: bool = False) -> Judge:
    """The same judge, asked only for what the journal does not know yet.

    Args:
        keep_failures: whether a candidate that failed has failed for good; otherwise it is tried again.
    """

    def score(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
        keys = [key(candidate) for candidate in candidates]
        known = {
            index: score
            for index, each in enumerate(keys)
            if (score := journal.scores.get(each)) and (keep_failures or score.value is not None)
        }
        yield from known.items()
        rest = [index for index in range(len(keys)) if index not in known]
        if not rest:
            return
        for place, found in judge([candidates[index] for index in rest]):
            index = rest[place]
            journal.keep(
                keys[index], found, step=len(candidates[index].history) + 1, axis=candidates[index].axis
            )
            yield index, found

    return score
