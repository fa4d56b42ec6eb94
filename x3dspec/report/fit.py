"""A budget on the page: the steps of the expansion, and its axes as functions of the program.

The steps do not hang on the target: they double the cost from the base's start. What a target decides is
which of them goes too far, and how much of that one fits: that is found by exact counts, in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from x3dspec.language import numbers
from x3dspec.language.expressions import Expr, lift, variable
from x3dspec.language.meaning import build
from x3dspec.language.source import Source
from x3dspec.network.factors import complete
from x3dspec.network.layers import Setting
from x3dspec.report import javascript
from x3dspec.report.curves import Expansions
from x3dspec.scaling.trajectory import Step

#: What the new value of an axis's driving factor is called among the variables: no factor can be.
VALUE = "m"


def content(base: Source, expansion: Expansions, quantities: Sequence[str]) -> dict[str, Any]:
    """The states between the steps, each with the step that leaves it; factors that follow are null.

    Args:
        base: the spec that the expansion starts from, which sets no factors.
    """
    before: Setting = {}
    states = []
    for step in expansion.solved:
        states.append({"given": _given(base, before), **_leaving(base, step)})
        before = step.setting
    counts = [{name: count[name] for name in quantities} for count in _counts(expansion)]
    return {"base": base.origins[-1].label, "changed": _changed(base), "states": states, "counts": counts}


def _counts(expansion: Expansions) -> list[Any]:
    return [expansion.start, *(step.counts for step in expansion.solved)]


def _given(base: Source, setting: Setting) -> list[str | None]:
    values = complete(base, setting)
    return [
        None if base.derived(name) and name not in setting else numbers.text(value)
        for name, value in values.items()
    ]


def _leaving(base: Source, step: Step) -> dict[str, Any]:
    names = list(base.network.axes)
    factors = list(base.network.factors)
    return {
        "axis": names.index(step.axis),
        "factor": factors.index(step.factor),
        "to": numbers.text(step.snapped),
    }


def programs(base: Source) -> list[str]:
    """For each axis the function of all factors and the driving one's new value: what it changes."""
    factors = list(base.network.factors)
    return [javascript.function(_moved(base, axis), [*factors, VALUE]) for axis in base.network.axes]


def _changed(base: Source) -> list[list[int]]:
    """For each axis the factors that its function gives, by their places, the driving one first."""
    factors = list(base.network.factors)
    return [[factors.index(name) for name in changes] for changes in base.network.axes.values()]


def _moved(base: Source, axis: str) -> list[Expr]:
    """The driving factor's expression is linear in m, so that its value says which m it is."""
    scope: dict[str, Expr | str] = {name: variable(name) for name in base.network.factors}
    driving, *followers = base.network.axes[axis].values()
    at_zero, at_one = (build(driving, {**scope, "m": lift(m)}) for m in (0, 1))
    value = variable(VALUE)
    m = (value - at_zero) / (at_one - at_zero)
    return [value, *(build(follower, {**scope, "m": m}) for follower in followers)]
