"""The expressions of a document, built within its bounds; what is wrong with them is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from x3dspec.language.errors import Problem, SpecError
from x3dspec.language.expressions import ONE, Expr
from x3dspec.language.grammar import MAX_OPERATIONS
from x3dspec.language.meaning import build
from x3dspec.language.paths import Path
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError, Syntax, size

#: Layers of all distinct blocks of all stages. X2D has 168; aliases and cycles could ask for millions.
MAX_LAYERS = 4096


class Builder:
    """What one lowering has built so far.

    Attributes:
        problems: what is wrong, in the order in which it was met.
        stage: the name of the stage at hand.
        layers, operations: how many so far.
        own_clip: the sizes that reach a layer of a stage where the clip is the spec's own.
    """

    def __init__(self, source: Source, own_clip: Callable[[Path], tuple[Expr, ...]]) -> None:
        self.source = source
        self.own_clip = own_clip
        self.problems: list[Problem] = []
        self.stage = ""
        self.layers = 0
        self.operations = 0

    def stop_at_problems(self) -> None:
        """Raise a SpecError with all of them, if there are any."""
        if self.problems:
            raise SpecError(self.problems)

    def report(self, path: Path, message: str) -> None:
        """Keep a problem. Many stages may use a block: which of them, its own line does not show."""
        where = f"stage {self.stage}: " if path[:1] == ("blocks",) else ""
        self.problems.append(self.source.document.problem(path, where + message))

    def build(self, tree: Syntax, path: Path, scope: Mapping[str, Expr | str], index: int = 0) -> Expr:
        """The expression at `path`; where it has none, the problem is kept and 1 stands in."""
        self.operations += size(tree)
        if self.operations > MAX_OPERATIONS:
            self.report(path, f"in all stages, more than {MAX_OPERATIONS} operations")
            self.stop_at_problems()
        try:
            return build(tree, scope, index)
        except ExpressionError as error:
            self.report(path, str(error))
            return ONE

    def count_layer(self, path: Path) -> None:
        """One layer more, at `path`."""
        self.layers += 1
        if self.layers > MAX_LAYERS:
            self.report(path, f"more than {MAX_LAYERS} layers in all distinct blocks")
            self.stop_at_problems()
