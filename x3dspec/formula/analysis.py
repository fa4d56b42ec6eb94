"""All that is derived of how a network scales: what a person would work out on paper, for any spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from x3dspec.formula.closed_form import Formula, derive
from x3dspec.formula.compound import Compound, Ray, compound, ray
from x3dspec.formula.exchange import Exchange, exchanges
from x3dspec.formula.growth import Makeup, makeup
from x3dspec.formula.roundings import Rounded, roundings
from x3dspec.network.architecture import Architecture
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import ALWAYS
from x3dspec.network.receptive import Seen, seen
from x3dspec.network.units import Target


@dataclass(frozen=True)
class Together:
    """Several factors moved for one target, by their weights."""

    target: Target
    weights: Mapping[str, Fraction]
    compound: Compound | None
    ray: Ray | None


@dataclass(frozen=True)
class Analysis:
    """How a network scales, at some values of its factors.

    Attributes:
        costs: without rounding, by quantity.
        exchanges: elasticities and exchange rates, a factor each.
        makeup: the MACs by kinds of layers.
        rounded: what each rounding does to the MACs.
        frames: None of a 2-D network.
    """

    name: str
    costs: Mapping[str, Formula]
    exchanges: tuple[Exchange, ...]
    makeup: Makeup
    rounded: Rounded
    frames: Seen | None
    pixels: Seen
    together: Together | None = None


def analyse(
    architecture: Architecture,
    setting: Setting | None = None,
    target: Target | None = None,
    weights: Mapping[str, Fraction] | None = None,
) -> Analysis:
    """The analysis of a network; with `target` and `weights` also of factors that are moved together.

    Raises:
        SpecError: no network at these values, or a form too large to be multiplied out.
    """
    network = architecture.at(setting or {}).network
    frames, pixels, _ = seen(network)
    return Analysis(
        architecture.name,
        {name: derive(architecture, name, relaxed=True, setting=setting) for name in ALWAYS},
        exchanges(architecture, setting=setting),
        makeup(architecture, setting=setting),
        roundings(architecture, setting=setting),
        None if network.frames is None else Seen(network.frames, frames),
        Seen(network.size, pixels),
        None if target is None else together(architecture, target, weights or {}, setting),
    )


def together(
    architecture: Architecture,
    target: Target,
    weights: Mapping[str, Fraction],
    setting: Setting | None = None,
) -> Together:
    """Factors that are moved for a target in proportion to their weights, and along their ray.

    Raises:
        SpecError: an unknown factor, no positive weight, a factor in an exponent.
    """
    cost = (target.quantity, target.value)
    return Together(
        target,
        weights,
        compound(architecture, weights, *cost, setting=setting),
        ray(architecture, weights, *cost, setting=setting),
    )
