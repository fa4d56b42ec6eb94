"""The source of the flat form: a clip as a batch of frames, every tensor of rank 4 or less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from x3dspec.codegen import deploy, flat
from x3dspec.codegen.classes import Class
from x3dspec.codegen.deploy_emitter import folded_norms
from x3dspec.codegen.emitter import Emitter
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved


class FlatEmitter(Emitter):
    """The flat form, see :mod:`x3dspec.codegen.flat`."""

    form = "flat"
    template = "flat.py.jinja"

    def __init__(self, resolved: Resolved, name: str) -> None:
        self.folds = deploy.folds(resolved.network)
        super().__init__(resolved, name)
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        self.kinds = {module.kind for block in classes for module in block.modules}

    def _counted(self, resolved: Resolved) -> Resolved:
        return replace(resolved, network=deploy.folded(resolved.network))

    def _spelled(self) -> net.Network[int]:
        return flat.flattened(self.resolved)

    def _sequences(self) -> bool:
        return False

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

    def _block(self, name: str, block: Class) -> dict[str, Any]:
        return {**super()._block(name, block), "folded": folded_norms(self.folds.get(name, ()))}

    def _network(self) -> dict[str, Any]:
        return {**super()._network(), "folded": folded_norms(self.folds.get(None, ()))}

    def _input(self) -> str:
        return "(T, in_channels, H, W)"

    def _logits(self) -> str:
        return "(1, num_classes)"

    def _features(self) -> str:
        shapes = [stage.outputs for stage in self.resolved.network.stages if stage.outputs.sizes]
        frames = "T" if shapes[-1].sizes[0] == self.resolved.network.frames else "T'"
        return f"({frames}, {shapes[-1].channels}, H', W')"
