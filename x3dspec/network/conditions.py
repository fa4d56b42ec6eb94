"""Constraints as expressions: 1 where they hold, 0 where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from x3dspec.language.expressions import ONE, Expr, equal, floor, lift, maximum, minimum
from x3dspec.language.paths import Path

#: No network of this kind is larger; without bounds a short spec could ask for a file without end.
MAX_REPEAT = 512
MAX_BLOCKS = 2048
MAX_SIZE = 65_536
MAX_CHANNELS = 1_048_576


@dataclass(frozen=True)
class Constraint:
    """What must hold of some numbers of a network, where a layer is there, for it to be built.

    Attributes:
        path: the line of the spec that says it.
        when: 1 where it is asked at all.
        holds: 1 where it holds, 0 where it does not.
        message: what is said where it does not; ``{0}`` stands for the first of `values`.
        values: the numbers that the message shows.
        given: numbers that must be counts, or else the message is about what follows from another.
        stage: the stage's name, empty for the input.
        group: constraints are asked only where all those of lower groups hold.
    """

    path: Path
    when: Expr
    holds: Expr
    message: str
    values: tuple[Expr, ...] = ()
    given: tuple[Expr, ...] = ()
    stage: str = ""
    group: int = 0


Constraints = Iterator[Constraint]


def must(
    path: Path,
    holds: Expr,
    message: str,
    values: tuple[Expr, ...] = (),
    *,
    when: Expr = ONE,
    given: tuple[Expr, ...] = (),
) -> Constraints:
    """A constraint, but for one that holds whatever the factors are."""
    if holds is not ONE:
        yield Constraint(path, when, holds, message, values, given)


def count(path: Path, what: str, value: Expr, most: int = MAX_CHANNELS) -> Constraints:
    """A whole number from 1 to `most`."""
    whole = is_whole(value)
    yield from must(path, whole, f"{what} {{0}} is not a whole number", (value,))
    yield from must(path, at_least(value, 1), f"{what} {{0}} is not positive", (value,), when=whole)
    yield from must(path, at_most(value, most), f"{what} {{0}} is more than {most}", (value,), when=whole)


def is_whole(value: Expr) -> Expr:
    return equal(floor(value), value)


def at_least(value: Expr, least: int) -> Expr:
    return equal(maximum(value, lift(least)), value)


def at_most(value: Expr, most: int) -> Expr:
    return equal(minimum(value, lift(most)), value)
