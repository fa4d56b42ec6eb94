"""What an export would meet, before it is made: libraries, form, and where each operation would run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from x3dspec.pytorch.export.contract import Target
from x3dspec.pytorch.export.subject import Subject
from x3dspec.pytorch.export.torch_export import program


@dataclass(frozen=True)
class Placed:
    """So many operations of a kind, and where they run; `place` is None where the runtime has none."""

    operation: str
    count: int
    rank: int
    place: str | None


@dataclass(frozen=True)
class Diagnosis:
    """What would run where, and what stands in the way."""

    missing: tuple[str, ...]
    operations: tuple[Placed, ...]
    rank: int
    state: int

    @property
    def obstacles(self) -> tuple[str, ...]:
        libraries = [f"{name} is not installed" for name in self.missing]
        nowhere = (each for each in self.operations if each.place is None)
        left = [f"no {each.operation} of rank {each.rank} there ({each.count} of them)" for each in nowhere]
        return (*libraries, *left)


def diagnose(subject: Subject, target: Target) -> Diagnosis:
    """Trace a subject, and say of each operation where the target runs it."""
    graph = program(subject).graph
    kinds: Counter[tuple[str, int]] = Counter()
    largest = 0
    for node in graph.nodes:
        rank = _rank(node)
        largest = max(largest, rank)
        if node.op == "call_function":
            kinds[_name(node), rank] += 1
    placed = [
        Placed(name, count, rank, target.place(name, rank)) for (name, rank), count in kinds.most_common()
    ]
    state = sum(tensor.numel() * tensor.element_size() for tensor in subject.example[1:])
    return Diagnosis(tuple(target.missing), tuple(placed), largest, state)


def _name(node: torch.fx.Node) -> str:
    return str(getattr(node.target, "__name__", node.target)).partition(".")[0]


def _rank(node: torch.fx.Node) -> int:
    """The largest rank of what an operation gives or takes."""
    around = [node, *node.all_input_nodes]
    values = [each.meta.get("val") for each in around]
    return max((value.dim() for value in values if isinstance(value, Tensor)), default=0)
