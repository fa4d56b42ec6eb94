"""``x3dspec grow``: a checkpoint becomes one of a larger network that computes the same."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from x3dspec.cli import arguments, output
from x3dspec.language import numbers
from x3dspec.language.errors import SpecError, printable, unknown
from x3dspec.network.architecture import Resolved


class GrowAnswer(output.Answer):
    """What was written, what makes it another function all the same, and what resolves its network."""

    file: str
    tensors: int
    params: int
    notes: tuple[str, ...]
    command: str


def register(app: typer.Typer) -> None:
    app.command("grow", context_settings=arguments.OPEN)(command)


def command(
    context: typer.Context,
    words: list[str] = typer.Argument(
        metavar="CKPT [--FACTOR VALUE]", help="A checkpoint; factors are the other network's."
    ),
    start: str = typer.Option(
        None, "--from", metavar="SPEC", help="The network it is of; without it, what identify says."
    ),
    goal: str = typer.Option(
        None, "--to", metavar="SPEC", help="The other network; without it, the same with the factors given."
    ),
    method: str = typer.Option("duplicate", metavar="METHOD", help="duplicate, or zero."),
    optimizer: bool = typer.Option(False, "--optimizer", help="Grow the optimiser's state in it, too."),
    shrinking: bool = typer.Option(False, "--shrink", help="To a smaller network; that is not exact."),
    clips: Path = typer.Option(
        None, "--recalibrate", metavar="CLIPS", help="Recompute the norms' statistics over these."
    ),
    out: Path = typer.Option(
        ..., "-o", "--output", metavar="FILE", help="A .pyth, .pt, .pth or .safetensors."
    ),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Grow weights into those of a larger network.

    It computes the same function. Needs torch.

    Widths, inner widths and depths may grow, all at once and by any ratio. In eval and in train mode the
    larger network computes what the smaller one did. The names stay those of the checkpoint. --shrink goes
    the other way and keeps what matters most. --recalibrate takes a .pt of clips or a folder of videos.

    x3dspec grow x2d.pt --to x3d_xs -o x3d_xs.pt
    """
    try:
        from x3dspec.pytorch import checkpoint as checkpoints
        from x3dspec.pytorch import transfer
        from x3dspec.pytorch.grow import Method
        from x3dspec.pytorch.identify import identify
    except ModuleNotFoundError:
        raise SpecError.at("", 'grow needs torch: pip install "x3dspec[torch]"') from None

    known = [each.value for each in Method]
    if method not in known:
        raise SpecError.at("--method", unknown("method", method, known, "the methods are"))
    if shrinking and optimizer:
        raise SpecError.at("--optimizer", "grows only: what --shrink leaves begins anew")
    path, factors = arguments.single(words, "grow", context)
    output.claim(("-o", out), reads=[Path(path), *([clips] if clips else [])], force=force)
    given = checkpoints.read(Path(path))
    first = arguments.opened(start, []).resolve() if start else identify(given.shapes, path).resolved
    second = _wanted(first, goal, factors, context)
    found = transfer.transferred(
        given, path, first, second, transfer.Way(Method(method), shrinking, optimizer, clips)
    )
    checkpoints.write(out, found.state, found.nesting, found.beside)
    _say(found.notes, second, out, len(found.state), as_json)


def _wanted(
    first: Resolved, goal: str | None, factors: tuple[tuple[str, str], ...], context: typer.Context
) -> Resolved:
    """The other network: of the same options and classes, with the factors that were given."""
    family = arguments.opened(goal, []) if goal else first.architecture
    changes = arguments.values(family, factors, context)
    own = first.architecture.source.options
    options = {name: own[name] for name in family.source.network.options if name in own}
    family = family.choose(**options, classes=first.network.classes)
    return family.at({**({} if goal else first.setting), **changes})


def _say(notes: Sequence[str], network: Resolved, out: Path, count: int, as_json: bool) -> None:
    for note in notes:
        print(note, file=sys.stderr)
    answer: GrowAnswer = {
        "x3dspec": output.head("grow"),
        "file": str(out),
        "tensors": count,
        "params": network.cost().params,
        "notes": tuple(notes),
        "command": shlex.join(["x3dspec", "resolve", *_arguments(network)]),
    }
    if as_json:
        typer.echo(output.document(answer))
    else:
        typer.echo(f"{printable(str(out))}: {count} tensors, {answer['params']:,} parameters")
        typer.echo(answer["command"])


def _arguments(large: Resolved) -> list[str]:
    """What resolves the network: its spec, the factors that were set, the options chosen."""
    source = large.architecture.source
    words = [source.identity.name]
    for name, value in large.setting.items():
        words += [f"--{name.replace('_', '-')}", numbers.text(value)]
    for name, option in source.network.options.items():
        if source.options[name] != option.default:
            words += ["--set", f"{name}={source.options[name]}"]
    if source.classes != source.network.classes:
        words += ["--set", f"classes={source.classes}"]
    return words
