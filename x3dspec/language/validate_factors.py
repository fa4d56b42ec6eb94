"""What a spec says of its factors, options and axes, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from x3dspec.language import schema
from x3dspec.language.errors import Problem, unknown
from x3dspec.language.expressions import variable
from x3dspec.language.linear import slope
from x3dspec.language.meaning import build
from x3dspec.language.numbers import ExactError
from x3dspec.language.paths import Path
from x3dspec.language.scopes import Scopes
from x3dspec.language.syntax import ExpressionError, Syntax, names
from x3dspec.language.values import number


def problems(scopes: Scopes) -> Iterator[Problem]:
    """Everything wrong with them, in the order of the language reference."""
    yield from _factors(scopes)
    yield from _options(scopes)
    yield from _axes(scopes)
    yield from _published(scopes)


def _factors(scopes: Scopes) -> Iterator[Problem]:
    for index, (name, factor) in enumerate(scopes.file.factors.items()):
        path: Path = ("factors", name)
        before = list(scopes.file.factors)[:index]
        yield from scopes.outside_block((*path, "start"), factor.start, before, "the factors before it are")
        for key in ("grid", "min", "max"):
            tree = getattr(factor, key)
            if tree is not None:
                yield from scopes.no_factor_value((*path, key), tree, positive=key != "min")
        yield from _range(scopes, path, factor)


def _range(scopes: Scopes, path: Path, factor: schema.Factor) -> Iterator[Problem]:
    if factor.min is None or factor.max is None:
        return
    try:
        if number(factor.min) > number(factor.max):
            yield scopes.problem((*path, "min"), "must not be above max")
    except (ExpressionError, ExactError):
        return  # what has no value is reported above


def _options(scopes: Scopes) -> Iterator[Problem]:
    for name, option in scopes.file.options.items():
        if name in scopes.file.factors:
            yield scopes.problem(("options", name), "is also the name of a factor", key=True)
        if option.default not in option.choices:
            message = unknown("choice", str(option.default), map(str, option.choices), "the choices are")
            yield scopes.problem(("options", name, "default"), message)
        if len({type(choice) for choice in option.choices}) > 1:
            yield scopes.problem(("options", name, "choices"), "must be all whole numbers or all names")


def _axes(scopes: Scopes) -> Iterator[Problem]:
    scope = [*scopes.file.factors, "m"]
    for axis, changes in scopes.file.axes.items():
        moves = any("m" in names(tree) for tree in changes.values())
        if not moves:
            yield scopes.problem(("axes", axis), "changes nothing: one of its factors must depend on m")
        for factor, tree in changes.items():
            path: Path = ("axes", axis, factor)
            if factor not in scopes.file.factors:
                yield scopes.problem(path, unknown("factor", factor, scopes.file.factors), key=True)
            unknown_names = [*scopes.outside_block(path, tree, scope)]
            yield from unknown_names
            if moves and factor == next(iter(changes)) and not unknown_names:
                yield from _driving(scopes, path, tree, scope)


def _driving(scopes: Scopes, path: Path, tree: Syntax, scope: Iterable[str]) -> Iterator[Problem]:
    """The first factor that an axis changes: steps are solved for it."""
    try:
        linear = slope(build(tree, {name: variable(name) for name in scope}), "m") is not None
    except (ExpressionError, ExactError) as error:
        yield scopes.problem(path, str(error))
    else:
        if not linear:
            yield scopes.problem(path, "a step is solved for this factor: it must grow linearly with m")


def _published(scopes: Scopes) -> Iterator[Problem]:
    for index, step in enumerate(scopes.file.published):
        waypoint: Path = ("published", index)
        if step.axis not in scopes.file.axes:
            yield scopes.problem((*waypoint, "axis"), unknown("axis", step.axis, scopes.file.axes))
        for key in ("to", "contracted"):
            for factor, tree in (getattr(step, key) or {}).items():
                path = (*waypoint, key, factor)
                if factor not in scopes.file.factors:
                    yield scopes.problem(path, unknown("factor", factor, scopes.file.factors), key=True)
                yield from scopes.no_factor_value(path, tree, positive=True)
