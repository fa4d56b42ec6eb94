"""How formulas are spelled: as a spec would, in LaTeX, in MathML Core, in exact Python.

Each is sympy's own printer, taught the roundings of :mod:`x3dspec.formula.sympy_bridge`. Names come from
a spec, as identifiers; sympy's reading of them (``xhat``, ``w_bold``) is not ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy.core.alphabets import greeks
from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.pycode import PythonCodePrinter
from sympy.printing.str import StrPrinter

#: Letters that LaTeX has a command for, which it calls as we do.
_GREEK = {name.replace("lamda", "lambda"): greek_unicode[name] for name in greeks if name != "omicron"}


def text(value: Any) -> str:
    """As a spec says it: ``S_res2**2*(w_res2 + 27)``, ``round_to(112*gamma_s, 8)``."""
    return str(_Text().doprint(value))


def latex(value: Any) -> str:
    """For a display of amsmath."""
    return str(_Latex().doprint(value))


def mathml(value: Any) -> str:
    """Presentation elements of MathML Core, without the ``math`` element around them."""
    return str(_MathML().doprint(value)).replace("&InvisibleTimes;", "\N{INVISIBLE TIMES}")


def python(value: Any, names: Mapping[str, str]) -> str:
    """An expression over ints and Fractions that never meets a float division; `names` for its symbols.

    It calls ``round_to``, ``round_width``, ``real_power`` and ``math``.
    """
    return str(_Python(names).doprint(value))


def equation(name: str, expression: Any, form: str) -> str:
    """`name` equals an expression, or a float, as ``text``, ``latex`` or ``python``."""
    left, expression = sympy.Symbol(name), sympy.S(expression)
    if form == "latex":
        return f"{latex(left)} = {latex(expression)}"
    write = sympy.pycode if form == "python" else text
    return f"{write(left)} = {write(expression)}"


class _Text(StrPrinter):  # type: ignore[misc]
    def _print_ceiling(self, node: Any) -> str:
        return f"ceil({self.stringify(node.args, ', ')})"

    def _print_Max(self, node: Any) -> str:
        return f"{node.func.__name__.lower()}({self.stringify(_sorted(node), ', ')})"

    _print_Min = _print_Max

    def _print_RoundTo(self, node: Any) -> str:
        nearest = node.args[1] == 1
        return self._call("round", node.args[:1]) if nearest else self._call("round_to", node.args)

    def _print_RoundWidth(self, node: Any) -> str:
        return self._call("round_width", node.args[:1] if node.args[1] == 8 else node.args)

    def _print_Piecewise(self, node: Any) -> str:
        return f"({' == '.join(map(self._print, _sides(node)))})"

    def _call(self, function: str, arguments: Any) -> str:
        return f"{function}({self.stringify(arguments, ', ')})"


class _Latex(LatexPrinter):  # type: ignore[misc]
    def _print_Symbol(self, symbol: Any, style: str = "plain") -> str:
        stem, index, primes = _name(symbol.name)
        return _letters(stem) + "'" * primes + (f"_{{{_letters(index)}}}" if index else "")

    def _print_RoundTo(self, node: Any, exp: str = "") -> str:
        return self._rounding("round", node, exp)

    def _print_RoundWidth(self, node: Any, exp: str = "") -> str:
        return self._rounding("roundwidth", node, exp)

    def _rounding(self, function: str, node: Any, exponent: str) -> str:
        """The function with its step as an index."""
        x, step = map(self._print, node.args)
        index = "" if node.args[1] == 1 else f"_{{{step}}}"
        raised = f"^{{{exponent}}}" if exponent else ""
        return rf"\operatorname{{{function}}}{raised}{index}\left({x}\right)"

    def _print_Piecewise(self, node: Any) -> str:
        return rf"\left[{' = '.join(map(self._print, _sides(node)))}\right]"


def _letters(word: str) -> str:
    if word in _GREEK:
        return rf"\{word}"
    escaped = word.replace("_", r"\_")
    return escaped if len(word) == 1 else rf"\mathrm{{{escaped}}}"


class _MathML(MathMLPresentationPrinter):  # type: ignore[misc]
    def _print_Symbol(self, symbol: Any, style: str = "plain") -> Any:
        stem, index, primes = _name(symbol.name)
        base = self._leaf("mi", _GREEK.get(stem, stem) + "\N{PRIME}" * primes)
        return self._tree("msub", base, self._leaf("mi", _GREEK.get(index, index))) if index else base

    def _print_Pow(self, power: Any) -> Any:
        """An index and an exponent stand above each other."""
        raised = super()._print_Pow(power)
        base = raised.firstChild
        if raised.tagName != "msup" or base.tagName != "msub":
            return raised
        return self._tree("msubsup", *list(base.childNodes), raised.lastChild)

    def _print_RoundTo(self, node: Any) -> Any:
        return self._rounding("round", node)

    def _print_RoundWidth(self, node: Any) -> Any:
        return self._rounding("roundwidth", node)

    def _rounding(self, function: str, node: Any) -> Any:
        x, step = node.args
        name = self._leaf("mi", function)
        return self._tree(
            "mrow",
            name if step == 1 else self._tree("msub", name, self._print(step)),
            self._tree("mrow", self._leaf("mo", "("), self._print(x), self._leaf("mo", ")")),
        )

    def _print_Piecewise(self, node: Any) -> Any:
        a, b = map(self._print, _sides(node))
        return self._tree(
            "mrow", *(self._leaf("mo", "["), a, self._leaf("mo", "="), b, self._leaf("mo", "]"))
        )

    def _leaf(self, tag: str, content: str) -> Any:
        return self._tree(tag, self.dom.createTextNode(content))

    def _tree(self, tag: str, *children: Any) -> Any:
        element = self.dom.createElement(tag)
        for child in children:
            element.appendChild(child)
        return element


def _name(name: str) -> tuple[str, str, int]:
    """A name's letter, its index, and how often it is primed: that is, ends in an underscore."""
    plain = name.rstrip("_")
    stem, _, index = plain.partition("_")
    return stem, index, len(name) - len(plain)


