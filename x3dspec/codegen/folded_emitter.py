"""What the forms for inference share: norms in the convolutions before them, no training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from x3dspec.codegen import deploy
from x3dspec.codegen.classes import Class
from x3dspec.codegen.emitter import Emitter
from x3dspec.network.architecture import Resolved


class FoldedEmitter(Emitter):
    """A form whose norms are folded."""

    def __init__(self, resolved: Resolved, name: str) -> None:
        super().__init__(resolved, name)
        self.folds = deploy.folds(resolved.network)
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        self.kinds = {module.kind for block in classes for module in block.modules}

    def _counted(self, resolved: Resolved) -> Resolved:
        return replace(resolved, network=deploy.folded(resolved.network))

    def _sequences(self) -> bool:
        return False

    def _block(self, name: str, block: Class) -> dict[str, Any]:
        return {**super()._block(name, block), "folded": self._folded_norms(name)}

    def _network(self) -> dict[str, Any]:
        return {**super()._network(), "folded": self._folded_norms(None)}

    def _folded_norms(self, block: str | None) -> str:
        """The attribute of a class that says which norms its convolutions have taken in."""
        folds = self.folds.get(block, ())
        lines = [f'        "{fold.conv}": ("{fold.norm}", {fold.eps!r}),' for fold in folds]
        return "\n".join(["    folded = {", *lines, "    }"]) if folds else ""
