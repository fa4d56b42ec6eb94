"""What a search is asked and what it found, as data; it is read without numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.network.units import Target


@dataclass(frozen=True)
class Range:
    """The values that one factor may take. `chosen` is why these, in words."""

    factor: str
    values: tuple[Exact, ...]
    chosen: str


@dataclass(frozen=True)
class Far:
    """How far a search is.

    Attributes:
        preparing: the factors whose values are being combined; none of them once networks are counted.
        done: of `total`: values of the first of those factors, or networks.
        fit: networks within all limits.
        best: the most of the objective so far.
    """

    preparing: Sequence[str]
    done: int
    total: int
    fit: int = 0
    best: int | None = None


Progress = Callable[[Far], None]


@dataclass(frozen=True)
class Found:
    """A network within the limits. `score` is a judge's, where one was asked."""

    setting: Setting
    counts: Counts
    score: float | None = None


@dataclass(frozen=True)
class Proof:
    """How much of the grid was covered.

    Attributes:
        complete: whether all of it was; not where the search was interrupted.
        combinations: combinations of grid values; `networks` those of them that are different networks
            that can be built, as far as each cluster tells.
        covered: of `networks`, those that were decided.
        counted: of those, the ones that were counted one by one; the others by the bounds of blocks.
        within: of those, the ones within all limits.
        refused: those within the limits that were chosen and cannot be built.
        bound: the most there is of the objective, where that is a quantity and the search complete.
    """

    complete: bool
    combinations: int
    networks: int
    covered: int
    counted: int
    within: int
    refused: int
    bound: int | None


@dataclass(frozen=True)
class Result:
    """What a search found.

    Attributes:
        limits: what was asked for.
        objective: what was made as large as possible.
        ranges: the values of each factor, and `distinct` how many roundings tell apart.
        proof: how much of the grid was covered.
        best: the best networks, the best one first.
        front: the networks that no other beats in both figures of `pareto`.
    """

    architecture: Architecture
    limits: tuple[Target, ...]
    objective: str
    ranges: tuple[Range, ...]
    distinct: Mapping[str, int]
    proof: Proof
    best: tuple[Found, ...]
    pareto: tuple[str, str] | None = None
    front: tuple[Found, ...] = ()

    def resolved(self) -> Resolved:
        """The best network."""
        return self.architecture.at(self.best[0].setting)
