"""An exported file against torch: the same inputs through both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from x3dspec.pytorch.export.contract import TOLERANCE, Run
from x3dspec.pytorch.export.subject import Subject

#: Frames that a stream is given before it is flushed.
_FRAMES = 2


@dataclass(frozen=True)
class Parity:
    """One clip that was run through torch and through the exported file; of a stream, some frames."""

    shape: tuple[int, ...]
    difference: float

    @property
    def ok(self) -> bool:
        return self.difference <= TOLERANCE


def compared(subject: Subject, run: Run, sizes: Mapping[str, int]) -> Parity:
    """The largest difference of a logit, over the largest of torch's."""

    def torch_run(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        answer = subject.module(*inputs)
        return answer if isinstance(answer, tuple) else (answer,)

    with torch.inference_mode():
        expected = _logits(subject, torch_run, sizes)
        found = _logits(subject, run, sizes)
    scale = float(expected.abs().max()) or 1.0
    return Parity(tuple(sizes[name] for name in subject.order), float((found - expected).abs().max()) / scale)


def tried(subject: Subject) -> list[dict[str, int]]:
    """The clip; where axes are open, also larger batches of shorter and smaller clips, one not square."""
    if not subject.dynamic:
        return [dict(subject.sizes)]
    small = max(33, subject.sizes["width"] // 2)
    changes: tuple[dict[str, Callable[[int], int]], ...] = (
        {"batch": lambda n: max(2, n), "frames": lambda n: max(2, n)},
        {"batch": lambda n: n + 2, "frames": lambda n: max(2, n // 2), "height": lambda _: small,
         "width": lambda _: small},
        {"batch": lambda n: n + 1, "frames": lambda n: n + 1, "height": lambda _: small,
         "width": lambda _: small + 32},
    )  # fmt: skip
    return [
        {
            name: change[name](size) if name in subject.dynamic and name in change else size
            for name, size in subject.sizes.items()
        }
        for change in changes
    ]


def _logits(subject: Subject, run: Run, sizes: Mapping[str, int]) -> Tensor:
    """Of a stream: some frames and the flush, its state going from each step to the next."""
    if subject.form != "stream":
        return run((subject.sample(sizes),))[0]
    network: Any = subject.network
    names = subject.inputs[1:]
    state = list(network.initial_state(*(sizes[name] for name in ("batch", "height", "width"))).values())
    answers = []
    for step in range(_FRAMES + network.delay):
        if step == _FRAMES:
            state[names.index("length")] = state[names.index("time")]
        logits, *state = run((subject.sample(sizes, step), *state))
        answers.append(logits)
    return torch.cat(answers[network.delay :])
