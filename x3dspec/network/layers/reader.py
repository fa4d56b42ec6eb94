"""How a layer's shape rule reads the keys of its document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from x3dspec.language import fields
from x3dspec.language.errors import shown
from x3dspec.language.expressions import Expr
from x3dspec.language.paths import Path
from x3dspec.language.syntax import Syntax
from x3dspec.network.layers.tree import whole

#: A kernel, stride or padding is no larger.
MAX_WINDOW = 1024


@dataclass(frozen=True)
class Reader:
    """One layer of a document, and what its rule may ask of the lowering.

    Attributes:
        kind: the layer's key, such as ``max_pool``.
        keys: the validated mapping below it.
        base: the arguments that every layer has: name, origin, when, inputs.
        build: reads an expression at a path.
        text: the text that a syntax tree is: quoted, or an option's choice.
        report: keeps a problem with its path.
        body: lowers a list of layers at a path that hang on a condition: the layers, and the shape
            behind them.
        own_clip: the sizes that reach a layer of a stage when the network is given the spec's own clip.
    """

    kind: str
    keys: Any
    base: dict[str, Any]
    build: Callable[[Syntax, Path], Expr]
    text: Callable[[Syntax], str | None]
    report: Callable[[Path, str], None]
    body: Callable[..., tuple[tuple[Any, ...], Any]]
    own_clip: Callable[[Path], tuple[Expr, ...]]

    @property
    def origin(self) -> Path:
        path: Path = self.base["origin"]
        return path

    @property
    def inputs(self) -> Any:
        """The shape that reaches the layer."""
        return self.base["inputs"]

    def expression(self, field: str) -> Expr:
        return self.build(getattr(self.keys, field), (*self.origin, field))

    def problem(self, field: str, message: str) -> None:
        self.report((*self.origin, field), message)

    def spatial(self) -> bool:
        """Whether there are frames or pixels; reported where not."""
        if self.inputs.sizes:
            return True
        self.report(self.origin, "stands after mean, where no frames or pixels are left")
        return False

    def sizes(self, field: str, least: int) -> tuple[int, ...]:
        """Kernel sizes, strides or paddings, one a dimension; they may not depend on factors."""
        dimensions = len(self.inputs.sizes)
        values = [self._size(field, tree, least) for tree in getattr(self.keys, field)]
        if len(values) == 1:
            values *= dimensions
        if len(values) != dimensions:
            self.problem(field, f"has {len(values)} numbers, but its input has {dimensions} dimensions")
        return tuple(values[:dimensions]) + (1,) * (dimensions - len(values))

    def _size(self, field: str, tree: Syntax, least: int) -> int:
        value = self.build(tree, (*self.origin, field)).value
        number = None if value is None else whole(value)
        if number is None or not least <= number <= MAX_WINDOW:
            message = f"must be a whole number from {least} to {MAX_WINDOW} that depends on no factor"
            self.problem(field, message)
            return 1
        return number

    def word(self, field: str, words: tuple[str, ...]) -> str | None:
        """Which of these words a field says, if it says no numbers; an option may choose it."""
        trees = getattr(self.keys, field) or []
        word = self.text(trees[0]) if len(trees) == 1 else None
        if word is not None and word not in words:
            self.problem(field, f"must be numbers or {' or '.join(words)}, not {shown(word)}")
            return words[0]
        return word

    def padding(self, kernel: tuple[int, ...], word: str | None) -> tuple[int, ...]:
        """What is given, or else half the kernel, which must then be odd."""
        if self.keys.padding is not None and word is None:
            return self.sizes("padding", 0)
        if any(size % 2 == 0 for size in kernel):
            self.problem("kernel", "is even, so it has no middle: give its padding")
        return tuple(size // 2 for size in kernel)

    def share(self, field: str) -> float:
        """A number above 0 and at most 1, which options may choose and factors may not."""
        value = self.expression(field).value
        refusal = "must depend on no factor" if value is None else fields.no_share(value)
        if refusal or value is None:
            self.problem(field, refusal)
            return 1.0
        return float(value)
