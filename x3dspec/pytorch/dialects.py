"""What two dialects of one network differ in: norms that only one has, and the eps of those both have.

A dialect is a setting of the spec's options, so the difference is that of two networks. A norm that
only one of them has is filled in as the identity or folded away; another eps is another function.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.expected import Network, network
from x3dspec.pytorch.key_rules import OptionalNorm, Rules

Options = Mapping[str, int | str]


def translated(ours: State, given: Network, wanted: Network, rules: Rules) -> Iterator[str]:
    """Bring `ours` from one network's modules to the other's, in place; says what it did."""
    for module in wanted.owned:
        if module not in given.owned:
            _declared(module, rules)
            ours |= _identity(module, wanted, dtype(ours))
            yield f"{module}: not in the checkpoint; the identity in eval mode"
    for module in given.owned:
        if module not in wanted.owned:
            yield _removed(module, ours, given, _declared(module, rules))


def other_eps(given: Network, wanted: Network) -> str:
    """The first norm that has another eps in the other network, in words; or nothing."""
    for module in given.owned:
        if module in wanted.owned and _eps(module, given) != _eps(module, wanted):
            return f"{module} has eps {_eps(module, given):g} there and {_eps(module, wanted):g} here"
    return ""


def choice_of_eps(resolved: Resolved, options: Options, other: Network) -> str:
    """The `--set` that gives this network the other's eps, if one of the dialect's options does."""
    for name, value in options.items():
        chosen = resolved.architecture.choose(**{name: value}).at(resolved.setting)
        if not other_eps(other, network(chosen)):
            return f"--set {name}={value}"
    return ""


def dtype(state: Mapping[str, Tensor]) -> torch.dtype:
    """What new tensors among these should be."""
    return next((t.dtype for t in state.values() if t.is_floating_point()), torch.float32)


def _declared(module: str, rules: Rules) -> OptionalNorm:
    for norm in rules.optional_norms:
        if f".{module}".endswith(f".{norm.name}"):
            return norm
    message = f"{module} is in one dialect only, and is not among the norms that may be"
    raise SpecError([rules.document.problem(("optional_norms",), message)])


def _identity(module: str, network: Network, kind: torch.dtype) -> State:
    """A norm that returns its input: its weight undoes the eps under the root."""
    values = {"weight": math.sqrt(1 + (_eps(module, network) or 0)), "running_var": 1.0}
    state = {}
    for key in network.owned[module]:
        name = key.rpartition(".")[2]
        shape = network.shapes[key]
        state[key] = torch.full(
            shape, values.get(name, 0), dtype=torch.long if name == "num_batches_tracked" else kind
        )
    return state


def _removed(module: str, ours: State, network: Network, norm: OptionalNorm) -> str:
    """Take a norm out: at once where it is the identity, else into its neighbours."""
    own = {key: ours.pop(key) for key in network.owned[module]}
    identity = _identity(module, network, dtype(own))
    counter = f"{module}.num_batches_tracked"
    if all(bool((own[key] == identity[key]).all()) for key in own if key != counter):
        return f"{module}: not in the target; it was the identity"
    block = module.removesuffix(norm.name)
    tensors = {key.rpartition(".")[2]: tensor.double() for key, tensor in own.items()}
    weight, bias = f"{block}{norm.follows}.weight", f"{block}{norm.added_to}.bias"
    mean, variance = tensors["running_mean"], tensors["running_var"]
    eps, conv = _eps(module, network) or 0, ours[weight].double()
    scaled, shift = fuse_conv_bn_weights(conv, None, mean, variance, eps, tensors["weight"], tensors["bias"])
    ours[weight] = scaled.detach().to(ours[weight].dtype)
    ours[bias] = (ours[bias].double() + shift.detach()).to(ours[bias].dtype)
    return f"{module}: not in the target; folded into {norm.follows} and {norm.added_to}, exact in eval mode"


def _eps(module: str, network: Network) -> float | None:
    """The eps of a norm; None for any other module."""
    layer = network.module.get_submodule(module)
    return layer.eps if isinstance(layer, nn.modules.batchnorm._BatchNorm) else None
