"""``x3dspec resolve``: one network, its stage table and what it costs."""

from __future__ import annotations

from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli.resolve_answer import Network, content
from x3dspec.cli.resolve_page import batch, page, remembered
from x3dspec.cli.resolve_screen import screen
from x3dspec.codegen import module as forms
from x3dspec.codegen.forms import FORMS, known_form
from x3dspec.network import preset
from x3dspec.network.breakdown import rows
from x3dspec.network.cost import CONVENTIONS
from x3dspec.network.grid import snapped
from x3dspec.network.memory import OPTIMIZERS, Batch, largest_batch
from x3dspec.network.stream import Memory
from x3dspec.network.stream import memory as memory_of
from x3dspec.network.units import parse_bytes


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
    optimizer: str = typer.Option(
        "momentum",
        autocompletion=completion.optimizers,
        help=f"For --memory: {', '.join(OPTIMIZERS)}.",
    ),
    checkpointing: bool = typer.Option(False, "--checkpointing", help="For --memory: recompute blocks."),
    machine: str = typer.Option(None, metavar="FILE", help="A machine that calibrate has timed: for ms."),
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
    architecture = arguments.opened(name, options, clip, machine)
    output.claim_spec(architecture, ("-o", out), force=force)
    resolved = architecture.at(arguments.values(architecture, given, context))
    near = snapped(architecture, resolved.setting)
    fits = None
    if memory is not None:
        limit = parse_bytes(memory)
        fits = largest_batch(resolved.network, limit, optimizer, checkpointing=checkpointing)
    written = None if out is None else preset.text(resolved, out)
    resolved = forms.counted(resolved, arguments.timed_form(known_form(form), architecture))
    streamed = memory_of(resolved.network) if form == "stream" else None
    table = rows(resolved, convention)
    if out is not None and written is not None:
        output.write({out: written})
    if as_json:
        answer: ResolveAnswer = {
            "x3dspec": output.head("resolve"),
            **content(resolved, table, near, convention, form),
            "form": form,
            "memory": streamed,
            "training": fits,
        }
        typer.echo(output.document(answer))
    elif style.is_terminal() and not full:
        extra = [line for each in [*remembered(streamed), *batch(fits)] for line in style.wrapped(each)]
        typer.echo("\n".join([*screen(resolved, table, convention), *extra]))
    else:
        typer.echo(
            "\n".join([*page(resolved, table, near, convention, form), *remembered(streamed), *batch(fits)])
        )
