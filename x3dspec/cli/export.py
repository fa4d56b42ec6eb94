"""``x3dspec export``: emitted modules for other runtimes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.language.errors import Infeasible, SpecError, printable, unknown

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
    dynamic: tuple[str, ...]
    parity: list[Parity]


def register(app: typer.Typer) -> None:
    app.command("export")(command)


def command(
    file: Path = typer.Argument(metavar="FILE", help="An emitted module."),
    to: str = typer.Option(..., metavar="FORMAT", help="onnx, torch-export or openvino."),
    out: Path = typer.Option(..., "-o", "--output", metavar="OUT", help="The file to write."),
    weights: Path = typer.Option(None, metavar="CKPT", help="Weights, as convert-weights writes them."),
    static: bool = typer.Option(False, "--static", help="Fix batch, frames and size to the clip's."),
    dynamic: str = typer.Option(None, metavar="AXES", help="What stays open: batch,frames,height,width."),
    opset: int = typer.Option(None, min=18, max=25, help="ONNX's opset; by default torch's exporter's."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Export a module to ONNX, OpenVINO or torch.export.

    The export is compared with the module before it is kept. Needs torch.

    Importing a module runs its code: export only what you would import.

    x3dspec export generated/x3d_s.py --to onnx -o x3d_s.onnx
    """
    try:
        from x3dspec.pytorch.export import AXES, Wish, about, export, module
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SpecError.at("", 'export needs torch: pip install ".[torch]" in a clone of x3dspec') from None

    output.claim(("-o", out), reads=[file, *([weights] if weights else [])], force=force)
    network, clip = module(file, weights)
    axes = () if static else AXES if dynamic is None else tuple(dynamic.split(","))
    wrong = [axis for axis in axes if axis not in AXES]
    if wrong or (static and dynamic):
        message = unknown("axis", wrong[0], AXES, "the axes are") if wrong else "goes without --static"
        raise SpecError.at("--dynamic", message)
    if sys.stderr.isatty():
        print(f"exporting to {to} and comparing, which can take a minute ...", file=sys.stderr)
    found = export(network, to, out, clip, Wish(axes, opset, about(file, network)))
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
        "parity": [output.picked(Parity, parity) for parity in found.parities],
    }
