"""Whether an emitted file is what its spec says: its header by comparison, its network by running it.

Running means importing, and an import runs the file's code with the rights of whoever asks. It
happens in a process of its own, with a time limit and without the caller's environment variables,
and only for a file whose top level is imports of torch, classes and functions. That catches
mistakes and tampering, and is no sandbox: a file made to deceive can do so. Read a stranger's file,
or emit your own from its spec, before you verify it.

This process never imports torch; :mod:`x3dspec.pytorch.probe` does, in the other one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from x3dspec.codegen import module as emit
from x3dspec.codegen.header import Header
from x3dspec.codegen.header_reader import read_header
from x3dspec.codegen.header_values import clip, memory, table
from x3dspec.language.errors import SpecError, shown
from x3dspec.network.architecture import Architecture, Resolved, load
from x3dspec.pytorch.checks import Check, Report, same
from x3dspec.pytorch.emitted_file import emitted_text, settled, spec_of
from x3dspec.pytorch.observations import COMPARED_WITH, run_against_train_form, run_module

TIMEOUT = 300.0  # seconds for all that is run of one file


def verify(path: str | os.PathLike[str], spec: str | None = None, timeout: float = TIMEOUT) -> Report:
    """Check an emitted file against its spec. Imports the file, in a process of its own.

    Args:
        path: the file.
        spec: its spec, a file or a shipped one's name; by default the one that its header names,
            among the shipped ones, beside the file, here, or in ``specs``.
        timeout: seconds that running the file may take.

    Raises:
        SpecError: no such file, not an emitted file, a spec that is missing or wrong, or no torch.
    """
    file = Path(path)
    text = emitted_text(file)
    header = read_header(text, str(path))
    architecture = load(spec or spec_of(header, file))
    return Report(tuple(_checks(file, text, header, architecture, timeout)))


def _checks(
    file: Path, text: str, header: Header, architecture: Architecture, timeout: float
) -> Iterator[Check]:
    yield from _origins(header, architecture)
    try:
        resolved = settled(header, architecture)
    except SpecError as error:
        yield Check("factors", "values that the spec can have", "others", False, str(error))
        return
    yield from _figures(header, emit.counted(resolved, header.form))
    if header.form in COMPARED_WITH:
        yield from run_against_train_form(file, text, resolved, header.form, timeout)
    else:
        yield from run_module(file, text, resolved, header.form, timeout)


def _origins(header: Header, architecture: Architecture) -> Iterator[Check]:
    pairs = zip_longest(architecture.source.origins, header.origins)
    for index, (origin, written) in enumerate(pairs):
        name = "base" if index else "spec"
        expected = f"sha256 {origin.sha256[:12]}" if origin else "none"
        found = f"sha256 {written[1][:12]}" if written else "none"
        ok = bool(origin and written and origin.sha256 == written[1])
        detail = "" if ok else "the spec is another one, or was edited after this file was emitted"
        yield Check(f"{name} {origin.label if origin else written[0]}", expected, found, ok, detail)


def _figures(header: Header, resolved: Resolved) -> Iterator[Check]:
    cost = resolved.cost()
    yield same("header: clip", clip(resolved.network), header.clip)
    if header.form == "stream":
        yield same("header: memory", memory(resolved.network), header.memory)
    for name, found in header.counts.items():
        yield same(f"header: {name}", getattr(cost, name), found)
    rows = [*zip_longest(table(resolved), header.table, fillvalue="")]
    differing = [f"{shown(line)} is not {shown(row)}" for row, line in rows if row != line]
    summary = f"{len(differing)} of {len(rows)} lines differ" if differing else f"{len(rows)} lines"
    yield Check("header: stages", f"{len(rows)} lines", summary, not differing, "".join(differing[:1]))
