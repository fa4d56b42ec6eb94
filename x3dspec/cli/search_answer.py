"""What a search found, as JSON has it."""

from __future__ import annotations

from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.language import numbers
from x3dspec.network.quantities import Counts
from x3dspec.scaling.search.result import Found, Proof, Result


class Limit(TypedDict):
    """A limit as typed and read."""

    text: str
    quantity: str
    value: int
    meaning: str


class Candidate(output.Factored):
    """A network within the limits; its score where a judge was asked."""

    cost: Counts
    score: float | None


#: A factor's values: how many there are, how many of them roundings tell apart, why these.
Values = TypedDict(
    "Values", {"factor": str, "from": str, "to": str, "values": int, "distinct": int, "why": str}
)


class Pareto(TypedDict):
    """The networks that no other beats with less of one quantity and more of the other."""

    least: str
    most: str
    front: list[Candidate]


class SearchAnswer(output.Answer):
    """The best networks within all limits, the best one first, and the proof."""

    limits: list[Limit]
    objective: str
    best: list[Candidate]
    proof: Proof
    ranges: list[Values]
    pareto: Pareto | None


def content(result: Result) -> SearchAnswer:
    return {
        "x3dspec": output.head("search"),
        "limits": [output.picked(Limit, limit) for limit in result.limits],
        "objective": result.objective,
        "best": [_network(found) for found in result.best],
        "proof": result.proof,
        "ranges": [
            {
                "factor": each.factor,
                "from": numbers.text(each.values[0]),
                "to": numbers.text(each.values[-1]),
                "values": len(each.values),
                "distinct": result.distinct[each.factor],
                "why": each.chosen,
            }
            for each in result.ranges
        ],
        "pareto": _pareto(result),
    }


def _pareto(result: Result) -> Pareto | None:
    if result.pareto is None:
        return None
    least, most = result.pareto
    return {"least": least, "most": most, "front": [_network(found) for found in result.front]}


def _network(found: Found) -> Candidate:
    return {**output.factored(found.setting), "cost": found.counts, "score": found.score}
