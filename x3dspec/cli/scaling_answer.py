"""What ``x3dspec scaling --json`` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.language import numbers
from x3dspec.network.receptive import Seen

if TYPE_CHECKING:  # sympy is loaded when something is derived, not before
    from x3dspec.formula.analysis import Analysis, Together
    from x3dspec.formula.growth import Growth, Makeup
    from x3dspec.formula.roundings import Rounded


class ScaledFactor(TypedDict):
    """Elasticities and exchange rates of one factor; `degrees` and `limits` are those of a large one.

    `formulas` are the elasticities over all factors.
    """

    factor: str
    elasticities: dict[str, float]
    formulas: dict[str, str]
    rates: dict[str, float]
    degrees: dict[str, float] | None
    limits: dict[str, float]


class KindLeads(TypedDict):
    """The kind of layer that costs most from a value of the factor on, which is given exactly if short."""

    kind: str
    since: float
    exact: str | None


class GrowthAnswer(TypedDict):
    """Shares of the MACs in the limit of a large factor, and which kind costs most on the way there."""

    factor: str
    limits: dict[str, float]
    leads: list[KindLeads]


class RatioAnswer(TypedDict):
    """The MACs of the two dearest kinds: a quotient, its value, and what it tends to with each factor."""

    above: str
    below: str
    formula: str
    value: float
    tendencies: dict[str, str]


class MakeupAnswer(TypedDict):
    """The MACs without rounding by kinds of layers."""

    shares: dict[str, float]
    growth: list[GrowthAnswer]
    ratio: RatioAnswer | None


class RoundingAnswer(TypedDict):
    """A rounding of the closed form, and how many MACs it adds by itself."""

    name: str
    before: str
    after: str
    macs: int | float


class RoundingsAnswer(TypedDict):
    """The MACs with every rounding, without any, and what each adds."""

    macs: int | float
    relaxed: int | float
    roundings: list[RoundingAnswer]


class CompoundFactor(TypedDict):
    """One factor of a compound scaling: its value, and the elasticity that is proportional to its weight."""

    factor: str
    weight: str
    value: float
    elasticity: float


class RayAnswer(TypedDict):
    """Factors that grow together, each its start times r to the power of its weight."""

    r: float
    exact: str | None
    values: dict[str, float]


class CompoundAnswer(TypedDict):
    """Where elasticities are proportional to the weights at `target`; `best` where nothing is worth more."""

    quantity: str
    target: int
    factors: list[CompoundFactor]
    best: bool


class ScalingAnswer(output.Answer):
    """How a network scales: elasticities, exchange rates, what it is made of, what its roundings do.

    `compound` and `ray` are null where none was asked for or found.
    """

    name: str
    factors: list[ScaledFactor]
    makeup: MakeupAnswer
    roundings: RoundingsAnswer
    compound: CompoundAnswer | None
    ray: RayAnswer | None
    frames: Seen | None
    pixels: Seen


def answer(analysis: Analysis) -> ScalingAnswer:
    """The analysis as JSON has it."""
    from x3dspec.formula import printers

    moved = analysis.together
    return {
        "x3dspec": output.head("scaling"),
        "name": analysis.name,
        "factors": [
            {
                "factor": row.factor,
                "elasticities": _floats(row.elasticities),
                "formulas": {name: printers.text(formula) for name, formula in row.formulas.items()},
                "rates": _floats(row.rates),
                "degrees": None if row.degrees is None else _floats(row.degrees),
                "limits": _floats(row.limits),
            }
            for row in analysis.exchanges
        ],
        "makeup": _makeup(analysis.makeup),
        "roundings": _roundings(analysis.rounded),
        "compound": None if moved is None else _compound(moved),
        "ray": None if moved is None else _ray(moved),
        "frames": analysis.frames,
        "pixels": analysis.pixels,
    }


def _makeup(makeup: Makeup) -> MakeupAnswer:
    return {
        "shares": _floats(makeup.shares),
        "growth": [_growth(growth) for growth in makeup.growths],
        "ratio": None if makeup.dearest is None else _ratio(makeup, *makeup.dearest),
    }


def _growth(growth: Growth) -> GrowthAnswer:
    from x3dspec.formula.real import text

    leads: list[KindLeads] = [
        {"kind": lead.kind, "since": float(lead.since), "exact": text(lead.since)} for lead in growth.leads
    ]
    return {"factor": growth.factor, "limits": _floats(growth.limits), "leads": leads}


def _ratio(makeup: Makeup, above: str, below: str) -> RatioAnswer:
    from x3dspec.formula import printers
    from x3dspec.formula.sympy_bridge import symbol

    tendencies = {
        growth.factor: printers.text(makeup.tendency(above, below, symbol(growth.factor)))
        for growth in makeup.growths
    }
    return {
        "above": above,
        "below": below,
        "formula": printers.text(makeup.ratio(above, below)),
        "value": float(makeup.shares[above] / makeup.shares[below]),
        "tendencies": tendencies,
    }


def _roundings(rounded: Rounded) -> RoundingsAnswer:
    rows: list[RoundingAnswer] = [
        {
            "name": row.name,
            "before": numbers.text(row.before),
            "after": numbers.text(row.after),
            "macs": output.number(row.change),
        }
        for row in rounded.roundings
    ]
    return {
        "macs": output.number(rounded.count),
        "relaxed": output.number(rounded.relaxed),
        "roundings": rows,
    }


def _compound(moved: Together) -> CompoundAnswer | None:
    if moved.compound is None:
        return None
    factors: list[CompoundFactor] = [
        {
            "factor": share.factor,
            "weight": str(share.weight),
            "value": float(share.value),
            "elasticity": float(share.elasticity),
        }
        for share in moved.compound.shares
    ]
    target = moved.target
    best = moved.compound.best
    return {"quantity": target.quantity, "target": target.value, "factors": factors, "best": best}


def _ray(moved: Together) -> RayAnswer | None:
    from x3dspec.formula.real import text

    if moved.ray is None:
        return None
    return {"r": float(moved.ray.r), "exact": text(moved.ray.r), "values": _floats(moved.ray.values)}


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
