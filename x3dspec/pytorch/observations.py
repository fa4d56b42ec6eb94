"""What torch must see of an emitted file, and what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from x3dspec.codegen import module as emit
from x3dspec.language.errors import SpecError
from x3dspec.network import layers as net
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch.checks import Check, compared
from x3dspec.pytorch.operations import NAMES, executed, operations
from x3dspec.pytorch.probe_process import probed

#: A real forward pass at the spec's own clip only up to this many MACs: seconds on one core.
MAX_FORWARD = 10**10
#: How far the logits of two forms may be apart in float32, over the largest of them.
MAX_DIFFERENCE = 1e-5
#: Forms of other operations, and the forms that train them.
COMPARED_WITH = {"deploy": "train", "flat": "train", "stream": "stream_train"}
_ARGUMENTS = {"num_classes": 7, "in_channels": 5, "dropout": 0.25}


def run_module(file: Path, text: str, trained: Resolved, form: str, timeout: float) -> Iterator[Check]:
    """Run an emitted file: its counts, its operations one by one, a real forward and backward pass."""
    resolved, smallest = emit.counted(trained, form), emit.counted(_smallest(trained), form)
    networks = [resolved.network, smallest.network]
    affordable = resolved.cost().macs <= MAX_FORWARD
    forwards = [_sizes(network) for network in (networks if affordable else networks[1:])]
    arguments = _arguments(resolved.network)
    request = {
        "arguments": arguments,
        "names": NAMES,
        "layers": [_sizes(network) for network in networks],
        "forward": forwards,
    }
    checks, seen = _asked(file.name, text, request, timeout)
    yield from checks
    if "params" in seen:
        yield from _observed(seen, resolved, networks, forwards, arguments)


def run_against_train_form(
    file: Path, text: str, resolved: Resolved, form: str, timeout: float
) -> Iterator[Check]:
    """A form of other operations is compared with the form that the spec gives for training it."""
    counted = emit.counted(resolved, form)
    clips = [_sizes(clip.network) for clip in (resolved, _smallest(resolved))]
    steps = (resolved.network.frames or 0) + stream.memory(counted.network).delay if form == "stream" else 1
    forwards = clips if steps * counted.cost().macs <= MAX_FORWARD else clips[1:]
    arguments = {name: _ARGUMENTS[name] for name in ("num_classes", "in_channels")}
    request = {
        "train": emit.source(resolved, form=COMPARED_WITH[form]),
        "arguments": arguments,
        "clip": clips[0],
        "frame": _sizes(counted.network),
        "forward": forwards,
    }
    checks, seen = _asked(file.name, text, request, timeout)
    yield from checks
    if "params" in seen:
        yield compared(seen, "params", "parameters", counted.cost().params)
        yield compared(seen, "macs", "MACs by torch's counter", float(counted.cost().macs))
        yield _agreement(seen, forwards)
        yield _built(seen, arguments, [])


def _asked(
    name: str, text: str, request: dict[str, Any], timeout: float
) -> tuple[list[Check], dict[str, Any]]:
    """The checks of the file itself, and what else was seen of it."""
    seen = probed(name, text, request, timeout)
    if isinstance(seen, Check):
        return [seen], {}
    statements = "statements besides imports of torch, classes, functions"
    checks = [compared(seen, "statements", statements, [])]
    if "import" in seen:
        parameters = [*request["arguments"], "device", "dtype"]
        checks.append(compared(seen, "import", "the factory's parameters", parameters))
    return checks, seen


def _agreement(seen: dict[str, Any], forwards: list[list[int]]) -> Check:
    """The logits of both forms at the same weights, norms' statistics random; a stream's after the clip."""
    name = f"logits at {' and '.join(map(_spelled, forwards))} against the train form's"
    expected = f"within {MAX_DIFFERENCE:g} of their largest"
    answer = seen.get("agreement", {})
    value = answer.get("value")
    if not isinstance(value, list) or not all(isinstance(difference, float) for difference in value):
        return Check(name, expected, "an error", False, str(answer.get("error", value)))
    ok = len(value) == len(forwards) and all(difference <= MAX_DIFFERENCE for difference in value)
    return Check(name, expected, "within " + ", ".join(f"{difference:.1g}" for difference in value), ok)


def _observed(
    seen: dict[str, Any],
    resolved: Resolved,
    networks: list[net.Network[int]],
    forwards: list[list[int]],
    arguments: dict[str, Any],
) -> Iterator[Check]:
    cost = resolved.cost()
    yield compared(seen, "params", "parameters", cost.params)
    yield compared(seen, "macs", "MACs by torch's counter", float(cost.macs))
    for index, network in enumerate(networks):
        yield _layers(seen.get(f"layers{index}", {}), network)
    name = f"logits at {' and '.join(map(_spelled, forwards))}"
    logits = {"logits": [2, resolved.network.classes], "finite": True}
    yield compared(seen, "forward", name, [logits] * len(forwards))
    yield _built(seen, arguments, _rates(resolved.network, arguments.get("dropout")))
    yield compared(seen, "backward", "parameters that no gradient reaches", [])


def _built(seen: dict[str, Any], arguments: dict[str, Any], rates: list[float]) -> Check:
    """What the factory's arguments lead to."""
    values = ", ".join(f"{name}={value}" for name, value in arguments.items())
    expected = {"logits": [2, arguments["num_classes"]], "dropout": rates}
    return compared(seen, "arguments", f"built with {values}", expected)


