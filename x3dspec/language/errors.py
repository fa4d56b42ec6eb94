"""Problems as values: where a document is wrong, said in one line that an editor can jump to.

Rooms raise :class:`SpecError` with every problem they can find at once; only the command line
prints them. :class:`Infeasible` is the other outcome that is nobody's typing mistake: the question
was well formed and the answer is no.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

MAX_SHOWN = 60  # characters of a document's own text in a message
MAX_LISTED = 24  # names that are offered instead of an unknown one


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong at one place.

    ``line`` and ``column`` count from 1; 0 means that the place has none (a command line, a folder).
    ``path`` names the node as Python would index it: ``stages[1].repeat``. All text is printable: it
    goes to terminals and into JSON, and a file's name may hold anything.
    """

    source: str
    line: int
    column: int
    path: str
    message: str

    def __post_init__(self) -> None:
        for part in ("source", "path", "message"):
            object.__setattr__(self, part, printable(getattr(self, part)))

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        parts = [part for part in (where, self.path, self.message) if part]
        return ": ".join(parts)


class SpecError(Exception):
    """The input is wrong. Carries every problem found, in the order of the document. Exit code 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def at(cls, source: str, message: str, *, path: str = "") -> SpecError:
        """A single problem that has no line, such as a file that cannot be read."""
        return cls([Problem(source, 0, 0, path, message)])


class BadArgument(SpecError):
    """An argument of a function has a value that it cannot have. The command line knows it as an option."""

    def __init__(self, argument: str, message: str) -> None:
        self.argument = argument
        super().__init__([Problem(argument, 0, 0, "", message)])

    @property
    def message(self) -> str:
        return self.problems[0].message


@dataclass(frozen=True)
class Refusal:
    """Why there is no answer, as a value: solvers ask in places where there may be none."""

    problems: tuple[Problem, ...]

    @property
    def message(self) -> str:
        return self.problems[0].message


def sure(answer: T | Refusal) -> T:
    """An answer that there must be.

    Raises:
        SpecError: there is none.
    """
    if isinstance(answer, Refusal):
        raise SpecError(answer.problems)
    return answer


class Infeasible(Exception):
    """The check ran and the answer is no: a budget out of reach, say. Exit code 1."""


def printable(text: str) -> str:
    r"""Text as one line that shows all it holds: a line break becomes the characters ``\n``.

    Whatever came from outside, the name of a file too, passes here on its way into code, a page or a
    terminal: a line break would begin a statement there, an escape sequence would be obeyed, and what
    turns the text around would mislead its reader.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was probably meant to be, or None where nothing is close."""
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return close[0] if close else None


def shown(text: str) -> str:
    """Text of a document, as a message may quote it: short, control and bidi characters escaped."""
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "...")


def unknown(kind: str, word: str, choices: Iterable[str], owner: str = "this spec has") -> str:
    """``unknown factor 'gamma_q'; did you mean gamma_s? this spec has gamma_s, gamma_w``.

    What cannot be printed is no name, but a problem of its own; it is not offered.
    """
    listed = [choice for choice in choices if choice.isprintable()]
    guess = nearest(word, listed) if len(word) <= MAX_SHOWN else None
    hint = f" did you mean {guess}?" if guess else ""
    names = ", ".join(listed[:MAX_LISTED]) or "none"
    more = f" and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    return f"unknown {kind} {shown(word)};{hint} {owner} {names}{more}"
