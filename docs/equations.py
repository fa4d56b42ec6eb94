"""The equations of the documentation, each derived by the tool: LaTeX in the repository, MathML on the site.

GitHub shows a block of the language ``math`` as mathematics; the site, which loads nothing from elsewhere,
gets the same equation from the same expressions (``docs/hooks.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy

import x3dspec
from x3dspec.formula import printers
from x3dspec.formula.closed_form import derive
from x3dspec.formula.elasticity import smooth
from x3dspec.formula.growth import makeup
from x3dspec.formula.real import Real
from x3dspec.formula.render import display
from x3dspec.formula.sympy_bridge import symbol, to_number

_LATEX = {"=": "=", "+": "+", "~": r"\approx"}
_MATHML = {"=": "=", "+": "+", "~": "\N{ALMOST EQUAL TO}"}


@dataclass(frozen=True)
class Row:
    """A line of an equation: what is on the left, if it begins there, and what follows the sign."""

    left: Any
    sign: str
    right: Any

    @property
    def latex(self) -> str:
        left = "" if self.left is None else printers.latex(self.left)
        return f"{left} &{_LATEX[self.sign]} {printers.latex(self.right)}"

    @property
    def mathml(self) -> str:
        left = "" if self.left is None else printers.mathml(self.left)
        right = f"<mo>{_MATHML[self.sign]}</mo>{printers.mathml(self.right)}"
        return f"<mtr><mtd>{left}</mtd><mtd>{right}</mtd></mtr>"


Rows = tuple[Row, ...]


def cost() -> Iterator[Rows]:
    """X2D's MACs without rounding, the largest term first."""
    first, *others = derive(x3dspec.load("x2d"), relaxed=True).summands
    yield Row(symbol("C"), "=", first), *(Row(None, "+", term) for term in others)


def steps() -> Iterator[Rows]:
    """Along each factor from the start: the cost, its inverse, and what twice the cost takes."""
    form = smooth(x3dspec.load("x2d"))
    for name in ("gamma_t", "gamma_s", "gamma_d", "gamma_w", "gamma_b"):
        factor = symbol(name)
        [solved] = x3dspec.solve("x2d", name, f"{2 * form.value} MACs").unknowns
        value = solved.value
        exact = value.expression if isinstance(value, Real) else to_number(value)
        yield (
            Row(symbol("C"), "=", form.along(factor)),
            Row(factor, "=", solved.closed_form),
            Row(None, "=", exact),
            Row(None, "~", sympy.Float(float(value), 5)),
        )


def ratio() -> Iterator[Rows]:
    """The two dearest kinds of layers of X3D, and what one block more adds of them."""
    made = makeup(x3dspec.load("x2d"))
    pair = made.dearest
    assert pair is not None
    share, limit = made.ratio(*pair), made.tendency(*pair, symbol("gamma_d"))
    above, below = (symbol(f"C_{kind.partition(' ')[0].replace('-', '')}") for kind in pair)
    yield Row(above / below, "=", share), Row(None, "~", limit)


EQUATIONS = {"equation_cost": cost, "equation_steps": steps, "equation_ratio": ratio}


def latex(name: str) -> str:
    """The blocks of one name as GitHub shows them."""
    return "\n".join(f"```math\n{_latex(rows)}\n```\n" for rows in EQUATIONS[name]())


def _latex(rows: Rows) -> str:
    return display([row.latex for row in rows]).removeprefix("\\[\n").removesuffix("\n\\]")


@lru_cache(maxsize=1)
def mathml() -> dict[str, str]:
    """The MathML of every equation by its LaTeX."""
    blocks = [rows for derived in EQUATIONS.values() for rows in derived()]
    return {_latex(rows): _mathml(rows) for rows in blocks}


def _mathml(rows: Rows) -> str:
    table = "".join(row.mathml for row in rows)
    return f'<div class="equation"><math display="block"><mtable>{table}</mtable></math></div>'
