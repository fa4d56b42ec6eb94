"""``x3dspec grow``: a checkpoint becomes one of a larger network that computes the same."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import typer

from x3dspec.cli import arguments, output
from x3dspec.language import numbers
from x3dspec.language.errors import SpecError, printable, unknown
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import key_rules, key_rules_reader


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
        metavar="CKPT [--FACTOR VALUE]", help="A checkpoint; factors are the larger network's."
    ),
    start: str = typer.Option(
        None, "--from", metavar="SPEC", help="The network it is of; without it, what identify says."
    ),
    goal: str = typer.Option(
        None, "--to", metavar="SPEC", help="The larger network; without it, the same with the factors given."
    ),
    method: str = typer.Option("duplicate", metavar="METHOD", help="duplicate, or zero."),
    out: Path = typer.Option(
        ..., "-o", "--output", metavar="FILE", help="A .pyth, .pt, .pth or .safetensors."
    ),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Grow weights into those of a larger network.

    It computes the same function. Needs torch.

    Widths, inner widths and depths may grow, all at once and by any ratio. In eval and in train mode the
    larger network computes what the smaller one did. The names stay those of the checkpoint.

    x3dspec grow x2d.pt --to x3d_xs -o x3d_xs.pt
    """
    try:
        from x3dspec.pytorch import checkpoint as checkpoints
        from x3dspec.pytorch import convert
        from x3dspec.pytorch import grow as growth
        from x3dspec.pytorch.identify import identify
    except ModuleNotFoundError:
        raise SpecError.at("", 'grow needs torch: pip install "x3dspec[torch]"') from None

    known = [each.value for each in growth.Method]
    if method not in known:
        raise SpecError.at("--method", unknown("method", method, known, "the methods are"))
    path, factors = arguments.single(words, "grow", context)
    output.claim(("-o", out), reads=[Path(path)], force=force)
    given = checkpoints.read(Path(path))
    small = arguments.opened(start, []).resolve() if start else identify(given.shapes, path).resolved
    family = arguments.opened(goal, []) if goal else small.architecture
    changes = arguments.values(family, factors, context)
    own = small.architecture.source.options
    options = {name: own[name] for name in family.source.network.options if name in own}
    family = family.choose(**options, classes=small.network.classes)
    large = family.at({**({} if goal else small.setting), **changes})

    rules = key_rules_reader.load_rules(small.architecture)
    code_base = rules.detect(given.state, path)
    state = convert.convert(
        given.state, code_base, key_rules.OWN, rules, small, names=given.names, label=path
    )
    grown = growth.grow(state.state, small, large, growth.Method(method))
    written = convert.convert(grown, key_rules.OWN, code_base, rules, large)
    checkpoints.write(out, written.state, written.nesting)
    _say(growth.notes(small, large), large, out, len(written.state), as_json)


def _say(notes: list[str], large: Resolved, out: Path, count: int, as_json: bool) -> None:
    for note in notes:
        print(note, file=sys.stderr)
    answer: GrowAnswer = {
        "x3dspec": output.head("grow"),
        "file": str(out),
        "tensors": count,
        "params": large.cost().params,
        "notes": tuple(notes),
        "command": shlex.join(["x3dspec", "resolve", *_arguments(large)]),
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
