"""How expressions are spelled: as a spec would, in LaTeX, in exact Python.

A notation is one more number system for expressions: its numbers are pieces of text that know how
tightly they bind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from x3dspec.language import numbers as exact
from x3dspec.language.expressions import Expr, Tape
from x3dspec.language.numbers import Exact, Root

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


@dataclass(frozen=True)
class Piece:
    """Spelled-out text. `value` is the number that it is, `parts` what a quotient is made of."""

    text: str
    binds: int = _ATOM
    value: Exact | None = None
    parts: tuple[Piece, Piece] | None = None

    def within(self, binds: int) -> str:
        """The text where something that binds as tightly as `binds` expects an operand."""
        return self.text if self.binds >= binds and self.text[0] != "-" else self.bracketed

    @property
    def bracketed(self) -> str:
        return f"({self.text})"


class Text:
    """The spelling of specs, which is also sympy's: ``T*S_res2**2*(w_res2 + 27)``."""

    def name(self, name: str) -> str:
        return name

    def spelled(self, node: Expr, names: Iterable[str]) -> str:
        """One expression over `names`."""
        [piece] = Tape[Piece]([node]).run(self, {name: Piece(self.name(name)) for name in names})
        return str(piece.text)

    def constant(self, value: Exact) -> Piece:
        if isinstance(value, Root):
            root = self.power(self.constant(value.radicand), self.constant(Fraction(1, value.degree)))
            return replace(root, value=value)
        if value.denominator > 1:
            return self.fraction(value)
        return Piece(str(value), _ATOM, value)

    def fraction(self, value: Fraction) -> Piece:
        return Piece(str(value), _PRODUCT, value)

    def add(self, a: Piece, b: Piece) -> Piece:
        if b.text.startswith("-"):
            return Piece(f"{a.text} - {b.text[1:]}", _SUM)
        return Piece(f"{a.text} + {b.text}", _SUM)

    def multiply(self, a: Piece, b: Piece) -> Piece:
        if a.value is not None and exact.sign(a.value) < 0:
            return Piece("-" + self.multiply(self.constant(-a.value), b).within(_PRODUCT), _PRODUCT)
        if a.value == 1:
            return b
        if isinstance(a.value, Fraction) and a.value.numerator == 1:
            return self.divide(b, self.constant(Fraction(a.value.denominator)))
        return Piece(self.product(a.within(_PRODUCT), b.within(_PRODUCT)), _PRODUCT)

    def product(self, left: str, right: str) -> str:
        return f"{left}*{right}"

    def divide(self, a: Piece, b: Piece) -> Piece:
        return Piece(f"{a.within(_PRODUCT)}/{b.within(_POWER)}", _PRODUCT, parts=(a, b))

    def power(self, a: Piece, b: Piece) -> Piece:
        if b.value == Fraction(1, 2):
            return self.call("sqrt", a)
        return Piece(f"{a.within(_ATOM)}**{b.within(_ATOM)}", _POWER)

    def call(self, function: str, *arguments: Piece) -> Piece:
        return Piece(f"{function}({', '.join(argument.text for argument in arguments)})")

    def floor(self, a: Piece) -> Piece:
        return self.call("floor", a)

    def ceil(self, a: Piece) -> Piece:
        return self.call("ceil", a)

    def minimum(self, a: Piece, b: Piece) -> Piece:
        return self.call("min", a, b)

    def maximum(self, a: Piece, b: Piece) -> Piece:
        return self.call("max", a, b)

    def equal(self, a: Piece, b: Piece) -> Piece:
        return Piece(f"({a.text} == {b.text})")

    def round_to(self, a: Piece, step: Piece) -> Piece:
        return self.call("round", a) if step.value == 1 else self.call("round_to", a, step)

    def round_width(self, a: Piece, divisor: Piece) -> Piece:
        return self.call("round_width", a, *([] if divisor.value == 8 else [divisor]))

    def residues(self, count: Piece, residue: Piece, period: Piece) -> Piece:
        left = count if residue.value == 0 else Piece(f"{count.text} - {residue.text}", _SUM)
        return self.ceil(self.divide(left, period))


