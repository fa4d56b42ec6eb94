"""``x3dspec convert-weights``: one checkpoint, any code base."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output
from x3dspec.language.errors import SpecError, printable, unknown
from x3dspec.pytorch import key_rules_reader

Codes = TypedDict("Codes", {"from": str, "to": str})


class ConvertWeightsAnswer(output.Answer, Codes):
    """What was written: the number of tensors, what was done besides renaming, the keys left behind."""

    file: str
    tensors: int
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


def register(app: typer.Typer) -> None:
    app.command("convert-weights")(command)


def command(
    checkpoint: Path = typer.Argument(metavar="CKPT", help="A .pyth, .pt, .pth or .safetensors."),
    spec: str = typer.Option(
        None, metavar="SPEC", help="The network whose weights they are; without it, what identify says."
    ),
    source: str = typer.Option(
        "auto",
        "--from",
        metavar="CODE",
        autocompletion=completion.code_bases,
        help="As the file of keys calls it, or auto.",
    ),
    target: str = typer.Option(
        "x3dspec",
        "--to",
        metavar="CODE",
        autocompletion=completion.code_bases,
        help="The code base to write for.",
    ),
    out: Path = typer.Option(
        ..., "-o", "--output", metavar="FILE", help="A .pyth, .pt, .pth or .safetensors."
    ),
    num_classes: int = typer.Option(None, min=1, help="Give it a new head with so many classes."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Convert a checkpoint to another code base's names.

    Needs torch.

    Every missing, unexpected or mis-shaped key is an error by name, and then nothing is written.

    x3dspec convert-weights X3D_S.pyth -o x3d_s.pt
    """
    try:
        from x3dspec.pytorch import checkpoint as checkpoints
        from x3dspec.pytorch import convert as weights
        from x3dspec.pytorch.identify import identify
    except ModuleNotFoundError:
        raise SpecError.at(
            "", 'convert-weights needs torch: pip install ".[torch]" in a clone of x3dspec'
        ) from None

    output.claim(("-o", out), reads=[checkpoint], force=force)
    given = checkpoints.read(checkpoint)
    if spec is None:
        identified = identify(given.shapes, str(checkpoint))
        print(f"identified: {shlex.join(identified.arguments)}", file=sys.stderr)
        resolved = identified.resolved
        architecture = arguments.chosen(resolved.architecture, options)
        resolved = architecture.at(resolved.setting)
        source = identified.code_base if source == weights.AUTO else source
    else:
        architecture = arguments.opened(spec, options)
        resolved = architecture.resolve()
    rules = key_rules_reader.load_rules(architecture)
    for option, name, known in (("--from", source, ["auto", *rules.names]), ("--to", target, rules.names)):
        if name not in known:
            raise SpecError.at(option, unknown("code base", name, known, "they are"))
    found = weights.convert(
        given.state,
        source,
        target,
        rules,
        resolved,
        num_classes=num_classes,
        names=given.names,
        label=str(checkpoint),
    )
    checkpoints.write(out, found.state, found.nesting)
    for note in found.notes:
        print(note, file=sys.stderr)
    if as_json:
        answer: ConvertWeightsAnswer = {
            "x3dspec": output.head("convert-weights"),
            "from": found.source,
            "to": found.target,
            "file": str(out),
            "tensors": len(found.state),
            "notes": found.notes,
            "skipped": found.skipped,
        }
        typer.echo(output.document(answer))
    else:
        typer.echo(f"{printable(str(out))}: {len(found.state)} tensors, {found.source} to {found.target}")
