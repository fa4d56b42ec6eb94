"""Checkpoints: read without running their code, renamed from one code base to another, written.

The expected keys and shapes are asked of the emitted module itself, built here from the text that
``emit`` writes: what a state dict holds is torch's affair, and a second account of it would drift.
Other code bases' names, and the dialect each speaks, are rules in data (see ``keys``). A dialect is
a setting of the spec's options, so what two dialects differ in is the difference of two networks;
norms that only one of them has are filled in as the identity or folded away.
"""

from __future__ import annotations

import contextlib
import io
import math
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from x3dspec.codegen import files
from x3dspec.codegen import module as emit
from x3dspec.language.errors import Problem, SpecError, shown
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.key_rules import OWN, OptionalNorm, Rules
from x3dspec.pytorch.probe import loaded

#: Let the keys of the checkpoint say which code base it is from.
AUTO = "auto"
PICKLED = (".pyth", ".pt", ".pth")
SAFETENSORS = ".safetensors"
#: What trainers wrap a state dict in, and what wrappers of modules put in front of its keys.
_NESTINGS = ("model_state", "state_dict", "model", "module", "net")
_PREFIXES = ("module.", "_orig_mod.", "model.")
_MAX_NESTING = 4
_MAX_KEY = 120

State = dict[str, Tensor]
Shapes = Mapping[str, torch.Size]


@dataclass(frozen=True)
class Conversion:
    """A state dict in the names of another code base.

    Attributes:
        state: the tensors, in the order of the target's state dict.
        source: the code base the checkpoint was from.
        target: the code base whose names `state` has.
        nesting: the key under which the target's checkpoints hold their state dict, if they do.
        notes: what was done besides renaming, each in one line.
        skipped: the keys of the checkpoint that were left behind for a new head.
    """

    state: State
    source: str
    target: str
    nesting: str | None
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


def read(path: Path) -> State:
    """The tensors of a checkpoint, as they are named in it, on the CPU.

    Nothing in the file is run. What trainers wrap around a state dict is taken off.

    Raises:
        SpecError: no such file, not a checkpoint, one that needs code to be read, or no tensors.
    """
    label = str(path)
    _suffix(path)
    with _reading(label):
        if path.is_dir():
            raise SpecError.at(label, "is a directory, not a checkpoint")
        if path.exists() and not path.is_file():
            raise SpecError.at(label, "is not a regular file")
        if path.suffix == SAFETENSORS:
            loaded: object = _safetensors().load_file(path)
        else:
            _check_archive(path, label)
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    return _plain(_unwrapped(loaded, label), label)


def write(path: Path, state: Mapping[str, Tensor], nesting: str | None = None) -> None:
    """Write a state dict, all of it or nothing; under the key `nesting` where the format nests.

    Raises:
        SpecError: an unknown suffix, or a file that cannot be written.
    """
    _suffix(path)
    if path.suffix == SAFETENSORS:
        content: bytes = _safetensors().save(_separate(state))
    else:
        buffer = io.BytesIO()
        torch.save({nesting: dict(state)} if nesting else dict(state), buffer)
        content = buffer.getvalue()
    files.write({path: content})


def convert(
    state: Mapping[str, Tensor],
    source: str,
    target: str,
    rules: Rules,
    resolved: Resolved,
    *,
    num_classes: int | None = None,
    label: str = "checkpoint",
) -> Conversion:
    """Rename a checkpoint's tensors, without changing the function of the network in eval mode.

    Args:
        state: the tensors, by their names in `source`.
        source: the code base that named them, or ``auto``.
        target: the code base whose names they get.
        rules: of the spec, see ``keys.load``.
        resolved: the network they belong to.
        num_classes: leave the checkpoint's classifier behind for a new one, initialised as the
            emitted module does (from a fixed seed).
        label: what messages call the checkpoint.

    Raises:
        SpecError: an unknown code base; every key that is missing, unexpected or of another shape.
    """
    if source == AUTO:
        source = rules.detect(state, label)
    given = _given(state, source, rules, resolved)
    wanted = _side(rules, target, resolved, _options(rules, target), num_classes)
    head = [] if num_classes is None else [key for key in given.names if given.is_head(key)]
    problems = list(_mismatches(state, given, frozenset(head), label))
    if problems:
        summary = f"does not fit {resolved.network.identity.name} as {source} names it"
        raise SpecError([Problem(label, 0, 0, "", f"{summary}: {_tally(problems)}"), *problems])
    ours = {
        name: state[key].reshape(given.network.shapes[name])
        for key, name in given.names.items()
        if key not in head
    }
    notes = [*given.notes, *_dialect(ours, given.network, wanted.network, rules)]
    if num_classes is not None:
        ours |= wanted.network.head(_dtype(ours))
        notes.append(_new_head(wanted.network.classifier, num_classes))
    converted = {key: ours[name].reshape(wanted.shape(key)) for key, name in wanted.names.items()}
    skipped = tuple(key for key in head if key in state)
    return Conversion(converted, source, target, rules.find(target).nesting, tuple(notes), skipped)


