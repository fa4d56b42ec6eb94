"""An export: written in a folder of its own, compared, and kept where it agrees."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from x3dspec.language.errors import BadArgument, SpecError
from x3dspec.pytorch.export.contract import Target, Wish
from x3dspec.pytorch.export.parity import Parity, compared, tried
from x3dspec.pytorch.export.subject import Subject, axes, form_of, subject
from x3dspec.pytorch.export.targets import target

_USUAL = Wish()


@dataclass(frozen=True)
class Exported:
    """What was written, and how it compares. Not every parity is ok: then nothing was written.

    `inspected` says what was found where nothing here runs the file; `inputs` and `outputs` are their names.
    """

    format: str
    form: str
    files: tuple[str, ...]
    dynamic: tuple[str, ...]
    parities: tuple[Parity, ...]
    inspected: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return all(parity.ok for parity in self.parities)


def export(network: nn.Module, to: str, out: Path, clip: Sequence[int], wish: Wish = _USUAL) -> Exported:
    """Export a network and compare the result with it, at the clip and, if dynamic, at two others.

    Args:
        network: in eval mode.
        to: one of :data:`TARGETS`.
        out: the file; an OpenVINO or ncnn model has a second one beside it, a Core ML package is a folder.
        clip: (N, C, T, H, W) or (N, C, H, W), in elements; of a stream (N, C, H, W).
        wish: what stays open, what goes in, and what an ONNX file has.

    Raises:
        SpecError: an unknown format, a wrong ending, a form or a wish that the runtime does not have, or a
            library that is not installed.
    """
    runtime = target(to)
    exported = asked(network, runtime, clip, wish)
    if out.suffix != runtime.ending:
        raise SpecError.at(str(out), f"a {to} file ends in {runtime.ending}")
    runtime.needed()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export.") as folder, _quiet():
        run = runtime.write(exported, Path(folder) / out.name, wish)
        inspected = run if isinstance(run, str) else ""
        samples = [] if isinstance(run, str) else tried(exported)
        parities = tuple(compared(exported, run, sizes) for sizes in samples if not isinstance(run, str))
        written = sorted(Path(folder).iterdir()) if all(parity.ok for parity in parities) else []
        for file in written:
            shutil.move(file, out.parent / file.name)
    files = tuple(str(out.parent / file.name) for file in written)
    names = exported.inputs, exported.outputs
    return Exported(to, exported.form, files, exported.dynamic, parities, inspected, *names)


def asked(network: nn.Module, runtime: Target, clip: Sequence[int], wish: Wish) -> Subject:
    """What is exported, where the runtime can have it.

    Raises:
        SpecError: a form, open axes or bytes that it cannot.
    """
    form = form_of(network)
    runtime.form(form, form)
    known = axes(form, len(clip)) if runtime.open else ()
    dynamic = known if wish.dynamic is None else wish.dynamic
    closed = [axis for axis in dynamic if axis not in known]
    if closed:
        whose = f"a {runtime.name} file's sizes" if not runtime.open else f"the {form} form's {closed[0]}"
        raise BadArgument("dynamic", f"{whose} cannot stay open")
    if wish.preprocess and not runtime.bytes:
        raise BadArgument("preprocess", f"a {runtime.name} file takes its frames as floats")
    if wish.preprocess and not {"mean", "std"} <= set(network.default_cfg):  # type: ignore[arg-type]
        raise BadArgument("preprocess", "the spec's input has no mean and std")
    return subject(network, clip, dynamic, wish.preprocess)


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters say much that has no bearing on a network of convolutions, in other processes too."""
    sys.stdout.flush()
    sys.stderr.flush()
    logging.disable(logging.WARNING)
    kept = {number: os.dup(number) for number in (1, 2)}
    with Path(os.devnull).open("w") as nowhere:
        for number in kept:
            os.dup2(nowhere.fileno(), number)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, own in kept.items():
            os.dup2(own, number)
            os.close(own)
        logging.disable(logging.NOTSET)
