"""What an optimiser of torch.optim keeps of its parameters, for those of a larger network.

SGD's momentum and AdamW's first moment are means of gradients, its second moment one of their squares: they
grow as those do (``grow``). Parameters of appended blocks have none, as those of a new network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from x3dspec.language.errors import SpecError, shown
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.grow import Growth
from x3dspec.pytorch.naming import Naming

#: What trainers call it in a checkpoint.
_NAMES = ("optimizer_state", "optimizer", "optimizer_state_dict")
#: The power of the gradients that each holds; what else there may be is a counter.
_POWERS = {"momentum_buffer": 1, "exp_avg": 1, "exp_avg_sq": 2, "max_exp_avg_sq": 2}
_COUNTERS = ("step",)
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")

Moments = dict[str, dict[str, Tensor | int | float]]


def find(rest: Mapping[str, object], label: str) -> tuple[str, Mapping[str, Any]]:
    """An optimiser's state among what a checkpoint holds, and its key.

    Raises:
        SpecError: there is none.
    """
    for name in _NAMES:
        value = rest.get(name)
        if isinstance(value, Mapping) and {"state", "param_groups"} <= value.keys():
            return name, value
    raise SpecError.at(label, f"holds no optimiser's state under {', '.join(_NAMES)}")


def parameters(state: Mapping[str, Tensor]) -> list[str]:
    """The names of parameters, in the order of a module's, which is that of its state dict."""
    return [key for key in state if key.rpartition(".")[2] not in _BUFFERS]