_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|"
    "upsilon|phi|chi|psi|omega"
)


class Latex(Text):
    """amsmath's."""

    def name(self, name: str) -> str:
        head, *tail = name.split("_", 1)
        index = f"_{{{_symbol(tail[0])}}}" if tail and tail[0] else ""
        return _symbol(head) + index

    def fraction(self, value: Fraction) -> Piece:
        sign = "-" if value < 0 else ""
        return Piece(rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}", _PRODUCT, value)

    def product(self, left: str, right: str) -> str:
        return rf"{left} \cdot {right}" if right[0].isdigit() else rf"{left} \, {right}"

    def divide(self, a: Piece, b: Piece) -> Piece:
        return Piece(rf"\frac{{{a.text}}}{{{b.text}}}", _PRODUCT, parts=(a, b))

    def power(self, a: Piece, b: Piece) -> Piece:
        if b.value == Fraction(1, 2):
            return Piece(rf"\sqrt{{{a.text}}}")
        return Piece(f"{a.within(_ATOM)}^{{{b.text}}}", _POWER)

    def call(self, function: str, *arguments: Piece) -> Piece:
        listed = ", ".join(argument.text for argument in arguments)
        return Piece(rf"\operatorname{{{function}}}({listed})")

    def floor(self, a: Piece) -> Piece:
        return Piece(rf"\left\lfloor {a.text} \right\rfloor")

    def ceil(self, a: Piece) -> Piece:
        return Piece(rf"\left\lceil {a.text} \right\rceil")

    def equal(self, a: Piece, b: Piece) -> Piece:
        return Piece(f"[{a.text} = {b.text}]")

    def round_to(self, a: Piece, step: Piece) -> Piece:
        index = "" if step.value == 1 else f"_{{{step.text}}}"
        return Piece(rf"\operatorname{{round}}{index}({a.text})")

    def round_width(self, a: Piece, divisor: Piece) -> Piece:
        return Piece(rf"\operatorname{{roundwidth}}_{{{divisor.text}}}({a.text})")


def _symbol(word: str) -> str:
    if _GREEK.fullmatch(word):
        return rf"\{word}"
    escaped = word.replace("_", r"\_")
    return escaped if len(word) == 1 else rf"\mathrm{{{escaped}}}"


class Python(Text):
    """A function body over ints and Fractions, which never meets a float division."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def name(self, name: str) -> str:
        return self._names[name]

    def product(self, left: str, right: str) -> str:
        return f"{left} * {right}"

    def fraction(self, value: Fraction) -> Piece:
        return Piece(f"Fraction({value.numerator}, {value.denominator})", _ATOM, value)

    def divide(self, a: Piece, b: Piece) -> Piece:
        return Piece(f"Fraction({a.text}, {b.text})", parts=(a, b))

    def power(self, a: Piece, b: Piece) -> Piece:
        if isinstance(b.value, Fraction) and b.value.denominator == 1:
            return Piece(f"{a.within(_ATOM)}**{b.within(_ATOM)}", _POWER)
        return self.call("real_power", a, b)

    def floor(self, a: Piece) -> Piece:
        return self.call("math.floor", a) if a.parts is None else Piece(_quotient(*a.parts), _SUM)

    def ceil(self, a: Piece) -> Piece:
        if a.parts is None:
            return self.call("math.ceil", a)
        above, below = a.parts
        return Piece(f"-({_quotient(Piece('-' + above.within(_PRODUCT), _PRODUCT), below)})", _SUM)

    def equal(self, a: Piece, b: Piece) -> Piece:
        return Piece(f"int({a.text} == {b.text})")

    def round_to(self, a: Piece, step: Piece) -> Piece:
        return self.call("round_to", a, step)

    def round_width(self, a: Piece, divisor: Piece) -> Piece:
        return self.call("round_width", a, divisor)


def _quotient(above: Piece, below: Piece) -> str:
    left = above.text if above.binds >= _PRODUCT else above.bracketed
    return f"{left} // {below.within(_POWER)}"
