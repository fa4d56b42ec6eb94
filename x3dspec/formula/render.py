"""Formulas as documents: text for a terminal, a LaTeX display, a Python module."""

from __future__ import annotations

import builtins
import keyword
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from x3dspec.formula import printers
from x3dspec.formula.closed_form import Formula
from x3dspec.formula.elasticity import Elasticity
from x3dspec.language import numbers
from x3dspec.language.errors import BadArgument, unknown
from x3dspec.language.numbers import Exact

FORMATS = ("text", "latex", "python")
WIDTH = 80
_UNBROKEN = "\N{NO-BREAK SPACE}"


def render(formula: Formula, form: str = "text", elasticities: Sequence[Elasticity] = ()) -> str:
    """The formula in one of :data:`FORMATS`. Elasticities are part of the text alone.

    Raises:
        SpecError: an unknown format.
    """
    if form not in FORMATS:
        raise BadArgument("format", unknown("format", form, FORMATS, "the formats are"))
    if form == "text":
        return text(formula, elasticities)
    return latex(formula) if form == "latex" else python(formula)


def text(formula: Formula, elasticities: Sequence[Elasticity] = ()) -> str:
    """For a terminal of 80 columns: definitions, the sum by stages, its value, elasticities."""
    lines = [*_wrapped(_heading(formula)), "", *_definitions(formula)]
    lines.append(f"{formula.quantity.name} =")
    lines += _shares(formula) if formula.relaxed else _stages(formula)
    lines += ["", *_wrapped(_valued(formula)), *_elasticities(elasticities)]
    return "\n".join(lines) + "\n"


def _heading(formula: Formula) -> str:
    rounding = "without rounding" if formula.relaxed else "with every rounding"
    return f"{formula.quantity.name} of {formula.spec}, {rounding} ({formula.quantity.meaning})"


def _definitions(formula: Formula) -> Iterator[str]:
    width = max((len(each.name) for each in formula.definitions), default=0)
    for each in formula.definitions:
        yield from _broken(printers.text(each.value), f"{each.name:{width}} = ", " " * (width + 3))
    if formula.definitions:
        yield ""


def _stages(formula: Formula) -> Iterator[str]:
    """An entry for each stage, its name in front."""
    width = max((len(term.stage) for term in formula.terms), default=0)
    plus = " "
    for term in formula.terms:
        stage = term.stage
        for summand in term.summands:
            sign, body = _signed(printers.text(summand), plus)
            yield from _broken(body, f"  {stage:{width}} {sign} ", " " * (width + 9))
            plus, stage = "+", ""


def _shares(formula: Formula) -> Iterator[str]:
    """A line for each term, with its share of the whole."""
    parts = [float(part) for part in formula.parts(formula.setting)]
    spelled = [printers.text(summand) for summand in formula.summands]
    entries = [" ".join(_signed(each, "+" if index else " ")) for index, each in enumerate(spelled)]
    width = max(map(len, entries), default=0)
    for entry, part in zip(entries, parts, strict=True):
        yield f"  {entry:{width}}  {100 * part / sum(parts):6.2f} %"


def _valued(formula: Formula) -> str:
    setting = ", ".join(f"{name} = {numbers.text(value)}" for name, value in formula.setting.items())
    value = _grouped(formula.value)
    return f"= {value} at {setting}" if setting else f"= {value}"


def _grouped(value: Exact | float) -> str:
    """A large number with separators; two decimals where it is not whole."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return f"{value.numerator:,}"
    return f"{numbers.approximate(value):,.2f}"


def _elasticities(elasticities: Sequence[Elasticity]) -> Iterator[str]:
    if not elasticities:
        return
    yield from ("", "elasticities, without rounding: 1 % more of a factor costs")
    width = max(len(each.factor) for each in elasticities)
    for each in elasticities:
        yield f"  {each.factor:{width}}  {float(each.value):.3f} %"


def _signed(summand: str, plus: str) -> tuple[str, str]:
    """The sign that ties it to what stands before it, and the rest."""
    return ("-", summand[1:]) if summand.startswith("-") else (plus, summand)


def _broken(spelled: str, head: str, indent: str) -> list[str]:
    """A formula in lines of the usual width: sums break before a sign, all else stays together."""
    tied = re.sub(r" ([+-]) ", r"\n\1 ", spelled).replace(" ", _UNBROKEN).replace("\n", " ")
    return [line.replace(_UNBROKEN, " ") for line in _wrapped(tied, head, indent)]


def _wrapped(words: str, head: str = "", indent: str = "") -> list[str]:
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def latex(formula: Formula) -> str:
    """A display for amsmath: a line for each definition and each summand."""
    rows = [f"{printers.latex(each.symbol)} &= {printers.latex(each.value)}" for each in formula.definitions]
    return display([*rows, *summed(rf"\mathrm{{{formula.quantity.name}}}", formula.summands)]) + "\n"


def summed(left: str, summands: Sequence[Any]) -> list[str]:
    """Rows of a display: what is on the left is a sum, a row each."""
    first, *others = [printers.latex(summand) for summand in summands] or ["0"]
    return [f"{left} &= {first}", *(rf"&\quad {' '.join(_signed(each, '+'))}" for each in others)]


def display(rows: Sequence[str]) -> str:
    """Rows of equations, for amsmath."""
    body = " \\\\\n".join(f"  {row}" for row in rows)
    return f"\\[\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n\\]"


def python(formula: Formula) -> str:
    """A module with one function of the formula's factors, which needs nothing but Python."""
    function = _function(formula, _python_names(formula))
    return f"{python_helpers(function)}\n\n{function}"