class OptimizerState:
    """An optimiser's state by its parameters' names.

    Raises:
        SpecError: it is of other parameters, of an optimiser that is not known, or holds strange things.
    """

    def __init__(self, given: Mapping[str, Any], state: Mapping[str, Tensor], label: str) -> None:
        self.label = label
        self.groups = [dict(group) for group in _sequence(given["param_groups"], label)]
        self.order = self._order(given, state)
        self.moments: Moments = {
            self.order[index]: dict(self._checked(self.order[index], moments))
            for index, moments in given["state"].items()
        }

    def _order(self, given: Mapping[str, Any], state: Mapping[str, Tensor]) -> list[str]:
        """The parameters' names by their numbers.

        torch numbers them group by group, and says no names unless it was told some. One group has the
        module's order; SlowFast has the norms in front of all others.
        """
        names = parameters(state)
        numbers = [index for group in self.groups for index in _sequence(group.get("params"), self.label)]
        if numbers != [*range(len(names))]:
            message = f"is of {len(numbers)} parameters, the network has {len(names)}"
            raise SpecError.at(self.label, f"its optimiser's state {message}")
        told = [name for group in self.groups for name in group.get("param_names", ())]
        norms = {key.rpartition(".")[0] for key in state if key.endswith(".running_mean")}
        norms_first = sorted(names, key=lambda name: name.rpartition(".")[0] not in norms)
        for order in [told] if told else [names, norms_first]:
            if sorted(order) == sorted(names) and not any(self._strange(given, order, state)):
                return order
        wrong = next(self._strange(given, names, state), names[0])
        raise SpecError.at(self.label, f"the optimiser's state of {wrong} is of another shape")

    def _strange(
        self, given: Mapping[str, Any], order: Sequence[str], state: Mapping[str, Tensor]
    ) -> Iterator[str]:
        if not isinstance(given["state"], Mapping):
            raise SpecError.at(self.label, "its optimiser's state is damaged")
        for index, moments in given["state"].items():
            if not isinstance(index, int) or not 0 <= index < len(order) or not isinstance(moments, Mapping):
                raise SpecError.at(
                    self.label, f"its optimiser's state of parameter {shown(str(index))} is damaged"
                )
            for name in _POWERS.keys() & moments.keys():
                tensor = moments[name]
                if isinstance(tensor, Tensor) and tensor.shape != state[order[index]].shape:
                    yield order[index]

    def _checked(self, key: str, moments: Mapping[str, Any]) -> Iterator[tuple[str, Tensor | int | float]]:
        for name, value in moments.items():
            if value is None:
                continue
            counts = name in _COUNTERS and (
                isinstance(value, int | float) or (isinstance(value, Tensor) and not value.ndim)
            )
            if not counts and not (name in _POWERS and isinstance(value, Tensor)):
                message = (
                    f"the optimiser keeps {shown(str(name))} of {key}: only SGD's and AdamW's state can grow"
                )
                raise SpecError.at(self.label, message)
            yield str(name), value.clone() if isinstance(value, Tensor) else value

    def grown(
        self,
        state: Mapping[str, Tensor],
        naming: Naming,
        growth: Growth,
        networks: tuple[Resolved, Resolved],
        written: Mapping[str, Tensor],
    ) -> dict[str, Any]:
        """As torch writes it, of the larger network.

        Args:
            state: the checkpoint's tensors, by its own names.
            naming: whose names these are.
            growth: from the checkpoint's network to the larger one.
            networks: both of them.
            written: the larger network's tensors, by the names of the same code base.
        """
        moments: Moments = {key: {} for key in self.moments}
        for name, power in _POWERS.items():
            own = {key: held[name] for key, held in self.moments.items() if name in held}
            for key, tensor in self._mapped(own, state, naming, growth, networks, written, power).items():
                moments[key][name] = tensor
        for key, held in self.moments.items():
            moments[key] |= {name: held[name] for name in _COUNTERS if name in held}
        order, groups = self._regrouped(parameters(written))
        return {
            "state": {order.index(key): held for key, held in moments.items() if held},
            "param_groups": groups,
        }

    def _mapped(
        self,
        own: Mapping[str, Any],
        state: Mapping[str, Tensor],
        naming: Naming,
        growth: Growth,
        networks: tuple[Resolved, Resolved],
        written: Mapping[str, Tensor],
        power: int,
    ) -> State:
        """One moment of all parameters that have it: to our names, grown, and back."""
        if not own:
            return {}
        small, large = networks
        ours = naming.ours({**state, **own}, small, self.label)
        if len(ours) != len(state):
            message = "its dialect has other norms than the network: leave --from away, and it is identified"
            raise SpecError.at(self.label, message)
        filled = naming.ours(dict(written), large, self.label)
        theirs, _ = naming.theirs({**filled, **growth.gradients(ours, power)}, large)
        return {key: theirs[key] for key in own}

    def _regrouped(self, names: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
        """The larger network's parameters in the same groups; new ones where their like are."""
        places: dict[str, int] = {}
        order = iter(self.order)
        for place, group in enumerate(self.groups):
            for _ in group["params"]:
                name = next(order)
                places[name] = places[_like(name)] = place
        members = [
            [n for n in names if places.get(n, places.get(_like(n))) == p] for p in range(len(self.groups))
        ]
        ordered = [name for group in members for name in group]
        groups = []
        for group, own in zip(self.groups, members, strict=True):
            plain = {key: _plain(value, key, self.label) for key, value in group.items()}
            plain["params"] = [ordered.index(name) for name in own]
            groups.append({**plain, **({"param_names": own} if "param_names" in group else {})})
        return ordered, groups


def _like(name: str) -> str:
    """What the parameters of all blocks of a stage have in common."""
    return re.sub(r"(?<=[._a-z])\d+(?=\.)", "#", name)


def _sequence(value: object, label: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise SpecError.at(label, "its optimiser's groups are damaged")
    return value


def _plain(value: object, key: str, label: str) -> object:
    """A setting of a group, which is no object of anybody's class."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor) and not value.ndim:
        return value.clone()
    if isinstance(value, list | tuple):
        return type(value)(_plain(each, key, label) for each in value)
    raise SpecError.at(label, f"the optimiser's {shown(str(key))} is no plain value")
