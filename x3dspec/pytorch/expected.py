"""What a network's state dict must hold, in the names of any code base.

The expected keys and shapes are asked of the emitted module itself, built here from the text that
``emit`` writes: what a state dict holds is torch's affair, and a second account of it would drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from x3dspec.codegen import module as emit
from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.checkpoint import State, spelled_key
from x3dspec.pytorch.key_rules import OWN, Rules, last_part
from x3dspec.pytorch.probe import loaded

Shapes = Mapping[str, torch.Size]


def factory(resolved: Resolved) -> Callable[..., nn.Module]:
    """The factory of the module that ``emit`` writes for this network."""
    return _factory(emit.source(resolved), resolved.network.identity.name)


def _factory(text: str, name: str) -> Callable[..., nn.Module]:
    # Our own text: of a spec it holds only validated identifiers, integers and inert comments.
    factory: Callable[..., nn.Module] = vars(loaded(text, f"<emitted {name}>"))[name]
    return factory


@dataclass(frozen=True)
class Network:
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
class Side:
    """One end of a conversion: a code base's keys in their order, each with our name for it."""

    network: Network
    names: Mapping[str, str]
    convolutions: frozenset[str]
    notes: tuple[str, ...] = ()
    linears: frozenset[str] = frozenset()

    def is_head(self, key: str) -> bool:
        return self.names[key].rpartition(".")[0] == self.network.classifier

    def shape(self, key: str) -> torch.Size:
        module, _, parameter = self.names[key].rpartition(".")
        shape = self.network.shapes[self.names[key]]
        if module in self.convolutions and parameter == "weight":
            return torch.Size((*shape, *[1] * self._dims))
        if last_part(module) in self.linears and parameter == "weight":
            return shape[:2]
        return shape

    @property
    def _dims(self) -> int:
        """Of the network's convolutions: 3, or 2 where it has no frames."""
        return max(len(shape) for shape in self.network.shapes.values()) - 2


def network(resolved: Resolved, num_classes: int | None = None) -> Network:
    """The emitted module of a network, to be looked at."""
    module = _module(emit.source(resolved), resolved.network.identity.name, num_classes)
    shapes = {key: tensor.shape for key, tensor in module.state_dict().items()}
    owned: dict[str, list[str]] = {}
    for key in shapes:
        owned.setdefault(key.rpartition(".")[0], []).append(key)
    last = net.layers(resolved.network.stages[-1].first)
    classifier = [layer.name for layer in last if isinstance(layer, net.Linear)][-1]
    return Network(module, shapes, owned, classifier)


@lru_cache(maxsize=4)
def _module(text: str, name: str, num_classes: int | None) -> nn.Module:
    """The emitted module, only to be looked at: both ends of a conversion are often the same one."""
    arguments = {} if num_classes is None else {"num_classes": num_classes}
    # A new head shall be the same in every run, and the caller's random numbers his own.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _factory(text, name)(**arguments)


def side(
    rules: Rules,
    name: str,
    resolved: Resolved,
    options: Mapping[str, int | str],
    num_classes: int | None = None,
) -> Side:
    """A network, with these options chosen, in a code base's names."""
    code_base = rules.find(name)
    if options:
        resolved = resolved.architecture.choose(**options).at(resolved.setting)
    expected = network(resolved, num_classes)
    renamed = rules.renamed(name, expected.owned)
    names = {}
    for module, theirs in renamed.items():
        for key in expected.owned[module]:
            suffix = "" if last_part(module) in code_base.parameters else key.removeprefix(module)
            names[f"{theirs}{suffix}"] = key
    return Side(expected, names, code_base.convolutions, linears=code_base.linears)


def fits(state: Mapping[str, Tensor], resolved: Resolved, label: str) -> None:
    """Whether a state dict is of the network's emitted module, tensor by tensor.

    Raises:
        SpecError: the first that is missing, strange or of another shape.
    """
    shapes = network(resolved).shapes
    for key in [*shapes, *state]:
        if key not in state:
            raise SpecError.at(label, f"{key} is missing")
        if key not in shapes:
            raise SpecError.at(label, f"{spelled_key(key)}: the network has no such tensor")
        if state[key].shape != shapes[key]:
            raise SpecError.at(label, f"{key} is of shape {[*state[key].shape]}, not {[*shapes[key]]}")


def given(state: Mapping[str, Tensor], source: str, rules: Rules, resolved: Resolved) -> Side:
    """What a checkpoint of `source` must hold. One of ours may be of any dialect that it fits."""
    own = side(rules, source, resolved, rules.find(source).options)
    if source != OWN or own.names.keys() == state.keys():
        return own
    for code_base in rules.code_bases.values():
        other = side(rules, source, resolved, code_base.options)
        if other.names.keys() == state.keys():
            chosen = ", ".join(f"{name}={value}" for name, value in code_base.options.items())
            return Side(other.network, other.names, frozenset(), (f"the checkpoint has {chosen}",))
    return own
