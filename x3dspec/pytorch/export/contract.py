"""What a runtime's file says of it, and what an export asks for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from x3dspec.language.errors import SpecError
from x3dspec.pytorch.export.subject import Subject

#: Largest difference of a logit from torch's own, over the largest logit, in 32-bit floats.
TOLERANCE = 1e-4

#: Runs an exported file: its inputs in order, its outputs in order.
Run = Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Wish:
    """How to export.

    Attributes:
        dynamic: the axes that stay open; None for as many as the target can leave open.
        opset: ONNX's; None for torch's own.
        metadata: what an ONNX file says of itself.
        preprocess: whether frames come as bytes, (H, W, C), and are scaled and normalised inside.
    """

    dynamic: tuple[str, ...] | None = None
    opset: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    preprocess: bool = False


@dataclass(frozen=True)
class Target:
    """A runtime.

    Attributes:
        name: as ``--to`` has it, and the extra that installs it.
        ending: of its files.
        libraries: that writing and comparing import.
        forms: that it can run, the preferred one first.
        because: why it cannot run the others.
        place: where an operation of torch (``conv2d``) on a tensor of a rank runs; None where nowhere.
        open: whether a file's sizes can stay open.
        bytes: whether a file can take bytes, for ``--preprocess``.
        write: writes the file; what it returns runs the file or, where nothing here can, says what an
            inspection of it found.
    """

    name: str
    ending: str
    libraries: tuple[str, ...]
    forms: tuple[str, ...]
    because: str
    place: Callable[[str, int], str | None]
    open: bool
    bytes: bool
    write: Callable[[Subject, Path, Wish], Run | str]

    @property
    def missing(self) -> list[str]:
        """The libraries that are not installed."""
        return [name for name in self.libraries if importlib.util.find_spec(name) is None]

    def needed(self) -> None:
        """Raises SpecError where a library is missing."""
        if self.missing:
            wrong = f"--to {self.name} needs {', '.join(self.missing)}"
            raise SpecError.at("", f'{wrong}: pip install ".[{self.name}]" in a clone of x3dspec')

    def form(self, own: str, wanted: str | None = None) -> str:
        """The form to export, of a file in the form `own`: that one where it runs, or the one wanted.

        Raises:
            SpecError: the form that is wanted does not run.
        """
        if wanted is not None:
            if wanted not in self.forms:
                listed = ", ".join(self.forms)
                raise SpecError.at(
                    "--form", f"{self.name} does not run the {wanted} form: {self.because}; it runs {listed}"
                )
            return wanted
        if own in self.forms:
            return own
        return "stream" if own.startswith("stream") else self.forms[0]
