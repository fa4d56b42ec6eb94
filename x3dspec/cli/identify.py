"""``x3dspec identify``: which network a checkpoint is of."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from x3dspec.cli import output
from x3dspec.language import numbers
from x3dspec.language.errors import SpecError, printable


class IdentifyAnswer(output.Answer):
    """The network: its spec, what is chosen in it, whose names its tensors have, what they do not tell."""

    file: str
    spec: str
    code_base: str
    factors: dict[str, str]
    options: dict[str, int | str]
    classes: int
    tensors: int
    alike: tuple[str, ...]
    untold: tuple[str, ...]
    command: str


def register(app: typer.Typer) -> None:
    app.command("identify")(command)


def command(
    checkpoint: Path = typer.Argument(metavar="CKPT", help="A .pyth, .pt, .pth or .safetensors."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Say which network a checkpoint is of.

    From its tensors' names and shapes alone. Needs torch.

    The last line resolves that network. A damaged or foreign file is answered by the first tensor that
    no network of a shipped family can have.

    x3dspec identify X3D_S.pyth
    """
    try:
        from x3dspec.pytorch.checkpoint import read
        from x3dspec.pytorch.identify import identify
    except ModuleNotFoundError:
        raise SpecError.at("", 'identify needs torch: pip install ".[torch]" in a clone of x3dspec') from None

    given = read(checkpoint)
    network = identify(given.shapes, str(checkpoint))
    source = network.resolved.architecture.source
    answer: IdentifyAnswer = {
        "x3dspec": output.head("identify"),
        "file": str(checkpoint),
        "spec": network.spec,
        "code_base": network.code_base,
        "factors": {name: numbers.text(value) for name, value in network.resolved.setting.items()},
        "options": dict(source.options),
        "classes": source.classes,
        "tensors": len(given.state),
        "alike": network.alike,
        "untold": network.untold,
        "command": shlex.join(["x3dspec", "resolve", *network.arguments]),
    }
    typer.echo(output.document(answer) if as_json else "\n".join(_lines(answer)))


def _lines(answer: IdentifyAnswer) -> list[str]:
    named = "our own names" if answer["code_base"] == "x3dspec" else f"{answer['code_base']}'s names"
    lines = [f"{printable(answer['file'])}: {answer['spec']}, {answer['tensors']} tensors by {named}"]
    if answer["factors"]:
        lines.append("factors   " + ", ".join(f"{n} = {v}" for n, v in answer["factors"].items()))
    lines.append("options   " + ", ".join(f"{n}={v}" for n, v in answer["options"].items()))
    lines.append(f"classes   {answer['classes']}")
    if answer["alike"]:
        lines.append(f"alike     {', '.join(answer['alike'])}: the same tensors at other frames and sizes")
    if answer["untold"]:
        lines.append(f"not told  {', '.join(answer['untold'])}: another choice has the same tensors")
    return [*lines, answer["command"]]
