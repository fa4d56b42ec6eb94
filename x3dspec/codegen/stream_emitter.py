"""The source of the stream form: one frame a step, 2-D layers alone, the state as plain tensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from x3dspec.codegen import deploy
from x3dspec.codegen.folded_emitter import FoldedEmitter
from x3dspec.codegen.format import broken
from x3dspec.codegen.forward import INDENT
from x3dspec.network import layers as net
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved
from x3dspec.network.stream_layers import RunningMean, StepConv

#: The kinds of layers that remember, and their classes.
_CLASSES = {"step_conv": "StepConv", "delay": "Delay", "running_mean": "RunningMean"}


class StreamEmitter(FoldedEmitter):
    """The stream form, see :mod:`x3dspec.network.stream`."""

    form = "stream"
    template = "stream.py.jinja"

    def _counted(self, resolved: Resolved) -> Resolved:
        return counted(resolved)

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
        return {**super()._network(), "run": [broken(line) for line in run]}


def counted(resolved: Resolved) -> Resolved:
    """The network of one step, its norms folded."""
    return stream.streamed(replace(resolved, network=deploy.folded(resolved.network)))
