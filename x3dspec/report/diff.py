"""What tells two networks apart: factors, the clip, every stage, the cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from x3dspec.language import numbers
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import Row, rows

Value = int | str | None


@dataclass(frozen=True)
class Change:
    """One thing that differs. None where one of the two does not have it."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True)
class StageChange:
    """What differs in a stage. `only` is ``before`` or ``after`` where just one of the two has it."""

    name: str
    only: str | None
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Difference:
    """Everything that differs; what is the same in both is left out, except for the cost."""

    factors: tuple[Change, ...]
    options: tuple[Change, ...]
    clip: tuple[Change, ...]
    stages: tuple[StageChange, ...]
    cost: tuple[Change, ...]

    @property
    def same(self) -> bool:
        """Whether both are one network that costs the same, whatever their factors are called."""
        unequal = any(change.before != change.after for change in self.cost)
        return not (self.clip or self.stages or unequal)


def compare(before: Resolved, after: Resolved, convention: str = "paper") -> Difference:
    """What changed from one network to another, costs counted by a convention.

    Raises:
        SpecError: an unknown convention.
    """
    return Difference(
        factors=_changed(_factors(before), _factors(after)),
        options=_changed(_options(before), _options(after)),
        clip=_changed(_clip(before), _clip(after)),
        stages=tuple(_stages(rows(before, convention), rows(after, convention))),
        cost=_all(_costs(before, convention), _costs(after, convention)),
    )


def _all(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[Change, ...]:
    return tuple(Change(name, before.get(name), after.get(name)) for name in {**before, **after})


def _changed(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[Change, ...]:
    return tuple(change for change in _all(before, after) if change.before != change.after)


def _factors(resolved: Resolved) -> dict[str, Value]:
    return {name: numbers.text(value) for name, value in resolved.factors.items()}


def _options(resolved: Resolved) -> dict[str, Value]:
    source = resolved.architecture.source
    return {**source.options, "classes": source.classes}


def _clip(resolved: Resolved) -> dict[str, Value]:
    network = resolved.network
    return {
        "channels": network.inputs.channels,
        "frames": network.frames,
        "size": network.size,
        "stride": network.stride,
    }


def _costs(resolved: Resolved, convention: str) -> dict[str, Value]:
    cost = resolved.cost(convention)
    return {
        "operations": cost.operations,
        "macs": cost.macs,
        "params": cost.params,
        "weights": cost.weights,
        "activations": cost.activations,
        "bytes": cost.bytes,
    }


def _stages(before: Sequence[Row], after: Sequence[Row]) -> Iterator[StageChange]:
    """Stages are the same by name; what stands between equal ones was removed or added."""
    old, new = {row.name: row for row in before}, {row.name: row for row in after}
    for name in _merged(list(old), list(new)):
        only = "before" if name not in new else "after" if name not in old else None
        changes = _changed(_facts(old.get(name)), _facts(new.get(name)))
        if changes:
            yield StageChange(name, only, changes)


def _merged(before: list[str], after: list[str]) -> list[str]:
    names: list[str] = []
    for _, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        names += [*before[a:b], *after[c:d]]
    return list(dict.fromkeys(names))


def _facts(row: Row | None) -> dict[str, Value]:
    if row is None:
        return {}
    return {
        "filters": " | ".join(row.filters),
        "repeat": row.repeat,
        "width": row.width,
        "inner": row.inner,
        "frames": row.frames,
        "size": row.size,
        "operations": row.operations,
        "params": row.params,
        "activations": row.activations,
    }
