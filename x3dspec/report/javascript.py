"""Expressions as JavaScript: one more number system, whose numbers are lines of a program.

What a page computes is thereby what the spec says, and not a second account of it. Whole numbers
become BigInts and plain operators; everything else calls ``templates/report_exact.js``, the same
exact arithmetic as :mod:`x3dspec.language.numbers`. Nothing of a spec's text reaches the program: factors are
places in an array, and all that is written are integers and names of our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from x3dspec.language.expressions import Expr
from x3dspec.language.numbers import Exact, Root
from x3dspec.language.tape import Tape


@dataclass(frozen=True)
class Term:
    """A name or a literal. `whole` where it is a BigInt whatever the factors are."""

    text: str
    whole: bool


class JavaScript:
    """An :class:`~x3dspec.language.expressions.Algebra` that writes down each operation as a line."""

    def __init__(self) -> None:
        self.constants: dict[str, str] = {}
        self.lines: list[str] = []

    def _line(self, text: str, *, whole: bool) -> Term:
        name = f"t{len(self.lines)}"
        self.lines.append(f"const {name}={text};")
        return Term(name, whole)

    def _either(self, a: Term, b: Term, plain: str, call: str) -> Term:
        """An operator where both are BigInts, otherwise a function of the same meaning."""
        whole = a.whole and b.whole
        text = plain if whole else f"{call}({a.text},{b.text})"
        return self._line(text, whole=whole)

    def constant(self, value: Exact) -> Term:
        if isinstance(value, Fraction) and value.denominator == 1:
            return Term(_integer(value.numerator), True)
        text = _root(value) if isinstance(value, Root) else _rational(value)
        return Term(self.constants.setdefault(text, f"c{len(self.constants)}"), False)

    def add(self, a: Term, b: Term) -> Term:
        return self._either(a, b, f"{a.text}+{b.text}", "add")

    def multiply(self, a: Term, b: Term) -> Term:
        return self._either(a, b, f"{a.text}*{b.text}", "mul")

    def divide(self, a: Term, b: Term) -> Term:
        return self._line(f"div({a.text},{b.text})", whole=False)

    def power(self, a: Term, b: Term) -> Term:
        return self._line(f"pow({a.text},{b.text})", whole=False)

    def floor(self, a: Term) -> Term:
        return self._line(f"floor({a.text})", whole=True)

    def ceil(self, a: Term) -> Term:
        return self._line(f"ceil({a.text})", whole=True)

    def minimum(self, a: Term, b: Term) -> Term:
        return self._either(a, b, f"{a.text}<{b.text}?{a.text}:{b.text}", "min")

    def maximum(self, a: Term, b: Term) -> Term:
        return self._either(a, b, f"{a.text}>{b.text}?{a.text}:{b.text}", "max")

    def equal(self, a: Term, b: Term) -> Term:
        return self._line(f"equal({a.text},{b.text})", whole=True)

    def round_to(self, a: Term, step: Term) -> Term:
        return self._line(f"roundTo({a.text},{step.text})", whole=step.whole)

    def round_width(self, a: Term, divisor: Term) -> Term:
        return self._line(f"roundWidth({a.text},{divisor.text})", whole=divisor.whole)

    def residues(self, count: Term, residue: Term, period: Term) -> Term:
        return self._line(f"residues({count.text},{residue.text},{period.text})", whole=True)


def function(roots: Iterable[Expr], variables: Sequence[str]) -> str:
    """The text of a function of an array of `variables` that gives the array of the roots' values."""
    algebra = JavaScript()
    places = {name: Term(f"v[{index}]", False) for index, name in enumerate(variables)}
    results = Tape[Term](roots).run(algebra, places)
    constants = "".join(f"const {name}={text};\n" for text, name in algebra.constants.items())
    body = "\n".join([*algebra.lines, f"return [{','.join(result.text for result in results)}];"])
    return f"(()=>{{\n{constants}return v=>{{\n{body}\n}};\n}})()"


def _integer(value: int) -> str:
    return f"{value}n" if value >= 0 else f"({value}n)"


def _rational(value: Fraction) -> str:
    return f"q({_integer(value.numerator)},{_integer(value.denominator)})"


def _root(value: Root) -> str:
    return f"pow({_rational(value.radicand)},{_rational(Fraction(1, value.degree))})"
