"""The networks beside the page's own: presets, the steps of the expansion, and what can be downloaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from x3dspec.language import numbers as exact
from x3dspec.language.errors import SpecError
from x3dspec.network import identity, preset
from x3dspec.network.architecture import Architecture
from x3dspec.network.breakdown import short
from x3dspec.network.quantities import ALWAYS, Counts
from x3dspec.report.subject import Subject
from x3dspec.scaling.trajectory import Step


def own_counts(subject: Subject) -> dict[str, int] | None:
    """What the spec's own network costs; None where it cannot be built."""
    try:
        cost = subject.architecture.resolve().cost()
    except SpecError:
        return None
    return {quantity: getattr(cost, quantity) for quantity in ALWAYS}


def presets(subject: Subject) -> list[dict[str, Any]]:
    """The networks with names that this page's factors can reach, the cheapest first."""
    options = subject.source.network.options.items()
    defaults = {name: option.default for name, option in options}
    entries = [
        _preset(subject, other, dict(values))
        for other, values in subject.presets
        # One that sets options which this page does not have is another network with these.
        if other.source.options in (defaults, subject.source.options)
    ]
    return sorted((entry for entry in entries if entry), key=lambda entry: int(entry["macs"]))


def _preset(subject: Subject, other: Architecture, values: dict[str, exact.Exact]) -> dict[str, Any] | None:
    """One of them; None where it cannot be built with this page's options."""
    own = {n: v for n, v in values.items() if n not in subject.derived or n in other.source.factors}
    try:
        counts = subject.open.at(own).cost()
    except SpecError:
        return None
    return {
        "name": other.name,
        "title": other.source.identity.title,
        "label": f"{_called(other)} · {short(counts.macs)}",
        "values": {name: exact.text(value) for name, value in own.items()},
        **{quantity: getattr(counts, quantity) for quantity in ALWAYS},
    }


def trajectory(subject: Subject) -> dict[str, Any] | None:
    """Cost after each step, solved and recorded, from the spec's start."""
    expansion = subject.expansion
    if expansion is None:
        return None
    start = {"axis": "start", "name": None, **_counted(expansion.start)}
    return {
        "solved": [start, *map(_step, expansion.solved)],
        "published": [start, *map(_step, expansion.published)] if expansion.published else [],
    }


def download(subject: Subject) -> dict[str, str] | None:
    """The preset to download, in the two parts between which the factors stand."""
    file = f"{subject.architecture.name}_custom.yaml"
    try:
        changed = replace(subject.resolved.network, identity=identity.changed(subject.source.identity))
        custom = replace(subject.resolved, network=changed)
        text = preset.text(custom, subject.source.origins[-1].path.parent / file)
    except SpecError:
        return None
    lines = text.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("factors: {"))
    before, after = lines[:at], lines[at + 1 :]
    return {"file": file, "before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n"}


def _called(architecture: Architecture) -> str:
    title = architecture.source.identity.title.split(",")[0]
    return title if 0 < len(title) <= 20 else architecture.name


def _step(step: Step) -> dict[str, Any]:
    return {"axis": step.axis, "name": step.reaches, "named": _counted(step.named), **_counted(step.counts)}


def _counted(counts: Counts) -> dict[str, int]:
    return {quantity: counts[quantity] for quantity in ALWAYS}
