"""What is exported: a network as a function of tensors alone, whose inputs and outputs have names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from x3dspec.pytorch.formats import AXES

#: The dimensions of a form's first input; a clip's network of rank 4 is an image's.
_ORDERS = {
    5: ("batch", "channels", "frames", "height", "width"),
    4: ("batch", "channels", "height", "width"),
    "flat": ("frames", "channels", "height", "width"),
}


@dataclass(frozen=True)
class Subject:
    """A network to export.

    Attributes:
        form: of the network.
        network: as it was emitted, on normalised floats.
        module: the function of tensors that is exported.
        example: its inputs to trace with; of a stream the frame and its state.
        inputs: their names.
        outputs: the names of the results.
        order: the names of the first input's dimensions.
        sizes: the clip's, by those names.
        dynamic: the dimensions that stay open.
    """

    form: str
    network: nn.Module
    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    order: tuple[str, ...]
    sizes: Mapping[str, int]
    dynamic: tuple[str, ...]

    @property
    def open(self) -> tuple[dict[int, str], ...]:
        """The open dimensions of every input, by their names: a state's is its batch."""
        first = {index: name for index, name in enumerate(self.order) if name in self.dynamic}
        batch = {0: "batch"} if "batch" in self.dynamic else {}
        return (first, *(batch if tensor.dim() else {} for tensor in self.example[1:]))

    def sample(self, sizes: Mapping[str, int], seed: int = 0) -> Tensor:
        """A random first input of other sizes."""
        generator = torch.Generator().manual_seed(seed)
        shape = [sizes[name] for name in self.order]
        if self.example[0].dtype == torch.uint8:
            return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        return torch.rand(shape, generator=generator)


def form_of(network: nn.Module) -> str:
    """The form of an emitted network, by what it offers."""
    if hasattr(network, "initial_state"):
        return "stream"
    if hasattr(network, "forward_clips"):
        return "flat"
    return "deploy" if hasattr(network, "load_train_state") else "train"


def axes(form: str, rank: int) -> tuple[str, ...]:
    """The axes of a form that can stay open; a stream's height and width are those of its state."""
    order = _ORDERS["flat" if form == "flat" else rank]
    return ("batch",) if form == "stream" else tuple(name for name in AXES if name in order)


def subject(network: nn.Module, clip: Sequence[int], dynamic: tuple[str, ...], preprocess: bool) -> Subject:
    """A network as what is exported.

    Args:
        network: in eval mode.
        clip: (1, C, T, H, W) or (1, C, H, W), in elements; of a stream (1, C, H, W).
        dynamic: the axes that stay open, of :func:`axes`.
        preprocess: whether its first input is bytes, channels last.
    """
    form = form_of(network)
    sizes = dict(zip(_ORDERS[len(clip)], clip, strict=True))
    order = _ORDERS["flat" if form == "flat" else len(clip)]
    # An exporter takes a dimension of 1 for a constant, so no open one is 1.
    traced = {name: 2 if size == 1 and name in dynamic else size for name, size in sizes.items()}
    state: dict[str, Tensor] = {}
    module: nn.Module = network
    names: tuple[str, ...] = ("frames" if form == "flat" else "clip",)
    if form == "stream":
        start: Any = network.initial_state
        state = start(traced["batch"], traced["height"], traced["width"])
        module, names = Step(network, tuple(state)), ("frame", *state)
    if preprocess:
        module, order = Preprocessed(module, network), (*(n for n in order if n != "channels"), "channels")
    kind = torch.uint8 if preprocess else torch.float32
    first = torch.zeros([traced[name] for name in order], dtype=kind)
    outputs = ("logits", *(f"next.{name}" for name in state))
    return Subject(
        form, network, module.eval(), (first, *state.values()), names, outputs, order, sizes, dynamic
    )


class Step(nn.Module):
    """A stream's step with its state as separate tensors: (frame, *state) -> (logits, *state)."""

    def __init__(self, network: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, frame: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        logits, after = self.network(frame, dict(zip(self.names, state, strict=True)))
        return (logits, *(after[name] for name in self.names))


class Preprocessed(nn.Module):
    """A network of frames in bytes, channels last: scaled to 1, less the mean, over the deviation."""

    scale: Tensor
    shift: Tensor

    def __init__(self, module: nn.Module, network: nn.Module) -> None:
        super().__init__()
        config: Any = network.default_cfg
        mean, deviation = torch.tensor(config["mean"]), torch.tensor(config["std"])
        self.module = module
        self.register_buffer("scale", 1 / (255 * deviation), persistent=False)
        self.register_buffer("shift", -mean / deviation, persistent=False)

    def forward(self, frames: Tensor, *state: Tensor) -> Tensor | tuple[Tensor, ...]:
        x = frames.to(self.scale.dtype) * self.scale + self.shift
        result: Tensor | tuple[Tensor, ...] = self.module(x.movedim(-1, 1), *state)
        return result
