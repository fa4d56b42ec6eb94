"""``x3dspec emit``: specs to PyTorch modules."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import typer

from x3dspec.cli import arguments, completion, output
from x3dspec.codegen import module as emit
from x3dspec.codegen.forms import known_form
from x3dspec.codegen.header import is_ours
from x3dspec.language import shipped as assets
from x3dspec.language.errors import Infeasible, SpecError, printable
from x3dspec.language.identifiers import is_identifier, is_name
from x3dspec.network.architecture import load


def register(app: typer.Typer) -> None:
    app.command("emit", context_settings=arguments.OPEN)(command)


def command(
    context: typer.Context,
    specs: list[str] = typer.Argument(
        None, metavar="[SPEC ...] [--FACTOR VALUE ...]", help="Specs; all shipped ones when none is named."
    ),
    out: Path = typer.Option(None, "--out", metavar="FOLDER", help="Where the modules go."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    name: str = typer.Option(None, help="Name of the module and its factory (one SPEC only)."),
    form: str = typer.Option(
        "train",
        "--form",
        autocompletion=completion.forms,
        help="train: plain modules; deploy: norms folded, for inference; flat: that in tensors of rank 4; "
        "stream: a frame a step, and state; stream_train: what trains a stream. A form other than train is "
        "called NAME_FORM.",
    ),
    check: bool = typer.Option(False, "--check", help="Compare with what is there; write nothing."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Write one standalone PyTorch module per spec.

    x3dspec emit --out generated/
    """
    found = arguments.split(specs or [])
    _folder(out, found)
    names = list(found.specs) or list(assets.shipped())
    if (found.factors or name) and len(found.specs) != 1:
        raise SpecError.at("x3dspec emit", "factor values and --name go with exactly one SPEC")
    if name is not None and not is_identifier(name):
        raise SpecError.at("--name", f"{name!r} {_no_name(name)}")
    known_form(form)
    files: dict[Path, str] = {}
    for spec in names:
        architecture = arguments.opened(spec, options) if options else load(spec)
        resolved = architecture.at(arguments.values(architecture, found.factors, context))
        target = out / f"{name or emit.default_name(architecture.name, form)}.py"
        if target in files:
            raise SpecError.at(spec, f"a second spec named {architecture.name!r}")
        files[target] = emit.source(resolved, name, form)
    if check:
        _check(files, out if not found.specs else None)
        typer.echo(f"{len(files)} modules in {printable(str(out))} are up to date")
        return
    output.claim(*(("--out", path) for path in files), force=force)
    output.write({path: text for path, text in files.items() if not _same(path, text)})
    for path in files:
        typer.echo(printable(str(path)))


def module_name(path: Path) -> str:
    """The name of the factory in a module's file, which is the file's own.

    Raises:
        SpecError: the file's name is no name for a module.
    """
    if path.suffix != ".py" or not is_identifier(path.stem):
        wrong = "must end in .py" if path.suffix != ".py" else _no_name(path.stem)
        raise SpecError.at(str(path), wrong)
    return path.stem


def _no_name(name: str) -> str:
    """Why a module cannot be called so."""
    if is_name(name):
        return "is a reserved name: choose another"
    return "cannot name a module: letters, digits and _, a letter first"


def _folder(out: Path | None, words: arguments.Words) -> None:
    """A folder, which a single file is not."""
    single = next((text for option, text in words.factors if option in ("-o", "--output")), None)
    single = single or (str(out) if out is not None and out.suffix == ".py" else None)
    if single:
        name = Path(single).stem
        raise SpecError.at(
            "x3dspec emit",
            f"writes into a folder: --out {shlex.quote(str(Path(single).parent))} --name {name}",
        )
    if out is None:
        raise SpecError.at("x3dspec emit", "needs --out FOLDER, where the modules go")


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _check(files: dict[Path, str], folder: Path | None) -> None:
    """Compare without writing.

    Raises:
        Infeasible: a file is missing or differs, or one of ours in `folder` belongs to no spec.
    """
    wrong = []
    for path, text in files.items():
        if not _same(path, text):
            wrong.append(f"{path}: {'stale' if path.is_file() else 'missing'}")
    if folder is not None and folder.is_dir():
        extra = [path for path in sorted(folder.glob("*.py")) if path not in files and is_ours(path)]
        wrong += [f"{path}: generated, but by no shipped spec" for path in extra]
    if wrong:
        for line in wrong:
            print(printable(line), file=sys.stderr)
        raise Infeasible(f"{len(wrong)} of {len(files)} modules are not what the specs say; run x3dspec emit")
