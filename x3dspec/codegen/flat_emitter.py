"""The source of the flat form: a clip as a batch of frames, every tensor of rank 4 or less."""

from __future__ import annotations

from typing import Any

from x3dspec.codegen import flat
from x3dspec.codegen.folded_emitter import FoldedEmitter
from x3dspec.network import layers as net


class FlatEmitter(FoldedEmitter):
    """The flat form, see :mod:`x3dspec.codegen.flat`."""

    form = "flat"
    template = "flat.py.jinja"

    def _spelled(self) -> net.Network[int]:
        return flat.flattened(self.resolved)

    def _context(self) -> dict[str, Any]:
        layers = [layer for stage in self.network.stages for layer in net.walk(stage)]
        pools = {layer.function for layer in layers if isinstance(layer, flat.ClipPool)}
        return {
            **super()._context(),
            "taps": "ClipConv" if "clip_conv" in self.kinds else "",
            "pools": sorted(pools),
        }

    def _imports(self) -> list[str]:
        functional = "import torch.nn.functional as F"
        plain = [line for line in super()._imports() if line != functional]
        place = plain.index("import torch") + 1
        return [*plain[:place], functional, *plain[place:]]

    def _input(self) -> str:
        return "(T, in_channels, H, W)"

    def _logits(self) -> str:
        return "(1, num_classes)"

    def _features(self) -> str:
        shapes = [stage.outputs for stage in self.resolved.network.stages if stage.outputs.sizes]
        frames = "T" if shapes[-1].sizes[0] == self.resolved.network.frames else "T'"
        return f"({frames}, {shapes[-1].channels}, H', W')"
