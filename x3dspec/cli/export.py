"""``x3dspec export``: emitted modules for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.language.errors import Infeasible, SpecError, printable

if TYPE_CHECKING:
    from x3dspec.pytorch.export import Exported


class Parity(TypedDict):
    """One clip through torch and through the exported file: the logits' difference, of the largest."""

    shape: tuple[int, ...]
    difference: float
    ok: bool


class ExportAnswer(output.Answer):
    """What was written, and how it compares. Where a parity is not ok, nothing was written."""

    format: str
    files: tuple[str, ...]
    dynamic: bool
    parity: list[Parity]


def register(app: typer.Typer) -> None:
    app.command("export")(command)


def command(
    file: Path = typer.Argument(metavar="FILE", help="An emitted module."),
    to: str = typer.Option(..., metavar="FORMAT", help="onnx, torch-export or openvino."),
    out: Path = typer.Option(..., "-o", "--output", metavar="OUT", help="The file to write."),
    weights: Path = typer.Option(None, metavar="CKPT", help="Weights, as convert-weights writes them."),
    static: bool = typer.Option(False, "--static", help="Fix batch, frames and size to the clip's."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Export a module to ONNX, OpenVINO or torch.export.

    The export is compared with the module before it is kept. Needs torch.

    Importing a module runs its code: export only what you would import.

    x3dspec export generated/x3d_s.py --to onnx -o x3d_s.onnx
    """
    try:
        from x3dspec.pytorch.export import export, module
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SpecError.at("", 'export needs torch: pip install ".[torch]" in a clone of x3dspec') from None

    output.claim(("-o", out), reads=[file, *([weights] if weights else [])], force=force)
    network, clip = module(file, weights)
    found = export(network, to, out, clip, dynamic=not static)
    if as_json:
        typer.echo(output.document(_content(found)))
    else:
        for parity in found.parities:
            mark = "ok  " if parity.ok else "FAIL"
            shape = " x ".join(map(str, parity.shape))
            typer.echo(f"{mark}  {shape}: logits differ by {parity.difference:.1e} of the largest")
        for name in found.files:
            typer.echo(printable(name))
    if not found.ok:
        raise Infeasible(f"{to} does not agree with torch; nothing was written")


def _content(found: Exported) -> ExportAnswer:
    return {
        "x3dspec": output.head("export"),
        "format": found.format,
        "files": found.files,
        "dynamic": found.dynamic,
        "parity": [{"shape": p.shape, "difference": p.difference, "ok": p.ok} for p in found.parities],
    }
