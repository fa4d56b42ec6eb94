"""The names that an expression may read, and what is said of those that it may not."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from x3dspec.language import schema
from x3dspec.language.document import Document
from x3dspec.language.errors import Problem, nearest, shown, unknown
from x3dspec.language.numbers import ExactError
from x3dspec.language.paths import Path
from x3dspec.language.syntax import ExpressionError, Syntax, cycles, names
from x3dspec.language.values import SIZED, number, sized

#: Unknown names of a file that get a hint: the nearest of a thousand names takes its time.
MAX_HINTS = 8


class Scopes:
    """One document; `everywhere` are the names that all of its expressions may read."""

    def __init__(self, document: Document, file: schema.NetworkFile) -> None:
        self.document = document
        self.file = file
        self.unknown_names = 0
        self.everywhere = [*file.factors, *file.options, "classes"]

    def problem(self, path: Path, message: str, *, key: bool = False) -> Problem:
        """What is wrong at a path; `key` where it is the key and not its value."""
        return self.document.problem(path, message, key=key)

    def undefined(
        self, path: Path, tree: Syntax, scope: Collection[str], owner: str = "this spec has"
    ) -> Iterator[Problem]:
        """The names of an expression that `scope` does not have."""
        for name in dict.fromkeys(names(tree)):
            if name in scope:
                continue
            self.unknown_names += 1
            if self.unknown_names > MAX_HINTS:
                yield self.problem(path, f"unknown name {shown(name)}")
                continue
            factors = [factor for factor in self.file.factors if factor in scope]
            if nearest(name, scope) in factors or len(factors) == len(scope):
                yield self.problem(path, unknown("factor", name, factors, owner))
            else:
                yield self.problem(path, unknown("name", name, scope, "the names here are"))

    def outside_block(
        self, path: Path, tree: Syntax, scope: Collection[str], owner: str = "this spec has"
    ) -> Iterator[Problem]:
        """As :meth:`undefined`, where no blocks follow each other."""
        yield from self.undefined(path, tree, scope, owner)
        if any(cycles(tree)):
            yield self.problem(path, "cycle alternates between the blocks of a stage, and here are none")

    def no_factor_value(self, path: Path, tree: Syntax, *, positive: bool) -> Iterator[Problem]:
        """What keeps an expression from being a number that a factor may have."""
        try:
            value = number(tree)
            if value <= 0 and positive:
                yield self.problem(path, "must be above 0")
            elif not sized(value):
                yield self.problem(path, f"must be {SIZED}")
        except (ExpressionError, ExactError) as error:
            yield self.problem(path, str(error))
