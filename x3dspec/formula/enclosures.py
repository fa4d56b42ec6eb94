"""Formulas of sympy evaluated to numbers that are known to any digits.

Ends are certified by interval arithmetic, mpmath's, whatever was rounded on the way.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import sympy
from mpmath.ctx_iv import MPIntervalContext

from x3dspec.formula.real import DIGITS, Ends, Number, Real
from x3dspec.formula.sympy_bridge import from_number, to_number
from x3dspec.language.numbers import MAX_BITS
from x3dspec.language.syntax import ExpressionError

#: Characters of an exact form: of a longer one nobody reads more than its digits.
MAX_TEXT = 160
#: Bits of a power that is written out: of its base times its exponent.
MAX_POWER_BITS = 2**15

_IV = MPIntervalContext()


def evaluated(expression: Any, values: Mapping[Any, Number]) -> Number | None:
    """What an expression is at values of its symbols: rational where it is, None where it is not real."""
    used = {symbol: values[symbol] for symbol in expression.free_symbols}
    number = _exactly(expression, used)
    if number is not None and number.is_Rational and max(map(_bits, (number.p, number.q))) <= MAX_BITS:
        return from_number(number)
    try:
        return real(lambda digits: enclose(expression, used, digits), number)
    except (ValueError, ZeroDivisionError, ArithmeticError):
        return None


def substituted(expression: Any, values: Mapping[Any, Any]) -> Any:
    """An expression with numbers of sympy in the place of some of its symbols.

    Raises:
        ExpressionError: a power would become a number that fills the memory.
    """
    if not _affordable(expression, values):
        raise ExpressionError("a power is too large to be written out")
    return expression.xreplace(values)


def scaled(value: Real, by: int) -> Number:
    """Exactly so many times a number."""
    symbol = sympy.Dummy()
    product = evaluated(by * symbol, {symbol: value})
    assert product is not None, "a multiple of a real number is real"
    return product


def real(enclosed: Callable[[int], Ends], expression: Any = None) -> Real:
    """A number from its enclosures, and what it is in sympy where that is known.

    Raises:
        ValueError: an enclosure is not of a finite real number.
    """
    cached = functools.lru_cache(maxsize=None)(enclosed)
    low, high = cached(DIGITS[0])
    return Real(low, high, "" if expression is None else str(expression), expression, cached)


def enclose(expression: Any, values: Mapping[Any, Number], digits: int) -> Ends:
    """Two numbers that an expression lies between at values of its symbols.

    Raises:
        ValueError: it is not real, or may be a division by zero.
    """
    with _precision(digits):
        numbers = {symbol: _interval(values[symbol], digits) for symbol in expression.free_symbols}
        low, high = walk(expression, numbers, _IV)._mpi_
    return _fraction(low), _fraction(high)


def _interval(value: Number, digits: int) -> Any:
    if not isinstance(value, Real):
        return walk(to_number(value), {}, _IV)
    low, high = (walk(to_number(end), {}, _IV) for end in value.enclosed(digits))
    return _IV.mpf([low.a, high.b])


@contextmanager
def _precision(digits: int) -> Iterator[None]:
    """Interval arithmetic with so many digits, within."""
    before, _IV.dps = _IV.dps, digits
    try:
        yield
    finally:
        _IV.dps = before


def _fraction(raw: tuple[int, int, int, int]) -> Fraction:
    sign, mantissa, exponent, bits = raw
    if (not mantissa and exponent) or bits < 0 or abs(exponent) > 2**20:
        raise ValueError("not a finite number")
    size = Fraction(int(mantissa) * 2**exponent) if exponent >= 0 else Fraction(int(mantissa), 2**-exponent)
    return -size if sign else size


def walk(node: Any, values: Mapping[Any, Any], context: Any) -> Any:
    """The value of a sympy expression in one of mpmath's contexts.

    Raises:
        ValueError: it has none that is real.
    """
    if node.is_Rational:
        return context.mpf(int(node.p)) / context.mpf(int(node.q))
    if node.is_Symbol:
        return values[node]
    arguments = [walk(argument, values, context) for argument in node.args]
    if node.is_Add or node.is_Mul:
        return functools.reduce(operator.add if node.is_Add else operator.mul, arguments)
    if node.is_Pow:
        base, exponent = arguments
        return _power(node.exp, base, exponent, context)
    if isinstance(node, (sympy.Max, sympy.Min)):
        return functools.reduce(_larger if isinstance(node, sympy.Max) else _smaller, arguments)
    raise ValueError(f"{type(node).__name__} is not evaluated")


def _power(written: Any, base: Any, exponent: Any, context: Any) -> Any:
    if written.is_Integer:
        return base ** int(written)
    if written == sympy.S.Half:
        return context.sqrt(base)
    return context.exp(exponent * context.log(base))


def _larger(a: Any, b: Any) -> Any:
    if hasattr(a, "_mpi_"):
        return _IV.mpf([max(a.a, b.a, key=_point), max(a.b, b.b, key=_point)])
    return max(a, b)


def _smaller(a: Any, b: Any) -> Any:
    return -_larger(-a, -b)


def _point(value: Any) -> Fraction:
    return _fraction(value._mpi_[0])


def _exactly(expression: Any, values: Mapping[Any, Number]) -> Any:
    """The number in sympy, where it is real, short and cheap; else None."""
    numbers = {}
    for symbol, value in values.items():
        known = value.expression if isinstance(value, Real) else to_number(value)
        if known is None or known.has(sympy.CRootOf):
            return None
        numbers[symbol] = known
    if not _affordable(expression, numbers):
        return None
    number = expression.xreplace(numbers)
    if number.is_Rational:
        return number
    if any(not known.is_Rational for known in numbers.values()):
        number = sympy.expand(number)  # not radsimp, which writes text and parses it
    return number if number.is_real and len(str(number)) <= MAX_TEXT else None


def _affordable(expression: Any, numbers: Mapping[Any, Any]) -> bool:
    """Whether no power becomes a number that fills the memory."""
    bits = max(
        (_bits(n) for known in numbers.values() for r in known.atoms(sympy.Rational) for n in (r.p, r.q)),
        default=1,
    )
    for power in expression.atoms(sympy.Pow):
        exponent = power.exp.xreplace(numbers)
        if power.free_symbols and exponent.is_number and max(bits, 8) * abs(exponent) > MAX_POWER_BITS:
            return False
    return True


def _bits(value: int) -> int:
    return int(value).bit_length()
