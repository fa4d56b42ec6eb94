"""The networks that ship on the same base, and how far a factor's slider goes to show them all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from x3dspec.language import shipped
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture, load
from x3dspec.network.factors import complete
from x3dspec.network.layers import Factor

#: A factor without a maximum goes on to twice what the presets use.
HEADROOM = 2
#: What to take for that where they all leave the factor at 0.
UNKNOWN = 4

Named = tuple[Architecture, Mapping[str, Exact]]


def presets(base: Architecture) -> list[Named]:
    """The shipped networks on a base, each with every factor's value; `base` sets no factors itself."""
    path = base.source.origins[-1].path
    others = [other for other in map(load, shipped.shipped()) if other.source.origins[-1].path == path]
    return [(other, complete(base.source, other.source.factors)) for other in others]


def last_rung(factor: Factor, settings: Iterable[Mapping[str, Exact]]) -> int:
    """Grid steps to where a slider ends: within the domain, beyond all the values of the settings."""
    most = max(float(values[factor.name]) for values in settings) or UNKNOWN
    steps = max(math.ceil(HEADROOM * most / float(factor.grid)), 4)
    return max(steps if factor.high is None else min(steps, math.floor(factor.high / factor.grid)), 1)
