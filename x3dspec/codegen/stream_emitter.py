"""The source of the stream form: one frame a step, 2-D layers alone, the state as plain tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from x3dspec.codegen import deploy
from x3dspec.codegen.classes import Class
from x3dspec.codegen.deploy_emitter import folded_norms
from x3dspec.codegen.emitter import Emitter
from x3dspec.codegen.format import broken
from x3dspec.codegen.forward import INDENT
from x3dspec.network import layers as net
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved
from x3dspec.network.stream_layers import RunningMean, StepConv

#: The kinds of layers that remember, and their classes.
_CLASSES = {"step_conv": "StepConv", "delay": "Delay", "running_mean": "RunningMean"}


class StreamEmitter(Emitter):
    """The stream form, see :mod:`x3dspec.network.stream`."""

    form = "stream"
    template = "stream.py.jinja"

    def __init__(self, resolved: Resolved, name: str) -> None:
        self.folds = deploy.folds(resolved.network)
        super().__init__(resolved, name)
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        self.kinds = {module.kind for block in classes for module in block.modules}

    def _counted(self, resolved: Resolved) -> Resolved:
        return counted(resolved)

    def _sequences(self) -> bool:
        return False

    def _context(self) -> dict[str, Any]:
        network = self.network
        classes = [_CLASSES[kind] for kind in _CLASSES if kind in self.kinds]
        steps = [layer for stage in network.stages for layer in net.walk(stage)]
        return {
            **super()._context(),
            "kinds": self.kinds,
            "taps": "StepConv" if "step_conv" in self.kinds else "",
            "keeps_inputs": any(isinstance(layer, StepConv) and layer.keeps_inputs for layer in steps),
            "memory": stream.memory(network),
            "stateful": " | ".join(classes),
            "size": network.size,
            "window": next(layer.window for layer in steps if isinstance(layer, RunningMean)),
        }

    def _standard(self) -> list[str]:
        return []

    def _gate(self, activation: str, gate: str, name: str) -> dict[str, Any]:
        parts = super()._gate(activation, gate, name)
        return {**parts, "hidden": parts["hidden"].replace(", inplace=True", "")}

    def _block(self, name: str, block: Class) -> dict[str, Any]:
        return {**super()._block(name, block), "folded": folded_norms(self.folds.get(name, ()))}

    def _network(self) -> dict[str, Any]:
        run: list[str] = []
        for stage in self.network.stages:
            if stage.block is None:
                steps = [s for s in self.plain[stage.name].steps if s.name != self.classifier.name]
                run += self._forward(steps)
            elif stage.sequence:
                run += [f"{INDENT}for block in self.{stage.name}:", f"{INDENT}    x = block(x, stream)"]
            else:
                run.append(f"{INDENT}x = self.{stage.name}(x, stream)")
        folded = folded_norms(self.folds.get(None, ()))
        return {**super()._network(), "run": [broken(line) for line in run], "folded": folded}


def counted(resolved: Resolved) -> Resolved:
    """The network of one step, its norms folded."""
    return stream.streamed(replace(resolved, network=deploy.folded(resolved.network)))
