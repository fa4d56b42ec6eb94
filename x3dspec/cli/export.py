"""``x3dspec export``: emitted modules for other runtimes."""

from __future__ import annotations

from pathlib import Path

import typer

from x3dspec.cli import output
from x3dspec.errors import Infeasible, SpecError


def register(app: typer.Typer) -> None:
    app.command("export")(command)


def command(
    file: Path = typer.Argument(metavar="FILE", help="An emitted module."),
    to: str = typer.Option(..., metavar="FORMAT", help="onnx, torch-export or openvino."),
    out: Path = typer.Option(..., "-o", "--output", metavar="OUT", help="The file to write."),
    weights: Path = typer.Option(None, metavar="CKPT", help="Weights, as convert-weights writes them."),
    static: bool = typer.Option(False, "--static", help="Fix batch, frames and size to the clip's."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Export an emitted module, and compare the export with it. Needs torch.

    Importing a module runs its code: export only what you would import.

    x3dspec export generated/x3d_s.py --to onnx -o x3d_s.onnx
    """
    try:
        from x3dspec.export import export, module
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SpecError.at("", 'export needs torch: pip install "x3dspec[torch]"') from None

    network, clip = module(file, weights)
    found = export(network, to, out, clip, dynamic=not static)
    if as_json:
        content = {
            "format": found.format,
            "files": list(found.files),
            "dynamic": found.dynamic,
            "parity": [
                {"shape": list(p.shape), "difference": p.difference, "ok": p.ok} for p in found.parities
            ],
        }
        typer.echo(output.document(content))
    else:
        for parity in found.parities:
            mark = "ok  " if parity.ok else "FAIL"
            shape = " x ".join(map(str, parity.shape))
            typer.echo(f"{mark}  {shape}: logits differ by {parity.difference:.1e} of the largest")
        for name in found.files:
            typer.echo(name)
    if not found.ok:
        raise Infeasible(f"{to} does not agree with torch; nothing was written")