def python_helpers(function: str) -> str:
    """The module that a function stands in: imports, and what it calls."""
    helpers = ""
    for name, helper in _HELPERS.items():
        if re.search(rf"\b{name}\(", helpers + function):
            helpers += f"\n\n{helper.strip()}\n"
    imports = "import math\n" if "math." in helpers + function else ""
    return (
        f"from __future__ import annotations\n\n{imports}from fractions import Fraction\n\n"
        f"Number = int | Fraction\n{helpers}"
    )


def _function(formula: Formula, safe: Mapping[str, str]) -> str:
    result = "Fraction" if formula.relaxed else "int"
    body = [*_assignments(formula, safe), "    total = (", *_total(formula, safe), "    )"]
    exactness = "Exact for ints and Fractions: 2.2 is Fraction('2.2')."
    if any("real_power(" in line for line in body):
        exactness = "Exact for ints and Fractions but for roots, which are floats."
    lines = [
        *_signature(formula, safe, result),
        *_wrapped(f'"""{_heading(formula)}.', "    ", "    "),
        "",
        f"    {exactness}",
        '    """',
        *body,
        f"    return {result}(total)",
    ]
    return "\n".join(lines) + "\n"


def _signature(formula: Formula, safe: Mapping[str, str], result: str) -> list[str]:
    name, arguments = safe[formula.quantity.name], [f"{safe[each]}: Number" for each in formula.factors]
    line = f"def {name}({', '.join(arguments)}) -> {result}:"
    if len(line) <= WIDTH:
        return [line]
    return [f"def {name}(", *(f"    {argument}," for argument in arguments), f") -> {result}:"]


def _assignments(formula: Formula, safe: Mapping[str, str]) -> Iterator[str]:
    for each in formula.definitions:
        yield f"    {safe[each.name]} = {printers.python(each.value, safe)}"


def _total(formula: Formula, safe: Mapping[str, str]) -> Iterator[str]:
    plus = ""
    for term in formula.terms:
        if term.stage:
            yield f"        # {term.stage}"
        for summand in term.summands:
            sign, body = _signed(printers.python(summand, safe), plus)
            yield from _broken(body, f"        {sign} " if sign else "        ", " " * 12)
            plus = "+"
    if not plus:
        yield "        0"


def _python_names(formula: Formula) -> dict[str, str]:
    """A name that Python and the module leave free for each name of the formula."""
    reserved = {*dir(builtins), *keyword.kwlist, *_HELPERS, "Fraction", "Number", "math", "total"}
    safe: dict[str, str] = {}
    names = [*formula.factors, *(each.name for each in formula.definitions), formula.quantity.name]
    for name in names:
        free = name
        while free in reserved or free in safe.values():
            free += "_"
        safe[name] = free
    return safe


_HELPERS = {
    "round_width": '''
def round_width(x: Number, divisor: Number) -> Number:
    """The multiple of `divisor` nearest to `x`, at least one, and not below 90 % of `x`."""
    width = max(divisor, round_to(x, divisor))
    return width + divisor if 10 * width < 9 * x else width
''',
    "round_to": '''
def round_to(x: Number, step: Number) -> Number:
    """The multiple of `step` nearest to `x`, ties up."""
    return math.floor(Fraction(x) / step + Fraction(1, 2)) * step
''',
    "real_power": '''
def real_power(x: Number, exponent: Number) -> Fraction:
    """`x` to the `exponent`, to the precision of a float."""
    return Fraction(float(x) ** float(exponent))
''',
}
