"""``x3dspec resolve``: one network, its stage table and what it costs."""

from __future__ import annotations

from pathlib import Path

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli.resolve_screen import screen
from x3dspec.codegen import module as forms
from x3dspec.codegen.forms import FORMS, known_form
from x3dspec.language import numbers as exact
from x3dspec.language.numbers import Exact
from x3dspec.network import preset
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import Row, extent, rows
from x3dspec.network.cost import CONVENTIONS
from x3dspec.network.grid import snapped
from x3dspec.network.memory import OPTIMIZERS, Batch, largest_batch
from x3dspec.network.stream import Memory
from x3dspec.network.stream import memory as remembered
from x3dspec.network.units import binary, parse_bytes

Snapped = dict[str, Exact | None]


class Input(TypedDict):
    """The clip. `frames` is null for a 2-D network, `stride` where a spec says nothing of it."""

    channels: int
    frames: int | None
    size: int
    stride: int | None


class Costs(TypedDict):
    """`macs` are multiply-accumulates always; `operations` is the convention's figure. `saved` are the bytes
    kept for the backward pass of one clip, in train mode, 32-bit floats, without checkpointing; `peak` of the
    greatest live activations of one clip at inference, null for a stream."""

    macs: int
    params: int
    activations: int
    weights: int
    bytes: int
    saved: int
    peak: int | None
    operations: int
    convention: str


class Stage(TypedDict):
    """A line of the stage table: its output's size, and what all its blocks together cost."""

    name: str
    repeat: int
    width: int
    inner: int | None
    frames: int | None
    size: int | None
    macs: int
    params: int
    activations: int
    operations: int


class Network(TypedDict):
    """A network. Factors are numbers; `factors_exact` has them as typed, `factors_snapped` on their grid."""

    name: str
    title: str
    factors: dict[str, int | float]
    factors_exact: dict[str, str]
    factors_snapped: dict[str, str | None]
    options: dict[str, int | str]
    input: Input
    cost: Costs
    stages: list[Stage]


class ResolveAnswer(output.Answer, Network):
    """One network; of a stream, a step of it, and what it remembers. `training` is null unless asked for."""

    form: str
    memory: Memory | None
    training: Batch | None


def register(app: typer.Typer) -> None:
    app.command(context_settings=arguments.OPEN)(resolve)


