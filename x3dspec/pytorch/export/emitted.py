"""Emitted files as networks, in the form that a runtime can run.

Importing an emitted file runs it, as any import does: export what you would import.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from x3dspec.codegen import module as emit
from x3dspec.codegen.forms import default_name
from x3dspec.codegen.header_reader import read_header
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import load
from x3dspec.pytorch.emitted_file import emitted_text, settled, spec_of
from x3dspec.pytorch.probe import loaded


def module(path: Path, checkpoint: Path | None = None) -> tuple[nn.Module, tuple[int, ...]]:
    """The network of an emitted file in eval mode, and the clip it was counted at: (1, C, T, H, W).

    Args:
        path: the file; its factory is called as the file is.
        checkpoint: weights for it, under its own names or the training form's; see
            ``x3dspec convert-weights``.

    Raises:
        SpecError: no emitted file, a file that does not import, weights that do not fit.
    """
    text = emitted_text(path)
    clip = read_header(text, str(path)).input
    network = _built(text, path, path.stem)
    if checkpoint is not None:
        _load(network, checkpoint, path)
    return network.eval(), (1, *clip)


def in_form(
    path: Path, form: str, checkpoint: Path | None = None, spec: str | None = None
) -> tuple[nn.Module, tuple[int, ...]]:
    """The same network as :func:`module` gives in another form, emitted anew from the file's spec.

    `spec` is where that is, if not where the file's header says.

    Raises:
        SpecError: as there; also no spec, one that has changed, or a network that cannot have the form.
    """
    header = read_header(emitted_text(path), str(path))
    if header.form == form:
        return module(path, checkpoint)
    architecture = load(spec or spec_of(header, path))
    said = [sha256 for _, sha256 in header.origins]
    if said != [origin.sha256 for origin in architecture.source.origins]:
        raise SpecError.at(str(path), f"its spec was edited since: emit it again to export its {form} form")
    resolved = settled(header, architecture)
    name = default_name(resolved.network.identity.name, form)
    network = _built(emit.source(resolved, form=form), path, name)
    if checkpoint is not None:
        _load(network, checkpoint, path)
    return network.eval(), (1, *read_header(emit.source(resolved, form=form), name).input)


def about(path: Path, network: nn.Module) -> dict[str, str]:
    """What an exported file says of the emitted one: the spec and its hash, the number of classes.

    Raises:
        SpecError: no emitted file.
    """
    header = read_header(emitted_text(path), str(path))
    origins = dict(zip(("spec", "base"), header.origins, strict=False))
    said = {f"x3dspec.{kind}": f"{label} sha256 {sha256}" for kind, (label, sha256) in origins.items()}
    return {"x3dspec.version": header.version, **said, "classes": str(network.num_classes)}


def _load(network: nn.Module, checkpoint: Path, path: Path) -> None:
    """Weights under the network's own names, or those of its training form."""
    from x3dspec.pytorch.checkpoint import read

    state = dict(read(checkpoint).state)
    wrong = _misfits(network.state_dict(), state)
    if not wrong:
        network.load_state_dict(state)
        return
    load_train_state = getattr(network, "load_train_state", None)
    if load_train_state is not None:
        try:
            load_train_state(state)
        except RuntimeError as error:
            wrong = str(error).partition(": ")[2].split("; ")
        else:
            return
    more = f" and {len(wrong) - 6} more" if len(wrong) > 6 else ""
    raise SpecError.at(str(checkpoint), f"does not fit {path.name}: {', '.join(wrong[:6])}{more}")


def _misfits(own: dict[str, Tensor], state: dict[str, Tensor]) -> list[str]:
    shapes = [f"{key} of another shape" for key in own if key in state and own[key].shape != state[key].shape]
    missing = [f"{key} missing" for key in own if key not in state]
    return [*missing, *(f"{key} unexpected" for key in state if key not in own), *shapes]


def _built(text: str, path: Path, name: str) -> nn.Module:
    try:
        network = vars(loaded(text, str(path)))[name]()
    except Exception as error:
        raise SpecError.at(str(path), f"does not build: {type(error).__name__}: {error}") from None
    if not isinstance(network, nn.Module):
        raise SpecError.at(str(path), f"{name}() does not return a module")
    return network
