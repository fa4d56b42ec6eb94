"""Accuracies that are published, of a network's family and of the shipped specs beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from x3dspec.language import shipped
from x3dspec.language.schema import Accuracy
from x3dspec.network.architecture import Architecture, load


@dataclass(frozen=True)
class Measured:
    """A trained network that somebody measured: top-1 in percent, and the counts of its own clip."""

    name: str
    title: str
    family: bool
    top1: float
    views: int
    crop: int
    source: str
    macs: int
    params: int
    activations: int


@dataclass(frozen=True)
class Accuracies:
    """What was measured on one data set."""

    dataset: str
    points: tuple[Measured, ...]


def accuracies(architecture: Architecture) -> Accuracies | None:
    """What the network, its presets and the shipped specs reach on the data set of its family.

    A family of which nothing is published is shown beside the networks of as many dimensions. None where
    there are none either.
    """
    shown = {name: load(name) for name in shipped.shipped()} | {architecture.name: architecture}
    measured = {name: other.source.accuracy for name, other in shown.items() if other.source.accuracy}
    source = architecture.source
    family = [name for name in measured if shown[name].source.origins[-1].path == source.origins[-1].path]
    alike = [name for name in measured if _dimensions(shown[name]) == _dimensions(architecture)]
    datasets = Counter(measured[name].dataset for name in family or alike)
    if not datasets:
        return None
    dataset = datasets.most_common(1)[0][0]
    points = [
        _measured(shown[name], accuracy, name in family)
        for name, accuracy in measured.items()
        if accuracy.dataset == dataset
    ]
    return Accuracies(dataset, tuple(sorted(points, key=lambda point: point.macs)))


def _dimensions(architecture: Architecture) -> int:
    return 2 if architecture.source.network.input.frames is None else 3


def _measured(architecture: Architecture, accuracy: Accuracy, family: bool) -> Measured:
    identity = architecture.source.identity
    cost = architecture.resolve().cost()
    return Measured(
        identity.name,
        identity.title,
        family,
        accuracy.top1,
        accuracy.views,
        accuracy.crop,
        accuracy.source,
        cost.macs,
        cost.params,
        cost.activations,
    )