def resolve(
    context: typer.Context,
    spec: list[str] = typer.Argument(
        metavar="SPEC [--FACTOR VALUE ...]",
        help="A spec, and factor values.",
        autocompletion=completion.specs,
    ),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    clip: str = typer.Option(None, metavar="TxS", help="Count at this clip, e.g. 16x224."),
    convention: str = typer.Option(
        "paper",
        autocompletion=completion.conventions,
        help=f"How operations are counted: {', '.join(CONVENTIONS)}.",
    ),
    memory: str = typer.Option(None, metavar="BYTES", help="Largest batch that trains in, say, 24GiB."),
    optimizer: str = typer.Option("momentum", help=f"For --memory: {', '.join(OPTIMIZERS)}."),
    checkpointing: bool = typer.Option(False, "--checkpointing", help="For --memory: recompute blocks."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    form: str = typer.Option("train", "--form", help=f"What is counted: {', '.join(FORMS)}."),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="Write it as a spec again."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
    full: bool = typer.Option(False, "--full", help="The whole page on a terminal too."),
) -> None:
    """Print a network's stage table, with every cost.

    Every factor that the spec declares is an option and takes an exact number:

    x3dspec resolve specs/x2d.yaml --gamma-s 2 --gamma-d 11/5
    """
    name, given = arguments.single(spec, "resolve", context)
    architecture = arguments.opened(name, options, clip)
    output.claim_spec(architecture, ("-o", out), force=force)
    resolved = architecture.at(arguments.values(architecture, given, context))
    near = snapped(architecture, resolved.setting)
    fits = None
    if memory is not None:
        limit = parse_bytes(memory)
        fits = largest_batch(resolved.network, limit, optimizer, checkpointing=checkpointing)
    written = None if out is None else preset.text(resolved, out)
    resolved = forms.counted(resolved, known_form(form))
    remembers = remembered(resolved.network) if form == "stream" else None
    table = rows(resolved, convention)
    if out is not None and written is not None:
        output.write({out: written})
    if as_json:
        answer: ResolveAnswer = {
            "x3dspec": output.head("resolve"),
            **content(resolved, table, near, convention, form),
            "form": form,
            "memory": remembers,
            "training": fits,
        }
        typer.echo(output.document(answer))
    elif style.is_terminal() and not full:
        extra = [line for each in [*_remembered(remembers), *_batch(fits)] for line in style.wrapped(each)]
        typer.echo("\n".join([*screen(resolved, table, convention), *extra]))
    else:
        typer.echo(
            "\n".join(
                [*page(resolved, table, near, convention, form), *_remembered(remembers), *_batch(fits)]
            )
        )


def _batch(fits: Batch | None) -> list[str]:
    """What fits, and what was counted for it."""
    if fits is None:
        return []
    with_what = f"fp32, {fits.optimizer}" + (", with checkpointing" if fits.checkpointing else "")
    counted = f"{binary(fits.fixed)}, and {binary(fits.clip)} a clip"
    return [f"at most {fits.clips:,} clips train in {binary(fits.limit)} ({with_what}): {counted}"]


def _remembered(memory: Memory | None) -> list[str]:
    """What a stream remembers, for people."""
    if memory is None:
        return []
    size = f"{memory.numbers:,} numbers a sample ({output.short(4 * memory.numbers)}B in fp32)"
    parts = (
        f"{memory.convolutions:,} of convolutions, {memory.shortcuts:,} of shortcuts, {memory.head:,} head"
    )
    seen = f"answers {memory.delay} frames late, of {memory.frames} frames seen"
    return output.aligned([["remembers", size], ["", parts], ["stream", seen]])


def content(
    resolved: Resolved, table: list[Row], near: Snapped, convention: str, form: str = "train"
) -> Network:
    """A network as JSON has it."""
    network, source = resolved.network, resolved.architecture.source
    return {
        "name": network.identity.name,
        "title": network.identity.title,
        "factors": {name: output.number(value) for name, value in resolved.factors.items()},
        "factors_exact": {name: exact.text(value) for name, value in resolved.factors.items()},
        "factors_snapped": {n: None if v is None else exact.text(v) for n, v in near.items()},
        "options": {**source.options, "classes": source.classes},
        "input": {
            "channels": network.inputs.channels,
            "frames": network.frames,
            "size": network.size,
            "stride": network.stride,
        },
        "cost": costs(resolved, convention, form),
        "stages": [
            {
                "name": row.name,
                "repeat": row.repeat,
                "width": row.width,
                "inner": row.inner,
                "frames": row.frames,
                "size": row.size,
                "macs": row.macs,
                "params": row.params,
                "activations": row.activations,
                "operations": row.operations,
            }
            for row in table
        ],
    }


def _saved(resolved: Resolved) -> int:
    """Training keeps what the train form keeps, whichever form is counted."""
    kept: int = resolved.architecture.at(resolved.setting).saved().one_clip
    return kept


def _peak(resolved: Resolved, form: str) -> int | None:
    """A stream holds more between steps than within one: see what it remembers."""
    return None if form == "stream" else resolved.peak(form)


def costs(resolved: Resolved, convention: str, form: str) -> Costs:
    cost = resolved.cost(convention)
    return {
        "macs": cost.macs,
        "params": cost.params,
        "activations": cost.activations,
        "weights": cost.weights,
        "bytes": cost.bytes,
        "saved": _saved(resolved),
        "peak": _peak(resolved, form),
        "operations": cost.operations,
        "convention": convention,
    }


def page(
    resolved: Resolved, table: list[Row], near: Snapped, convention: str, form: str = "train"
) -> list[str]:
    """The same for people."""
    identity = resolved.network.identity
    title = f"{identity.title or identity.name} ({resolved.architecture.source.display})"
    stages, factors = _stages(table, convention), _factors(resolved, near)
    return [title, "", *stages, "", *factors, "", *totals(resolved, convention, form)]


def _stages(table: list[Row], convention: str) -> list[str]:
    unit = "MACs" if convention == "paper" else CONVENTIONS[convention].unit
    cells = [["stage", "filters", "repeat", "T x S^2" if table[0].frames else "S^2", unit, "share", "params"]]
    for row in table:
        first, *rest = row.filters or ("",)
        share = f"{100 * row.share:.1f}%"
        cells.append(
            [row.name, first, str(row.repeat), extent(row), f"{row.operations:,}", share, f"{row.params:,}"]
        )
        cells += [["", each, "", "", "", "", ""] for each in rest]
    return output.aligned(cells, right=(2, 3, 4, 5, 6))


def _factors(resolved: Resolved, near: Snapped) -> list[str]:
    declared = resolved.architecture.factors()
    if not declared:
        return ["no factors"]
    cells = [["factor", "value", "on its grid", ""]]
    for factor in declared:
        value = output.shown(resolved.factors[factor.name])
        cells.append([factor.name, value, output.shown(near[factor.name]), factor.doc])
    return output.aligned(cells)


def totals(resolved: Resolved, convention: str, form: str) -> list[str]:
    """Clip, counts, and what they mean."""
    network, cost = resolved.network, resolved.cost(convention)
    counted = CONVENTIONS[convention]
    clip = f"{network.size} x {network.size}"
    if network.frames is not None:
        clip = f"{network.frames} frames x {clip}"
    if network.stride is not None:
        clip += f", frame stride {network.stride}"
    cells = [["clip", clip]]
    options = resolved.architecture.source.options
    if options:
        cells.append(["options", ", ".join(f"{name}={value}" for name, value in options.items())])
    if convention != "paper":
        operations = f"{cost.operations:,} ({output.short(cost.operations)})"
        cells.append([counted.unit, f"{operations}, {convention}: {counted.doc}"])
    cells += [
        ["MACs", f"{cost.macs:,} ({output.short(cost.macs)}), the paper's FLOPs"],
        ["parameters", f"{cost.params:,} ({output.short(cost.params)}), {cost.weights:,} of them weights"],
        ["activations", f"{cost.activations:,} ({output.short(cost.activations)})"],
        ["memory moved", f"{output.short(cost.bytes)}B, each layer by itself, fp32"],
        ["memory saved", f"{binary(_saved(resolved))} for the backward pass of one clip, fp32"],
    ]
    most = _peak(resolved, form)
    if most is not None:
        cells.append(["memory peak", f"{binary(most)} of activations of one clip at inference, fp32"])
    return output.aligned(cells)
