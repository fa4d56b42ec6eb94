"""The closed form of the MACs as the page shows it: without rounding, a row for each term, and its share."""

from __future__ import annotations

from dataclasses import dataclass

from x3dspec.formula import printers
from x3dspec.formula.closed_form import derive
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved

#: Characters of MathML that a page has room for; a formula of more is none that is read.
MOST_MARKUP = 40_000


@dataclass(frozen=True)
class Summand:
    """A term as presentation elements of MathML Core, and its part of the whole at the page's factors.

    Terms of a sum may be negative; the shares add up to 1.
    """

    mathml: str
    share: float

    @property
    def percent(self) -> str:
        """The share as the page says it."""
        if abs(self.share) < 0.0005:
            return "< 0.1 %"
        return f"{100 * self.share:.1f} %".replace("-", "\N{MINUS SIGN}")

    @property
    def width(self) -> str:
        """The length of its bar, of 100; where terms are taken off, another may be more than the whole."""
        return f"{min(100 * abs(self.share), 100):.3f}"


def summands(resolved: Resolved) -> tuple[Summand, ...]:
    """The terms of the MACs, largest first; none where there is no closed form, or one too long to read."""
    try:
        form = derive(resolved.architecture, relaxed=True, setting=resolved.setting)
    except SpecError:
        return ()
    written = [printers.mathml(term) for term in form.summands]
    parts = form.parts(form.setting)
    total = sum(parts)
    if sum(map(len, written)) > MOST_MARKUP or total == 0:
        return ()
    return tuple(Summand(term, float(part / total)) for term, part in zip(written, parts, strict=True))
