"""Weights that candidates leave when they have been trained, and what the next step's candidates begin with.

They lie in a folder beside the journal, ``JOURNAL.weights``, a file a candidate; the journal says whose each
is and what it holds, by its hash. When a step is decided, those of its other candidates are removed, so
that there are no more than one a step and those of the step under way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.scaling.attempt import MAX_WEIGHTS_BYTES
from x3dspec.scaling.journal import Journal, digest, key
from x3dspec.scaling.judges import Candidate, Origin, Score

_OURS = re.compile(r"(\d+)-\w+-[0-9a-f]{16}(\.part)?\.pt", re.ASCII)

#: Raises a SpecError where a file does not hold a network's weights.
Check = Callable[[Path, Resolved], None]
#: The weights of a file, of the first network, as a file of the second's.
Grow = Callable[[Path, Resolved, Resolved], bytes]


@dataclass(frozen=True)
class Beginning:
    """What a candidate begins with: its parent's weights, grown."""

    content: bytes
    origin: Origin


class Inheritance:
    """The weights of one expansion."""

    def __init__(self, journal: Journal, check: Check, grow: Grow) -> None:
        self.folder = journal.path.with_name(f"{journal.path.name}.weights")
        self._journal, self._check, self._grow = journal, check, grow

    def parent(self, candidate: Candidate) -> tuple[Path, Origin] | None:
        """The weights of the network that a candidate is a step from; None where it left none.

        Raises:
            SpecError: the journal knows of weights that are gone, or others.
        """
        parent = candidate.parent
        if parent is None:
            return None
        weights = self._journal.scores.get(key(parent), Score(None)).weights
        if not weights:
            return None
        path = self._path(parent, weights)
        try:
            whole = path.stat().st_size <= MAX_WEIGHTS_BYTES and digest(path.read_bytes()) == weights
        except OSError as error:
            raise SpecError.at(str(path), f"the weights of step {_step(parent)}: {error.strerror}") from None
        if not whole:
            raise SpecError.at(str(path), f"these are not the weights that step {_step(parent)} left")
        return path, Origin(key(parent), weights)

    def beginning(self, candidate: Candidate) -> Beginning | None:
        """What a candidate begins with, or None: from nothing.

        Raises:
            SpecError: as :meth:`parent`.
            Ungrown: its network cannot begin as its parent.
        """
        found = self.parent(candidate)
        if found is None or candidate.parent is None:
            return None
        path, origin = found
        try:
            return Beginning(self._grow(path, candidate.parent.resolved, candidate.resolved), origin)
        except SpecError as error:
            raise Ungrown(f"cannot begin as its parent: {error.problems[0]}") from None

    def keep(self, candidate: Candidate, content: bytes) -> str:
        """Keep what a candidate has left, and say its hash; when this returns, it is on the disk.

        Raises:
            SpecError: it is not its network's weights, or cannot be written.
        """
        weights = digest(content)
        path = self._path(candidate, weights)
        part = path.with_suffix(".part.pt")
        try:
            self.folder.mkdir(exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._check(part, candidate.resolved)
            part.replace(path)
        except OSError as error:
            raise SpecError.at(str(path), f"{error.strerror or error}") from None
        finally:
            part.unlink(missing_ok=True)
        return weights

    def settle(self, kept: Candidate) -> Path | None:
        """Remove the weights of the other candidates of a decided step; the place of those kept."""
        weights = self._journal.scores[key(kept)].weights
        path = self._path(kept, weights) if weights else None
        if self.folder.is_dir():
            for other in self.folder.iterdir():
                match = _OURS.fullmatch(other.name)
                if match and int(match[1]) == _step(kept) and other != path:
                    other.unlink(missing_ok=True)
        return path

    def _path(self, candidate: Candidate, weights: str) -> Path:
        return self.folder / f"{_step(candidate)}-{candidate.axis}-{weights[:16]}.pt"


class Ungrown(Exception):
    """A candidate that cannot begin as its parent, and why."""


def _step(candidate: Candidate) -> int:
    return len(candidate.history) + 1