def factory(resolved: Resolved) -> Callable[..., nn.Module]:
    """The factory of the module that ``emit`` writes for this network."""
    return _factory(emit.source(resolved), resolved.network.identity.name)


def _factory(text: str, name: str) -> Callable[..., nn.Module]:
    # Our own text: of a spec it holds only validated identifiers, integers and inert comments.
    factory: Callable[..., nn.Module] = vars(loaded(text, f"<emitted {name}>"))[name]
    return factory


# Reading and writing


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
        message = "this format needs a package: pip install 'x3dspec[safetensors]'"
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
            problems.append(Problem(label, 0, 0, _key(str(key)), "is not a tensor by name"))
    if problems:
        raise SpecError(problems)
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _separate(state: Mapping[str, Tensor]) -> State:
    """Copies: safetensors writes neither strided nor shared memory."""
    return {k: v.clone(memory_format=torch.contiguous_format) for k, v in state.items()}


def _key(key: str) -> str:
    """A key as a message names it; those of real networks are shorter."""
    return key if key.isprintable() and len(key) <= _MAX_KEY else shown(key)


# What a network's state dict must hold


@dataclass(frozen=True)
class _Network:
    """A network's module, of which only names, shapes, eps and a fresh head are asked.

    `owned` lists the keys of each module that has tensors of its own, in order.
    """

    module: nn.Module
    shapes: Shapes
    owned: Mapping[str, Sequence[str]]
    classifier: str

    def head(self, dtype: torch.dtype) -> State:
        """The classifier as a new module has it."""
        state = self.module.state_dict()
        return {key: state[key].to(dtype, copy=True) for key in self.owned[self.classifier]}


@dataclass(frozen=True)
class _Side:
    """One end of a conversion: a code base's keys in their order, each with our name for it."""

    network: _Network
    names: Mapping[str, str]
    convolutions: frozenset[str]
    notes: tuple[str, ...] = ()

    def is_head(self, key: str) -> bool:
        return self.names[key].rpartition(".")[0] == self.network.classifier

    def shape(self, key: str) -> torch.Size:
        module, _, parameter = self.names[key].rpartition(".")
        shape = self.network.shapes[self.names[key]]
        if module in self.convolutions and parameter == "weight":
            return torch.Size((*shape, *[1] * self._dims))
        return shape

    @property
    def _dims(self) -> int:
        """Of the network's convolutions: 3, or 2 where it has no frames."""
        return max(len(shape) for shape in self.network.shapes.values()) - 2


def _network(resolved: Resolved, num_classes: int | None) -> _Network:
    module = _module(emit.source(resolved), resolved.network.identity.name, num_classes)
    shapes = {key: tensor.shape for key, tensor in module.state_dict().items()}
    owned: dict[str, list[str]] = {}
    for key in shapes:
        owned.setdefault(key.rpartition(".")[0], []).append(key)
    last = net.layers(resolved.network.stages[-1].first)
    classifier = [layer.name for layer in last if isinstance(layer, net.Linear)][-1]
    return _Network(module, shapes, owned, classifier)


@lru_cache(maxsize=4)
def _module(text: str, name: str, num_classes: int | None) -> nn.Module:
    """The emitted module, only to be looked at: both ends of a conversion are often the same one."""
    arguments = {} if num_classes is None else {"num_classes": num_classes}
    # A new head shall be the same in every run, and the caller's random numbers his own.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _factory(text, name)(**arguments)


def _options(rules: Rules, name: str) -> Mapping[str, int | str]:
    return rules.find(name).options


def _side(
    rules: Rules,
    name: str,
    resolved: Resolved,
    options: Mapping[str, int | str],
    num_classes: int | None = None,
) -> _Side:
    code_base = rules.find(name)
    if options:
        resolved = resolved.architecture.choose(**options).at(resolved.setting)
    network = _network(resolved, num_classes)
    renamed = rules.renamed(name, network.owned)
    names = {}
    for module, theirs in renamed.items():
        for key in network.owned[module]:
            names[f"{theirs}{key.removeprefix(module)}"] = key
    return _Side(network, names, code_base.convolutions)


