"""``x3dspec export``: emitted modules for other runtimes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typing_extensions import TypedDict

from x3dspec.cli import completion, output
from x3dspec.cli import doctor as examination
from x3dspec.cli.doctor import DoctorAnswer
from x3dspec.codegen.forms import known_form
from x3dspec.language.errors import Infeasible, SpecError, printable, unknown

if TYPE_CHECKING:
    from x3dspec.pytorch.export import Exported


class Parity(TypedDict):
    """One clip through torch and through the exported file: the logits' difference, of the largest."""

    shape: tuple[int, ...]
    difference: float
    ok: bool


class ExportAnswer(output.Answer):
    """What was written, and how it compares. Where a parity is not ok, nothing was written.

    `inspected` says what was found where nothing here runs the file. `doctor` is null unless asked for, and
    then nothing was exported.
    """

    format: str
    form: str
    files: tuple[str, ...]
    dynamic: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parity: list[Parity]
    inspected: str
    doctor: DoctorAnswer | None


def register(app: typer.Typer) -> None:
    app.command("export")(command)


def command(
    file: Path = typer.Argument(metavar="FILE", help="An emitted module."),
    to: str = typer.Option(
        ...,
        metavar="FORMAT",
        autocompletion=completion.formats,
        help="onnx, openvino, torch-export, litert, executorch, ncnn or coreml.",
    ),
    out: Path = typer.Option(None, "-o", "--output", metavar="OUT", help="The file to write."),
    form: str = typer.Option(
        None,
        "--form",
        autocompletion=completion.forms,
        help="The form to export; by default the file's, or one that the format can run.",
    ),
    weights: Path = typer.Option(None, metavar="CKPT", help="Weights, as convert-weights writes them."),
    spec: str = typer.Option(None, help="The file's spec, where its header does not lead to it."),
    preprocess: bool = typer.Option(
        False, "--preprocess", help="Frames go in as bytes, (H, W, C); scale, mean and std are inside."
    ),
    doctor: bool = typer.Option(
        False, "--doctor", help="Say what would run where and what stands in the way; export nothing."
    ),
    static: bool = typer.Option(False, "--static", help="Fix batch, frames and size to the clip's."),
    dynamic: str = typer.Option(
        None,
        metavar="AXES",
        autocompletion=completion.open_axes,
        help="What stays open: batch,frames,height,width.",
    ),
    opset: int = typer.Option(None, min=18, max=25, help="ONNX's opset; by default torch's exporter's."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Export a module to ONNX, OpenVINO, LiteRT, ExecuTorch, ncnn, Core ML or torch.export.

    In the form that the runtime can run; compared with the module before it is kept. Needs torch.

    Importing a module runs its code: export only what you would import.

    x3dspec export generated/x3d_s.py --to onnx -o x3d_s.onnx
    """
    try:
        from x3dspec.pytorch.export import Wish, about, export, in_form, target
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SpecError.at("", 'export needs torch: pip install ".[torch]" in a clone of x3dspec') from None

    if (out is None) is not doctor:
        raise SpecError.at("-o", "goes without --doctor" if doctor else "needs the file to write")
    output.claim(("-o", out), reads=[file, *([weights] if weights else [])], force=force)
    runtime = target(to)
    own = _form(file)
    chosen = runtime.form(own, None if form is None else known_form(form))
    wish = Wish(_axes(static, dynamic), opset, preprocess=preprocess)
    network, clip = in_form(file, chosen, weights, spec)
    why = "" if chosen == own or form else f", not {own}: {runtime.because}"
    if doctor:
        found = examination.examined(network, runtime, clip, wish)
        if as_json:
            typer.echo(output.document(_answer(None, to, chosen, found)))
        else:
            typer.echo("\n".join([f"form        {chosen}{why}", *examination.lines(found)]))
        if found["obstacles"]:
            raise Infeasible(f"{to} would not take it")
        return
    if sys.stderr.isatty():
        print(f"exporting to {to} and comparing, which can take a minute ...", file=sys.stderr)
    wish = Wish(wish.dynamic, opset, about(file, network), preprocess)
    exported = export(network, to, out, clip, wish)
    if as_json:
        typer.echo(output.document(_answer(exported, to, chosen, None)))
    else:
        typer.echo("\n".join([f"form  {chosen}{why}", *_lines(exported)]))
    if not exported.ok:
        raise Infeasible(f"{to} does not agree with torch; nothing was written")


def _form(file: Path) -> str:
    """The form that an emitted file says it is of."""
    from x3dspec.codegen.header_reader import read_header
    from x3dspec.pytorch.emitted_file import emitted_text

    return read_header(emitted_text(file), str(file)).form


def _axes(static: bool, dynamic: str | None) -> tuple[str, ...] | None:
    from x3dspec.pytorch.export import AXES

    if dynamic is None:
        return () if static else None
    if static:
        raise SpecError.at("--dynamic", "goes without --static")
    axes = tuple(dynamic.split(","))
    wrong = [axis for axis in axes if axis not in AXES]
    if wrong:
        raise SpecError.at("--dynamic", unknown("axis", wrong[0], AXES, "the axes are"))
    return axes


def _lines(exported: Exported) -> list[str]:
    """For people."""
    lines = [exported.inspected] if exported.inspected else []
    for parity in exported.parities:
        mark = "ok  " if parity.ok else "FAIL"
        shape = " x ".join(map(str, parity.shape))
        lines.append(f"{mark}  {shape}: logits differ by {parity.difference:.1e} of the largest")
    return [*lines, *map(printable, exported.files)]


def _answer(exported: Exported | None, to: str, form: str, doctor: DoctorAnswer | None) -> ExportAnswer:
    """What was exported, or nothing but what the doctor says."""
    return {
        "x3dspec": output.head("export"),
        "format": to,
        "form": form,
        "files": exported.files if exported else (),
        "dynamic": exported.dynamic if exported else (),
        "inputs": exported.inputs if exported else (),
        "outputs": exported.outputs if exported else (),
        "parity": [output.picked(Parity, parity) for parity in (exported.parities if exported else ())],
        "inspected": exported.inspected if exported else "",
        "doctor": doctor,
    }
