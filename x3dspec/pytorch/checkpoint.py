"""Checkpoints as files: read without running their code, written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from x3dspec.codegen import files
from x3dspec.language.errors import Problem, SpecError, shown

PICKLED = (".pyth", ".pt", ".pth")
SAFETENSORS = ".safetensors"
#: What trainers wrap a state dict in, and what wrappers of modules put in front of its keys.
_NESTINGS = ("model_state", "state_dict", "model", "module", "net")
_PREFIXES = ("module.", "_orig_mod.", "model.")
_MAX_NESTING = 4
_MAX_KEY = 120

#: Classes that trainers leave in a checkpoint beside its tensors. What stands for them while it is
#: read holds nothing and does nothing.
_INERT = (
    "argparse.Namespace",
    "mmengine.logging.history_buffer.HistoryBuffer",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    "numpy.ndarray",
    "numpy.dtype",
)
_MAX_CONFIG = 1 << 16

State = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        state: the tensors by name, on the CPU.
        names: what its file, its own text and a ``config.json`` beside it call the network.
        rest: what else the file holds beside the state dict, by key.
    """

    state: State
    names: tuple[str, ...]
    rest: Mapping[str, object]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {key: tuple(tensor.shape) for key, tensor in self.state.items()}


class _Inert:
    """Stands for an object that is of no use here: made of anything, keeps nothing."""

    def __new__(cls, *_: object) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def read(path: Path) -> Checkpoint:
    """Read a checkpoint's tensors, as they are named in it, on the CPU.

    Nothing in the file is run. What trainers wrap around a state dict is taken off; objects that they
    leave beside it (counters, arguments) are read as nothing.

    Raises:
        SpecError: no such file, not a checkpoint, one that needs code to be read, or no tensors.
    """
    label = str(path)
    _suffix(path)
    with _reading(label):
        loaded = _loaded(path, label)
    state = _plain(_unwrapped(loaded, label), label)
    rest = {str(key): value for key, value in loaded.items()} if isinstance(loaded, Mapping) else {}
    return Checkpoint(state, tuple(_names(path, rest)), rest)


def read_tensor(path: Path) -> Tensor:
    """The one tensor of a .pt or .pth file.

    Raises:
        SpecError: as :func:`read`, or it holds something else.
    """
    if path.suffix not in PICKLED:
        raise SpecError.at(str(path), f"is no folder, and no {' or '.join(PICKLED)}")
    with _reading(str(path)):
        loaded = _loaded(path, str(path))
    if not isinstance(loaded, Tensor):
        raise SpecError.at(str(path), "holds something else than one tensor")
    return loaded


def _loaded(path: Path, label: str) -> object:
    if path.is_dir():
        raise SpecError.at(label, "is a directory, not a checkpoint")
    if path.exists() and not path.is_file():
        raise SpecError.at(label, "is not a regular file")
    if path.suffix == SAFETENSORS:
        return _safetensors().load_file(path)
    _check_archive(path, label)
    with torch.serialization.safe_globals([(_Inert, name) for name in _INERT]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _names(path: Path, rest: Mapping[str, object]) -> Iterator[str]:
    yield path.stem
    if isinstance(name := rest.get("arch"), str):
        yield name
    beside = path.parent / "config.json"
    if beside.is_file() and beside.stat().st_size <= _MAX_CONFIG:
        with contextlib.suppress(ValueError, OSError, RecursionError):
            config = json.loads(beside.read_bytes())
            if isinstance(config, dict) and isinstance(name := config.get("architecture"), str):
                yield name


def write(
    path: Path,
    state: Mapping[str, Tensor],
    nesting: str | None = None,
    beside: Mapping[str, object] | None = None,
) -> None:
    """Write a state dict, all of it or nothing; under the key `nesting` where the format nests.

    What there is `beside` it, an optimiser's state, goes into the same file.

    Raises:
        SpecError: an unknown suffix, or a file that cannot be written.
    """
    _suffix(path)
    if beside and path.suffix == SAFETENSORS:
        raise SpecError.at(str(path), f"only {', '.join(PICKLED)} can hold more than tensors")
    if path.suffix == SAFETENSORS:
        content: bytes = _safetensors().save(_separate(state))
    else:
        buffer = io.BytesIO()
        nesting = nesting or ("model" if beside else None)
        torch.save({nesting: dict(state), **(beside or {})} if nesting else dict(state), buffer)
        content = buffer.getvalue()
    files.write({path: content})


@contextlib.contextmanager
def _reading(label: str) -> Iterator[None]:
    """Whatever torch and safetensors raise on a hostile or broken file becomes one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SpecError:
        raise
    except FileNotFoundError:
        raise SpecError.at(label, "no such file") from None
    except PermissionError:
        raise SpecError.at(label, "cannot be read: permission denied") from None
    except pickle.UnpicklingError as error:
        raise SpecError.at(label, _refusal(str(error))) from None
    except Exception:  # Both libraries raise nearly anything on bytes that they did not write.
        raise SpecError.at(label, "is not a checkpoint, or a damaged one") from None


def _check_archive(path: Path, label: str) -> None:
    """torch never compresses: an archive that grows when it is read was made to fill the memory."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > path.stat().st_size:
            raise SpecError.at(label, "is a compressed archive, which torch does not write")


def _refusal(words: str) -> str:
    code = re.search(r"GLOBAL ([\w.]+)", words)
    if code is None:
        return "is not a checkpoint that can be read without running code, or a damaged one"
    return f"is refused: reading it would run code, {shown(code[1])}; save its tensors alone"


def _suffix(path: Path) -> None:
    known = (*PICKLED, SAFETENSORS)
    if path.suffix not in known:
        raise SpecError.at(str(path), f"the name of a checkpoint ends in one of {', '.join(known)}")


def _safetensors() -> Any:
    try:
        return import_module("safetensors.torch")
    except ImportError:
        message = "this format needs a package: pip install '.[safetensors]' in a clone of x3dspec"
        raise SpecError.at(SAFETENSORS, message) from None


def _unwrapped(loaded: object, label: str) -> Mapping[object, object]:
    """The mapping that holds the tensors, within what trainers put around it."""
    found = loaded
    for _ in range(_MAX_NESTING):
        if not isinstance(found, Mapping):
            break
        inside = [found[name] for name in _NESTINGS if isinstance(found.get(name), Mapping)]
        if inside:
            found = inside[0]
        elif any(isinstance(value, Tensor) for value in found.values()):
            return found
        else:
            break
    raise SpecError.at(label, "holds no state dict: there are no tensors by name in it")


def _plain(mapping: Mapping[object, object], label: str) -> State:
    """Tensors by name, without the prefixes that wrappers of a module leave behind."""
    state: State = {}
    problems = []
    for key, value in mapping.items():
        if isinstance(key, str) and isinstance(value, Tensor):
            state[key] = value.detach()
        else:
            problems.append(Problem(label, 0, 0, spelled_key(str(key)), "is not a tensor by name"))
    if problems:
        raise SpecError(problems)
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _separate(state: Mapping[str, Tensor]) -> State:
    """Copies: safetensors writes neither strided nor shared memory."""
    return {k: v.clone(memory_format=torch.contiguous_format) for k, v in state.items()}


def spelled_key(key: str) -> str:
    """A key as a message names it; those of real networks are shorter."""
    return key if key.isprintable() and len(key) <= _MAX_KEY else shown(key)
