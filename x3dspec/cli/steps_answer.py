"""The steps of an expansion as JSON has them."""

from __future__ import annotations

from x3dspec.cli import output
from x3dspec.formula.real import text
from x3dspec.network.quantities import Counts
from x3dspec.scaling.trajectory import Cut, Trajectory


class Contraction(output.Valued):
    """What a recorded step is cut to before it is the preset that it reaches."""

    factor: str
    cost: Counts


class Taken(output.Valued):
    """A step of an expansion: the factor that drives its axis, raw and on its grid, and where it arrives.

    `multiplier` is how far the factor went, `exact` the same in closed form, where that is short;
    `ratio` is what the step did to the MACs.
    """

    axis: str
    kind: str
    factor: str
    raw: int | float
    multiplier: float
    exact: str | None
    ratio: float
    cost: Counts
    reaches: str | None
    cut: Contraction | None


def steps(path: Trajectory) -> list[Taken]:
    """The trajectory as JSON has it."""
    return [
        {
            "axis": step.axis,
            "kind": step.kind,
            "factor": step.factor,
            "raw": output.number(step.raw),
            **output.valued(step.snapped),
            "multiplier": float(step.multiplier),
            "exact": text(step.multiplier),
            "ratio": step.ratio,
            "cost": step.counts,
            "reaches": step.reaches,
            "cut": _contraction(step.cut),
        }
        for step in path.steps
    ]


def _contraction(cut: Cut | None) -> Contraction | None:
    if cut is None:
        return None
    return {"factor": cut.factor, **output.valued(cut.after), "cost": cut.counts}