def _given(state: Mapping[str, Tensor], source: str, rules: Rules, resolved: Resolved) -> _Side:
    """What a checkpoint of `source` must hold. One of ours may be of any dialect that it fits."""
    side = _side(rules, source, resolved, _options(rules, source))
    if source != OWN or side.names.keys() == state.keys():
        return side
    for code_base in rules.code_bases.values():
        other = _side(rules, source, resolved, code_base.options)
        if other.names.keys() == state.keys():
            chosen = ", ".join(f"{name}={value}" for name, value in code_base.options.items())
            return _Side(other.network, other.names, frozenset(), (f"the checkpoint has {chosen}",))
    return side


def _mismatches(
    state: Mapping[str, Tensor], side: _Side, ignored: frozenset[str], label: str
) -> Iterator[Problem]:
    for key in side.names:
        if key in ignored:
            continue
        if key not in state:
            yield Problem(label, 0, 0, key, "missing")
        elif state[key].shape != side.shape(key):
            message = f"of another shape: {_spelled(state[key].shape)}, not {_spelled(side.shape(key))}"
            yield Problem(label, 0, 0, key, message + _advice(state[key], side, key))
    for key in state:
        if key not in side.names:
            yield Problem(label, 0, 0, _key(key), f"unexpected: {_spelled(state[key].shape)}")


def _advice(tensor: Tensor, side: _Side, key: str) -> str:
    if not side.is_head(key) or not tensor.ndim:
        return ""
    return f"; --set classes={tensor.shape[0]} keeps this head, --num-classes makes a new one"


def _tally(problems: list[Problem]) -> str:
    kinds = dict.fromkeys(("missing", "unexpected", "of another shape"), 0)
    for problem in problems:
        kinds[problem.message.partition(":")[0]] += 1
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)


def _spelled(shape: torch.Size) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _new_head(classifier: str, classes: int) -> str:
    return f"{classifier}: a new head of {classes} classes, initialised as the emitted module does"


# Dialects: norms on shortcuts that one network has and the other lacks


def _dialect(ours: State, given: _Network, wanted: _Network, rules: Rules) -> Iterator[str]:
    """Bring `ours` from one network's modules to the other's; says what it did."""
    for module in wanted.owned:
        if module not in given.owned:
            _norm(module, rules)
            ours |= _identity(module, wanted, _dtype(ours))
            yield f"{module}: not in the checkpoint; the identity in eval mode"
    for module in given.owned:
        if module not in wanted.owned:
            yield _removed(module, ours, given, _norm(module, rules))


def _norm(module: str, rules: Rules) -> OptionalNorm:
    for norm in rules.optional_norms:
        if f".{module}".endswith(f".{norm.name}"):
            return norm
    message = f"{module} is in one dialect only, and is not among the norms that may be"
    raise SpecError([rules.document.problem(("optional_norms",), message)])


def _identity(module: str, network: _Network, dtype: torch.dtype) -> State:
    """A norm that returns its input: its weight undoes the eps under the root."""
    values = {"weight": math.sqrt(1 + _eps(module, network)), "running_var": 1.0}
    state = {}
    for key in network.owned[module]:
        name = key.rpartition(".")[2]
        kind = torch.long if name == "num_batches_tracked" else dtype
        state[key] = torch.full(network.shapes[key], values.get(name, 0), dtype=kind)
    return state


def _removed(module: str, ours: State, network: _Network, norm: OptionalNorm) -> str:
    """Take a norm out: at once where it is the identity, else into its neighbours."""
    found = {key: ours.pop(key) for key in network.owned[module]}
    identity = _identity(module, network, _dtype(found))
    counter = f"{module}.num_batches_tracked"
    if all(bool((found[key] == identity[key]).all()) for key in found if key != counter):
        return f"{module}: not in the target; it was the identity"
    block = module.removesuffix(norm.name)
    tensors = {key.rpartition(".")[2]: tensor.double() for key, tensor in found.items()}
    scale = tensors["weight"] / torch.sqrt(tensors["running_var"] + _eps(module, network))
    shift = tensors["bias"] - tensors["running_mean"] * scale
    weight, bias = f"{block}{norm.follows}.weight", f"{block}{norm.added_to}.bias"
    ours[weight] = _scaled(ours[weight], scale)
    ours[bias] = (ours[bias].double() + shift).to(ours[bias].dtype)
    return f"{module}: not in the target; folded into {norm.follows} and {norm.added_to}, exact in eval mode"


def _dtype(state: Mapping[str, Tensor]) -> torch.dtype:
    """What new tensors among these should be."""
    return next((t.dtype for t in state.values() if t.is_floating_point()), torch.float32)


def _scaled(weight: Tensor, scale: Tensor) -> Tensor:
    spread = scale.reshape(-1, *[1] * (weight.ndim - 1))
    return (weight.double() * spread).to(weight.dtype)


def _eps(module: str, network: _Network) -> float:
    eps = network.module.get_submodule(module).eps
    assert isinstance(eps, float)
    return eps
