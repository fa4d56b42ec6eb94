"""Words that depend on the spec: every factor it declares is an option."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import typer

from x3dspec.language import machine_file
from x3dspec.language.errors import Problem, SpecError, nearest, unknown
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import parse_number
from x3dspec.network.architecture import Architecture, load

#: For commands whose options are not all known before the spec is read.
OPEN = {"ignore_unknown_options": True, "allow_interspersed_args": True}


@dataclass(frozen=True)
class Words:
    """What was typed besides the command's own options: specs, and ``--factor value`` pairs."""

    specs: tuple[str, ...]
    factors: tuple[tuple[str, str], ...]


def split(words: list[str]) -> Words:
    """Tell specs and factor options apart."""
    specs: list[str] = []
    factors: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            specs.append(word)
            continue
        name, equals, value = word.partition("=")
        if not equals:
            value = next(rest, "")
        factors.append((name, value))
    return Words(tuple(specs), tuple(factors))


def single(words: list[str], command: str, context: typer.Context) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The one spec of a command, and the factor options."""
    found = split(words)
    if len(found.specs) != 1:
        for (
            option,
            _,
        ) in found.factors:  # an option of the command, misspelt, takes the next word for its value
            if guess := _misspelt(option, context):
                raise SpecError.at(option, f"unknown option; did you mean {guess}?")
        wrong = "missing SPEC" if not found.specs else f"one SPEC, not {len(found.specs)}"
        raise SpecError.at(f"x3dspec {command}", f"{wrong}. Try 'x3dspec {command} --help'.")
    return found.specs[0], found.factors


def opened(
    spec: str, choices: list[str], clip: str | None = None, machine: str | None = None
) -> Architecture:
    """The spec with ``--set``, ``--clip`` and ``--machine`` applied."""
    architecture = chosen(load(spec), choices).on(None if machine is None else machine_file.read(machine))
    return architecture if clip is None else _at_clip(architecture, clip)


def timed_form(form: str, architecture: Architecture) -> str:
    """The same form, unless another one than the machine's is chosen."""
    machine = architecture.source.machine
    if machine is not None and form not in ("train", machine.form):
        raise SpecError.at("--machine", f"has timed the {machine.form} form, not {form}")
    return form


def chosen(architecture: Architecture, choices: list[str]) -> Architecture:
    """The same spec with ``--set`` applied."""
    for choice in choices:
        name, equals, value = choice.partition("=")
        if not equals:
            raise SpecError.at("--set", f"{choice!r} is not of the form name=value")
        whole = value.isascii() and value.removeprefix("-").isdigit() and len(value) < 12
        try:
            architecture = architecture.choose(**{name: int(value) if whole else value})
        except SpecError as error:
            raise SpecError(replace(each, source=each.source or "--set") for each in error.problems) from None
    return architecture


def _at_clip(architecture: Architecture, clip: str) -> Architecture:
    parts = clip.lower().replace("×", "x").split("x")
    if not all(re.fullmatch("[0-9]{1,5}", part) for part in parts) or len(parts) > 2:
        raise SpecError.at("--clip", f"{clip!r} is not FRAMESxSIZE such as 16x224, or SIZE for 2-D")
    *frames, size = (int(part) for part in parts)
    if not frames and architecture.source.network.input.frames is not None:
        raise SpecError.at("--clip", "this network is 3-D: write FRAMESxSIZE, such as 16x224")
    return architecture.at_clip(frames[0] if frames else None, size)


def values(
    architecture: Architecture, factors: tuple[tuple[str, str], ...], context: typer.Context
) -> dict[str, Exact]:
    """The factor options as exact numbers.

    Raises:
        SpecError: with every option that is no factor, and every value that is no number.
    """
    declared = architecture.source.network.factors
    found: dict[str, Exact] = {}
    problems: list[Problem] = []
    for option, text in factors:
        name = option.lstrip("-").replace("-", "_")
        if name not in declared:
            problems.append(Problem(option, 0, 0, "", _unknown(option, text, architecture, context)))
            continue
        if not text:
            problems.append(Problem(option, 0, 0, "", "needs a value"))
            continue
        try:
            found[name] = parse_number(text)
        except (ExpressionError, ExactError) as error:
            problems.append(Problem(option, 0, 0, "", str(error)))
    if problems:
        raise SpecError(problems)
    return found


def _unknown(option: str, text: str, architecture: Architecture, context: typer.Context) -> str:
    """What the spec does not declare may be a choice of the spec, or a misspelt option of the command."""
    name = option.lstrip("-").replace("-", "_")
    choice = "classes" if name == "num_classes" else name
    if choice in {**architecture.source.options, "classes": 0}:
        return f"is chosen by --set {choice}={text or 'VALUE'}"
    if guess := _misspelt(option, context):
        return f"unknown option; did you mean {guess}?"
    if len(name) == 1:
        return f"unknown option; try '{context.command_path} --help'."
    return unknown("factor", name, architecture.source.network.factors)


def _misspelt(option: str, context: typer.Context) -> str | None:
    own = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
    return nearest(option, own)
