"""The source of the deploy form: the train form's order, other modules, no training."""

from __future__ import annotations

from typing import Any

from x3dspec.codegen import deploy
from x3dspec.codegen.classes import every_step
from x3dspec.codegen.folded_emitter import FoldedEmitter
from x3dspec.codegen.forward import INDENT
from x3dspec.network import layers as net


class DeployEmitter(FoldedEmitter):
    """The deploy form: folded norms, convolutions as ``deploy`` lays them out, no training."""

    form = "deploy"
    template = "deploy.py.jinja"

    def _spelled(self) -> net.Network[int]:
        return deploy.laid_out(self.resolved.network)

    def _context(self) -> dict[str, Any]:
        frames = "flatten(2, 3).mean(2)" if self.dims == 3 else "flatten(1, 2)"
        mean = f"x.movedim(1, -1).{frames}.mean(1)"
        deploy_form = {"kinds": self.kinds, "taps": "", "mean": mean, "layout": self._layout()}
        return {**super()._context(), **deploy_form}

    def _gate(self, activation: str, gate: str, name: str) -> dict[str, Any]:
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        steps = [step for block in classes for step in every_step(block.steps)]
        owned = all(step.owns_input for step in steps if step.kind == "squeeze_excite")
        spread = f"gate[:, :{', None' * self.dims}]"
        product = f"x.mul_({spread})" if owned else f"x * {spread}"
        return {**super()._gate(activation, gate, name), "product": product}

    def _network(self) -> dict[str, Any]:
        network = super()._network()
        order = f"{INDENT}x = x.contiguous(memory_format=torch.{self._order()})"
        features, intermediates = ([order, *network[part]] for part in ("features", "intermediates"))
        return {**network, "features": features, "intermediates": intermediates}

    def _layout(self) -> list[str]:
        """The lines that bring the weights into the memory order of what they are applied to."""
        if "conv" not in self.kinds:
            return []
        return [
            f"{INDENT}for weight in self.parameters():",
            f"{INDENT}    if weight.dim() == {self.dims + 2}:",
            f"{INDENT}        weight.data = weight.contiguous(memory_format=torch.{self._order()})",
        ]

    def _order(self) -> str:
        return "channels_last_3d" if self.dims == 3 else "channels_last"