def _smallest(resolved: Resolved) -> Resolved:
    """The same network at the smallest clip that it takes."""
    network = resolved.network
    frames = [None] if network.frames is None else [1, network.frames]
    for count in frames:
        for size in (32, 64, network.size):
            try:
                architecture = resolved.architecture.at_clip(count, size)
                return architecture.at(resolved.setting)
            except SpecError:
                continue
    return resolved


def _sizes(network: net.Network[int]) -> list[int]:
    return [network.inputs.channels, *network.inputs.sizes]


def _spelled(sizes: list[int]) -> str:
    return "x".join(map(str, sizes))


def _rates(network: net.Network[int], last: float | None) -> list[float]:
    """Every dropout's rate in order, when the last one of the network itself has the rate `last`."""
    placed = [
        (layer.rate, stage.block is None)
        for stage in network.stages
        for body, _ in net.blocks(stage)
        for layer in executed(body)
        if isinstance(layer, net.Dropout)
    ]
    own = [index for index, (_, outside) in enumerate(placed) if outside]
    rates = [rate for rate, _ in placed]
    if own and last is not None:
        rates[own[-1]] = last
    return rates


def _arguments(network: net.Network[int]) -> dict[str, Any]:
    """The arguments that the factory should take, with values unlike its defaults."""
    dropout = any(
        isinstance(layer, net.Dropout)
        for stage in network.stages
        if stage.block is None
        for layer in net.layers(stage.first)
    )
    return {name: value for name, value in _ARGUMENTS.items() if dropout or name != "dropout"}


def _layers(answer: dict[str, Any], network: net.Network[int]) -> Check:
    """Every operation's kind, numbers and output shape, in the order of execution."""
    name = f"layers at {_spelled(_sizes(network))}"
    expected = [*operations(network)]
    if "error" in answer:
        return Check(name, f"{len(expected)} operations", "an error", False, str(answer["error"]))
    value = answer.get("value")
    seen_lines = value if isinstance(value, list) else [str(value)]
    nothing = ("", "nothing")
    pairs = enumerate(zip_longest(expected, (("", line) for line in seen_lines), fillvalue=nothing), start=1)
    differing = [
        f"operation {index}{f' in {stage}' if stage else ''}: {seen} where the spec has {spelled}"
        for index, ((stage, spelled), (_, seen)) in pairs
        if seen != spelled
    ]
    detail = differing[0] if differing else ""
    return Check(name, f"{len(expected)} operations", f"{len(seen_lines)} operations", not differing, detail)