class _Python(PythonCodePrinter):  # type: ignore[misc]
    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__({"user_functions": {"RoundTo": "round_to", "RoundWidth": "round_width"}})
        self._names = names

    def _print_Symbol(self, symbol: Any) -> str:
        return self._names[symbol.name]

    def _print_Rational(self, value: Any) -> str:
        return f"Fraction({value.p}, {value.q})"

    def _print_Mul(self, product: Any) -> str:
        number, rest = product.as_coeff_Mul()
        if number.could_extract_minus_sign():
            return f"-{self._factor(-number * rest)}"
        return "*".join(map(self._factor, product.as_ordered_factors()))

    def _factor(self, value: Any) -> str:
        plain = value.is_Rational and value.is_positive
        return str(self._print(value) if plain else self.parenthesize(value, PRECEDENCE["Mul"]))

    def _print_Pow(self, power: Any, rational: bool = False) -> str:
        base, exponent = power.args
        if not exponent.is_Integer:
            return f"real_power({self._print(base)}, {self._print(exponent)})"
        if exponent < 0:
            return f"Fraction({self._print(base)})**{exponent}"
        return f"{self.parenthesize(base, PRECEDENCE['Pow'], strict=False)}**{exponent}"

    def _print_Max(self, node: Any) -> str:
        return f"{node.func.__name__.lower()}({', '.join(map(self._print, _sorted(node)))})"

    _print_Min = _print_Max

    def _print_Piecewise(self, node: Any) -> str:
        return f"int({' == '.join(map(self._print, _sides(node)))})"


def _sides(node: Any) -> tuple[Any, Any]:
    """The two sides of the equality that is 1 where it holds."""
    (_, condition), _ = node.args
    a, b = condition.args
    return a, b


def _sorted(node: Any) -> list[Any]:
    return sorted(node.args, key=lambda argument: argument.sort_key())
