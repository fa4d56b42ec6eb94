"""A budget as JSON has it."""

from __future__ import annotations

from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.cli.resolve_answer import Network
from x3dspec.cli.steps_answer import Taken, steps
from x3dspec.network.quantities import Counts
from x3dspec.scaling.budget import Budget, Near
from x3dspec.scaling.trajectory import Skip


class Asked(TypedDict):
    """The target as typed and read. `limit` is what may be spent: the value and its tolerance."""

    text: str
    quantity: str
    value: int
    limit: int
    meaning: str


class Following(output.Valued):
    """The next network on an axis's grid, and by how much it exceeds the target."""

    axis: str
    factor: str
    cost: Counts
    excess: int


class BudgetAnswer(output.Answer, Network):
    """The network that a target buys, and the way to it. `fixed` are factors that did not move."""

    target: Asked
    achieved: int
    order: str
    start: Counts
    trajectory: list[Taken]
    skipped: tuple[Skip, ...]
    next: list[Following]
    near: Near | None
    fixed: dict[str, str]


def answer(budget: Budget, network: Network) -> BudgetAnswer:
    return {
        "x3dspec": output.head("budget"),
        "target": _asked(budget),
        "achieved": budget.achieved,
        "order": budget.order,
        **network,
        "start": budget.trajectory.counts,
        "trajectory": steps(budget.trajectory),
        "skipped": budget.trajectory.skipped,
        "next": [
            {
                "axis": following.axis,
                "factor": following.factor,
                **output.valued(following.value),
                "cost": following.counts,
                "excess": following.excess,
            }
            for following in budget.following
        ],
        "near": budget.near,
        "fixed": output.typed(budget.fixed),
    }


def _asked(budget: Budget) -> Asked:
    target = budget.target
    return {
        "text": target.text,
        "quantity": target.quantity,
        "value": target.value,
        "limit": budget.limit,
        "meaning": target.meaning,
    }
