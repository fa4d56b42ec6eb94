"""A judge that somebody else wrote: found by its name, called, and whatever it does told in one line."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from x3dspec.language.errors import BadArgument, Infeasible, SpecError

#: Of what an error says, as much as one line holds.
MAX_SAID = 200


def function(name: str) -> Callable[[Any], Any]:
    """The function of ``package.module:function``; modules of the current folder are found, after all others.

    Raises:
        SpecError: there is none, or its module cannot be imported: with the error's own place.
    """
    module, _, attribute = name.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever a stranger's module does when it is run
        raise SpecError.at(*_told(name, error)) from None
    if not callable(found):
        raise BadArgument("judge", f"{name} is no function")
    return found  # type: ignore[no-any-return]


def numbers(name: str, function: Callable[[Any], Any], candidates: Sequence[Any]) -> list[float]:
    """What the function says of the candidates: as many numbers.

    Raises:
        Infeasible: it raised something, with the line of its own module where that was.
        SpecError: it gave something else.
    """
    try:
        values = function(candidates)
        values = list(values) if isinstance(values, Iterable) else values
    except (Exception, SystemExit) as error:
        raise Infeasible(": ".join(_told(name, error))) from None
    if not isinstance(values, list):
        raise BadArgument("judge", f"{name} gave {_shown(values)}, which is no list of numbers")
    if len(values) != len(candidates):
        message = f"{name} gave {len(values)} scores for {len(candidates)} candidates"
        raise BadArgument("judge", message)
    return [_number(name, value) for value in values]


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except Exception:  # its own __float__
        raise BadArgument("judge", f"{name} gave {_shown(value)}, which is no number") from None


def _shown(value: Any) -> str:
    plain = value is None or isinstance(value, str | int | float)
    return f"{value!r:.60}" if plain else f"a {type(value).__name__}"


def _told(name: str, error: BaseException) -> tuple[str, str]:
    """Where an error is, in the judge's own file if it went through that, and what it is."""
    said = f"{type(error).__name__}: {error}".partition("\n")[0][:MAX_SAID]
    if isinstance(error, SyntaxError) and error.filename:
        said = f"{type(error).__name__}: {error.msg}"
        return f"{_brief(error.filename)}:{error.lineno}", f"--judge {name}: {said}"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not _is_ours(each.filename)]
    if not frames:
        return "--judge", f"{name}: {said}"
    module = sys.modules.get(name.partition(":")[0])
    own = [each for each in frames if each.filename == getattr(module, "__file__", frames[0].filename)]
    last = (own or frames)[-1]
    return f"{_brief(last.filename)}:{last.lineno}", f"--judge {name}: {said}"


def _is_ours(file: str) -> bool:
    """Whether a frame is this module's, or one of Python's import system."""
    return file in (__file__, importlib.__file__) or file.startswith("<frozen importlib")


def _brief(file: str) -> str:
    """A path from here, where it is below."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
