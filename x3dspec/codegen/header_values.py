"""What the comment at the top of an emitted file says of a network."""

from __future__ import annotations

import shlex

from x3dspec.codegen.forms import default_name
from x3dspec.language import numbers
from x3dspec.language.errors import printable
from x3dspec.network import layers as net
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import extent, rows


def clip(network: net.Network[int]) -> str:
    """The clip that a network is counted at, as the header says it."""
    channels, size = network.inputs.channels, network.size
    if network.frames is None:
        return f"{channels} x {size} x {size} (channels x height x width)"
    stride = "" if network.stride is None else f", frame stride {network.stride}"
    return f"{channels} x {network.frames} x {size} x {size} (channels x frames x height x width){stride}"


def memory(network: net.Network[int]) -> str:
    """What a stream remembers, as the header says it."""
    state = stream.memory(network)
    return f"{state.numbers} numbers a sample, {state.delay} steps late, {state.frames} frames seen"


def table(resolved: Resolved) -> list[str]:
    """The stage table as the header has it, a line a stage."""
    cells = [("stage", "filters", "repeat", "output", "MACs", "params")]
    for row in rows(resolved):
        size = f"{row.width} x {extent(row)}"
        filters, counts = "; ".join(row.filters), (str(row.macs), str(row.params))
        cells.append((row.name, filters, str(row.repeat), size, *counts))
    widths = [max(len(cell[column]) for cell in cells) for column in range(len(cells[0]))]
    lines = []
    for cell in cells:
        left = [text.ljust(width) for text, width in zip(cell[:2], widths[:2], strict=True)]
        right = [text.rjust(width) for text, width in zip(cell[2:], widths[2:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    return lines


def command(resolved: Resolved, name: str, form: str) -> str:
    """The command that emits the same file again."""
    source = resolved.architecture.source
    label = source.origins[0].label
    words = ["x3dspec emit", printable(shlex.quote(label))]
    for factor, value in resolved.setting.items():
        words.append(f"--{factor.replace('_', '-')} {shlex.quote(numbers.text(value))}")
    words += [f"--set {shlex.quote(f'{option}={value}')}" for option, value in source.chosen.items()]
    words += [f"--form {form}"] if form != "train" else []
    if name != default_name(resolved.network.identity.name, form):
        words.append(f"--name {name}")
    return " ".join(words)
