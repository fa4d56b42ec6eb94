"""Which tensors are alive while an emitted forward runs, line by line.

A tensor is alive while something can still reach it: a variable of a forward that has not returned, the
argument of a call that has not returned, the operands and the result of the operation that runs. That is
what an allocator sees. Overwriting in place makes no tensor, and what two names reach is counted once.
Everything is an integer or an expression: a layer that may be absent makes its tensor with the condition
for it, 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from x3dspec.language.expressions import ZERO
from x3dspec.language.paths import Path
from x3dspec.network.layers.backward import any_of, opposite, times


@dataclass(eq=False, frozen=True)
class Alive:
    """A tensor by its elements."""

    elements: Any


#: What a name stands for: tensors, each with the condition that it is the one.
Value = tuple[tuple[Alive, Any], ...]
#: The tensors of one moment, each with the condition that it is alive.
Moment = dict[Alive, Any]
#: What a line of forward assigns to.
VARIABLES = ("x", "y", "z", "branch")


@dataclass(frozen=True)
class Uses:
    """The bodies that share one forward: the condition that each occurs, and those of its layers."""

    bodies: tuple[tuple[Any, Mapping[Path, Any]], ...]
    residuals: frozenset[Path]
    functions: tuple[Path, ...]

    def always(self, origin: Path) -> Any:
        """1 where every body has the layer: forward then needs no module that may be nothing."""
        result: Any = 1
        for occurs, layers in self.bodies:
            result = times(result, opposite(times(occurs, opposite(layers.get(origin, 0)))))
        return result

    def alternatives(self, one: Path, other: Path) -> Any:
        """1 where every body has one of two functions: they are then one module."""
        result: Any = 1
        for occurs, layers in self.bodies:
            here, there = layers.get(one, 0), layers.get(other, 0)
            both = times(here, opposite(there)), times(opposite(here), there)
            result = times(result, opposite(times(occurs, opposite(both[0] + both[1]))))
        return result

    def somewhere(self, origin: Path) -> Any:
        """1 where some body has the layer: forward then has a place for it."""
        result: Any = 0
        for occurs, layers in self.bodies:
            result = any_of(result, times(occurs, layers.get(origin, 0)))
        return result


@dataclass
class Live:
    """Where a forward stands.

    Attributes:
        uses: the bodies that share this forward.
        held: what its callers hold until it returns.
        value: what the next layer gets.
        deploy: whether it is the deploy form's, which overwrites more.
        gates_overwrite: whether squeeze-excitation multiplies in place; see :attr:`gates`.
        fresh: 1 where the value is nobody else's and may be overwritten.
        gates: of every squeeze-excitation, whether what it gets is fresh.
        moments: what was alive, operation by operation.
    """

    uses: Uses
    held: Sequence[Value]
    value: Value
    deploy: bool = False
    gates_overwrite: Any = 0
    fresh: Any = 0
    gates: list[Any] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.when: Any = 1
        self.variables: dict[str, Value] = {"x": self.value}
        self.targets: tuple[tuple[str, Any], ...] = (("x", 1),)
        #: The function before the next layer, and whether it could overwrite.
        self.before: tuple[Path, Any] | None = None

    def at(self, *sizes: Any) -> None:
        """A moment: beside all that is held, tensors of so many elements."""
        self._moment(tuple((Alive(size), self.when) for size in sizes))

    @contextmanager
    def beside(self, *sizes: Any) -> Iterator[None]:
        """Within, tensors of so many elements are held."""
        held = self.held
        self.held = [*held, tuple((Alive(size), self.when) for size in sizes)]
        yield
        self.held = held

    def make(self, elements: Any, overwrites: Any = 0, otherwise: Value | None = None) -> None:
        """The layer's result is a tensor of its own, but where it overwrites what it gets."""
        made = times(self.when, opposite(overwrites))
        result = (Alive(elements), made)
        self._moment((result,))
        rest = self.value if otherwise is None else otherwise
        self.value = _merged((result, *_times(rest, opposite(made))))

    def assign(self, when: Any = 1) -> None:
        """A line ends: its variable lets go of what it had."""
        for name, chosen in self.targets:
            there = times(when, chosen)
            kept = _times(self.variables.get(name, ()), opposite(there))
            self.variables[name] = _merged((*_times(self.value, there), *kept))

    def function(self, origin: Path, when: Any, elements: Any, inplace: int) -> None:
        """A function overwrites what is nobody else's, and a line ends; nothing may overwrite what it leaves.

        Where it is the alternative of the one before, it is that one's module.
        """
        there, fresh = self.uses.somewhere(origin), self.fresh
        if self.before is not None and self.targets:
            same = self.uses.alternatives(self.before[0], origin)
            fresh = any_of(fresh, times(same, self.before[1]))
        with self.under(when):
            self.make(elements, times(fresh, inplace))
        self.before = origin, fresh
        self.fresh = times(opposite(there), self.fresh)
        self.assign(there)

    def run(self, body: Sequence[Any], chain: Path, inside: Path = ()) -> None:
        """Every layer of a body in turn, and the places of those that other bodies have in its stead.

        A sum that is not there leaves the lines of its branch.
        """
        self.before = None
        pending = list(body)
        places = [path for path in self.uses.functions if path[:-2] == chain]
        places = [path for path in places if all(layer.origin != path for layer in pending)]
        while pending or places:
            if places and (not pending or places[0] < pending[0].origin):
                self.function(places.pop(0), 0, 0, 0)
                continue
            layer = pending.pop(0)
            paths = [path for path in self.uses.residuals if _below(layer.origin, path)]
            absent = [path for path in paths if _below(path, inside)]
            if not absent:
                layer.walk_forward(self)
                continue
            path = min(absent, key=len)
            branch = [layer]
            while pending and _below(pending[0].origin, path):
                branch.append(pending.pop(0))
            self.add(path, 0, branch, (), 0)

    def add(
        self, origin: Path, when: Any, branch: Sequence[Any], shortcut: Sequence[Any], elements: Any
    ) -> None:
        """The sum of two paths: a line each for the branch, and one for the other path and the sum."""
        there = self.uses.somewhere(origin)
        self.assign(there)
        given = self.value
        with self._branch(there):
            self.run(branch, (*origin, "branch"), origin)
        made, result, self.value, self.fresh = self.fresh, self.value, given, 0
        self.before = None
        with self._one_line(), self.under(when):
            for layer in shortcut:
                layer.walk_forward(self)
            self.make(elements, made if self.deploy else 0, result)
        self.fresh, self.before = any_of(made, self.uses.always(origin)), None
        self.assign(there)

    @contextmanager
    def under(self, when: Any) -> Iterator[None]:
        """Within, what is there where `when` is 1."""
        outer, self.when = self.when, times(self.when, when)
        yield
        self.when = outer

    @contextmanager
    def _branch(self, when: Any) -> Iterator[None]:
        """Within, the lines of a sum's branch: of a variable of their own where `when` is 1."""
        if _never(when):
            yield
            return
        outer, fresh = self.targets, self.fresh
        inner = VARIABLES[min(VARIABLES.index(outer[-1][0]) + 1, len(VARIABLES) - 1)]
        self.targets = (*((name, times(opposite(when), chosen)) for name, chosen in outer), (inner, when))
        self.fresh = times(opposite(when), fresh)
        yield
        self.assign(when)
        self.targets = outer

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Within, the layers of a sum's other path, all in the line of the sum."""
        outer, self.targets = self.targets, ()
        yield
        self.targets = outer

    def _moment(self, made: Value) -> None:
        moment: Moment = {}
        for value in (*self.held, *self.variables.values(), self.value, made):
            for tensor, chosen in value:
                moment[tensor] = any_of(moment.get(tensor, 0), chosen)
        self.moments.append(moment)


def _below(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _times(value: Value, when: Any) -> Value:
    return tuple((tensor, times(when, chosen)) for tensor, chosen in value)


def _merged(value: Value) -> Value:
    """Each tensor once, without those that are never the one."""
    conditions: dict[Alive, Any] = {}
    for tensor, chosen in value:
        if not _never(chosen):
            conditions[tensor] = conditions[tensor] + chosen if tensor in conditions else chosen
    return tuple(conditions.items())


def _never(when: Any) -> bool:
    return when is ZERO or (isinstance(when, int) and when == 0)
