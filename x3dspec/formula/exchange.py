"""What a network pays for through each factor: elasticities, exchange rates, and both in the limit.

All of it is read off the costs without rounding. Doubling the MACs through a factor multiplies another
quantity by 2 to the quotient of its elasticities: the exchange rate. As the factor grows, elasticities
tend to degrees; of convolutions these are the O(s), O(sqrt(s)), O(s) that Dollar et al. (Fast and
Accurate Model Scaling, CVPR 2021) tabulate for activations by depth, width and resolution, and the
exponents of alpha * beta**2 * gamma**2 in EfficientNet (Tan and Le, ICML 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from x3dspec.formula.closed_form import refusals
from x3dspec.formula.elasticity import Smooth, smooth
from x3dspec.formula.powers import leading
from x3dspec.network.architecture import Architecture
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import ALWAYS


@dataclass(frozen=True)
class Exchange:
    """How the quantities answer to one factor, which the MACs depend on.

    Attributes:
        elasticities: of each quantity, at the factor values: exact numbers of sympy.
        degrees: what these tend to as the factor grows; None where it stands in an exponent.
        formulas: the elasticities over all factors, and `along` that of the MACs over this one alone.
    """

    factor: str
    elasticities: Mapping[str, Any]
    degrees: Mapping[str, Any] | None
    formulas: Mapping[str, Any]
    along: Any

    @property
    def rates(self) -> dict[str, Any]:
        """By 2 to what each quantity is multiplied as the MACs double; empty where they stand still."""
        return _rates(self.elasticities)

    @property
    def limits(self) -> dict[str, Any]:
        """The same in the limit of a large factor."""
        return _rates(self.degrees or {})


def exchanges(architecture: Architecture, *, setting: Setting | None = None) -> tuple[Exchange, ...]:
    """A row for each factor that the MACs depend on. `setting` is as in :meth:`Architecture.at`.

    Raises:
        SpecError: a form too large to be multiplied out.
    """
    forms = {quantity: smooth(architecture, quantity, setting=setting) for quantity in ALWAYS}
    with refusals(architecture):
        return tuple(_exchange(factor, forms) for factor in forms["macs"].factors)


def _exchange(factor: Any, forms: Mapping[str, Smooth]) -> Exchange:
    elasticities = {quantity: form.elasticity(factor) for quantity, form in forms.items()}
    heads = {
        quantity: leading(form.along(factor, everywhere=True), factor) for quantity, form in forms.items()
    }
    degrees = {quantity: head[0] for quantity, head in heads.items() if head is not None}
    formulas = {quantity: form.formula(factor) for quantity, form in forms.items()}
    return Exchange(
        factor.name, elasticities, degrees if len(degrees) == len(forms) else None, formulas,
        forms["macs"].formula_along(factor),
    )  # fmt: skip


def _rates(answers: Mapping[str, Any]) -> dict[str, Any]:
    macs = answers.get("macs", 0)
    return {} if macs == 0 else {quantity: answer / macs for quantity, answer in answers.items()}
