"""Whether an emitted file is what its spec says: its header by comparison, its network by running it.

Running means importing, and an import runs the file's code with the rights of whoever asks. It
happens in a process of its own, with a time limit and without the caller's environment variables,
and only for a file whose top level is imports of torch, classes and functions. That catches
mistakes and tampering, and is no sandbox: a file made to deceive can do so. Read a stranger's file,
or emit your own from its spec, before you verify it.

This process never imports torch; :mod:`x3dspec.pytorch.probe` does, in the other one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

from x3dspec.codegen import module as emit
from x3dspec.codegen.header import Header
from x3dspec.codegen.header_reader import read_header
from x3dspec.codegen.header_values import clip, memory, table
from x3dspec.language import shipped as assets
from x3dspec.language.errors import SpecError, shown
from x3dspec.network import layers as net
from x3dspec.network import stream
from x3dspec.network.architecture import Architecture, Resolved, load
from x3dspec.pytorch import probe
from x3dspec.pytorch.operations import executed, operations

TIMEOUT = 300.0  # seconds for all that is run of one file
MAX_BYTES = 4 * 1024 * 1024  # the bounds on specs keep every emitted file below this
#: A real forward pass at the spec's own clip only up to this many MACs: seconds on one core.
MAX_FORWARD = 10**10
#: How far the logits of two forms may be apart in float32, over the largest of them.
MAX_DIFFERENCE = 1e-5

#: What a process needs to find its libraries and temporary folder, and nothing that may be secret.
_ENVIRONMENT = (
    *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "HOME", "USERPROFILE"),
    *("TMPDIR", "TEMP", "TMP", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
)
#: Forms of other operations, and the forms that train them.
_COMPARED_WITH = {"deploy": "train", "stream": "stream_train"}
_ARGUMENTS = {"num_classes": 7, "in_channels": 5, "dropout": 0.25}


@dataclass(frozen=True)
class Check:
    """One thing that was compared. `detail` says where the two differ, if that needs saying."""

    name: str
    expected: str
    found: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """Every check of one file, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def verify(path: str | os.PathLike[str], spec: str | None = None, timeout: float = TIMEOUT) -> Report:
    """Check an emitted file against its spec. Imports the file, in a process of its own.

    Args:
        path: the file.
        spec: its spec, a file or a shipped one's name; by default the one that its header names,
            among the shipped ones, beside the file, here, or in ``specs``.
        timeout: seconds that running the file may take.

    Raises:
        SpecError: no such file, not an emitted file, a spec that is missing or wrong, or no torch.
    """
    file = Path(path)
    text = _read(file)
    header = read_header(text, str(path))
    architecture = load(spec or _spec(header, file))
    return Report(tuple(_checks(file, text, header, architecture, timeout)))


def _checks(
    file: Path, text: str, header: Header, architecture: Architecture, timeout: float
) -> Iterator[Check]:
    yield from _origins(header, architecture)
    try:
        resolved = _resolved(header, architecture)
    except SpecError as error:
        yield Check("factors", "values that the spec can have", "others", False, str(error))
        return
    yield from _figures(header, emit.counted(resolved, header.form))
    if header.form in _COMPARED_WITH:
        yield from _run_compared(file, text, resolved, header.form, timeout)
    else:
        yield from _run(file, text, resolved, header.form, timeout)


def _read(file: Path) -> str:
    problem = "cannot be read"
    try:
        if not file.is_file():
            problem = "is not a file" if file.exists() else "no such file"
            raise SpecError.at(str(file), problem)
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError.at(str(file), f"cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise SpecError.at(str(file), f"is larger than {MAX_BYTES} bytes, so no emitted file")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise SpecError.at(str(file), "is not an emitted file: not UTF-8 text") from None


def _spec(header: Header, file: Path) -> str:
    """The spec that a header means. The header is untrusted: of a path only the name counts."""
    if not header.origins:
        raise SpecError.at(str(file), "its header has no spec; name it with --spec")
    label = PurePosixPath(header.origins[0][0])
    shipped = assets.shipped().get(label.stem)
    if label.parts == ("specs", f"{label.stem}.yaml") and shipped:
        return str(label)
    for folder in (file.parent, Path(), Path("specs")):
        if (folder / label.name).is_file():
            return str(folder / label.name)
    message = f"its spec {shown(label.name)} is neither shipped, nor beside it, here or in specs"
    raise SpecError.at(str(file), f"{message}: name it with --spec")


def _resolved(header: Header, architecture: Architecture) -> Resolved:
    """The network of the spec at the header's factors and options.

    Raises:
        SpecError: the spec does not have them.
    """
    options = {name: int(v) if re.fullmatch("-?[0-9]{1,9}", v) else v for name, v in header.options.items()}
    return architecture.choose(**options).resolve(**header.factors)


# What needs no torch


def _same(name: str, expected: object, found: object, detail: str = "") -> Check:
    return Check(name, str(expected), str(found), str(expected) == str(found), detail)


def _origins(header: Header, architecture: Architecture) -> Iterator[Check]:
    pairs = zip_longest(architecture.source.origins, header.origins)
    for index, (origin, said) in enumerate(pairs):
        name = "base" if index else "spec"
        expected = f"sha256 {origin.sha256[:12]}" if origin else "none"
        found = f"sha256 {said[1][:12]}" if said else "none"
        ok = bool(origin and said and origin.sha256 == said[1])
        detail = "" if ok else "the spec is another one, or was edited after this file was emitted"
        yield Check(f"{name} {origin.label if origin else said[0]}", expected, found, ok, detail)


def _figures(header: Header, resolved: Resolved) -> Iterator[Check]:
    cost = resolved.cost()
    yield _same("header: clip", clip(resolved.network), header.clip)
    if header.form == "stream":
        yield _same("header: memory", memory(resolved.network), header.memory)
    for name, found in header.counts.items():
        yield _same(f"header: {name}", getattr(cost, name), found)
    rows = [*zip_longest(table(resolved), header.table, fillvalue="")]
    differing = [f"{shown(said)} is not {shown(row)}" for row, said in rows if row != said]
    summary = f"{len(differing)} of {len(rows)} lines differ" if differing else f"{len(rows)} lines"
    yield Check("header: stages", f"{len(rows)} lines", summary, not differing, "".join(differing[:1]))


# What needs torch


def _run(file: Path, text: str, given: Resolved, form: str, timeout: float) -> Iterator[Check]:
    resolved, smallest = emit.counted(given, form), emit.counted(_smallest(given), form)
    networks = [resolved.network, smallest.network]
    affordable = resolved.cost().macs <= MAX_FORWARD
    forwards = [_sizes(each) for each in (networks if affordable else networks[1:])]
    arguments = _arguments(resolved.network)
    request = {
        "path": [folder for folder in sys.path if folder],
        "text": text,
        "file": file.name,
        "arguments": arguments,
        "layers": [_sizes(each) for each in networks],
        "forward": forwards,
    }
    seen = _probed(request, timeout)
    if isinstance(seen, Check):
        yield seen
        return
    yield from _imported(seen, arguments)
    if "params" in seen:
        yield from _observed(seen, resolved, networks, forwards, arguments)


def _run_compared(file: Path, text: str, resolved: Resolved, form: str, timeout: float) -> Iterator[Check]:
    """A form of other operations is compared with the form that the spec gives for training it."""
    counted = emit.counted(resolved, form)
    clips = [_sizes(each.network) for each in (resolved, _smallest(resolved))]
    steps = 1 if form == "deploy" else (resolved.network.frames or 0) + stream.memory(counted.network).delay
    forwards = clips if steps * counted.cost().macs <= MAX_FORWARD else clips[1:]
    arguments = {name: _ARGUMENTS[name] for name in ("num_classes", "in_channels")}
    request = {
        "path": [folder for folder in sys.path if folder],
        "text": text,
        "file": file.name,
        "train": emit.source(resolved, form=_COMPARED_WITH[form]),
        "arguments": arguments,
        "clip": clips[0],
        "frame": _sizes(counted.network),
        "forward": forwards,
    }
    seen = _probed(request, timeout)
    if isinstance(seen, Check):
        yield seen
        return
    yield from _imported(seen, arguments)
    if "params" in seen:
        yield _compared(seen, "params", "parameters", counted.cost().params)
        yield _compared(seen, "macs", "MACs by torch's counter", float(counted.cost().macs))
        yield _agreement(seen, forwards)
        given = ", ".join(f"{name}={value}" for name, value in arguments.items())
        expected = {"logits": [2, arguments["num_classes"]], "dropout": []}
        yield _compared(seen, "arguments", f"built with {given}", expected)


def _imported(seen: dict[str, Any], arguments: dict[str, Any]) -> Iterator[Check]:
    yield _compared(seen, "statements", "statements besides imports of torch, classes, functions", [])
    if "import" in seen:
        yield _compared(seen, "import", "the factory's parameters", list(arguments))


def _agreement(seen: dict[str, Any], forwards: list[list[int]]) -> Check:
    """The logits of both forms at the same weights, norms' statistics random; a stream's after the clip."""
    name = f"logits at {' and '.join(map(_spelled, forwards))} against the train form's"
    expected = f"within {MAX_DIFFERENCE:g} of their largest"
    answer = seen.get("agreement", {})
    value = answer.get("value")
    if not isinstance(value, list) or not all(isinstance(each, float) for each in value):
        return Check(name, expected, "an error", False, str(answer.get("error", value)))
    ok = len(value) == len(forwards) and all(each <= MAX_DIFFERENCE for each in value)
    return Check(name, expected, "within " + ", ".join(f"{each:.1g}" for each in value), ok)


def _observed(
    seen: dict[str, Any],
    resolved: Resolved,
    networks: list[net.Network[int]],
    forwards: list[list[int]],
    arguments: dict[str, Any],
) -> Iterator[Check]:
    cost = resolved.cost()
    yield _compared(seen, "params", "parameters", cost.params)
    yield _compared(seen, "macs", "MACs by torch's counter", float(cost.macs))
    for index, network in enumerate(networks):
        yield _layers(seen.get(f"layers{index}", {}), network)
    name = f"logits at {' and '.join(map(_spelled, forwards))}"
    logits = {"logits": [2, resolved.network.classes], "finite": True}
    yield _compared(seen, "forward", name, [logits] * len(forwards))
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    rates = _rates(resolved.network, arguments.get("dropout"))
    expected = {"logits": [2, arguments["num_classes"]], "dropout": rates}
    yield _compared(seen, "arguments", f"built with {given}", expected)
    yield _compared(seen, "backward", "parameters that no gradient reaches", [])


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


def _rates(network: net.Network[int], given: float | None) -> list[float]:
    """Every dropout's rate in order, when the last one of the network itself is given."""
    placed = [
        (layer.rate, stage.block is None)
        for stage in network.stages
        for body, _ in net.blocks(stage)
        for layer in executed(body)
        if isinstance(layer, net.Dropout)
    ]
    own = [index for index, (_, outside) in enumerate(placed) if outside]
    rates = [rate for rate, _ in placed]
    if own and given is not None:
        rates[own[-1]] = given
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


def _probed(request: dict[str, Any], timeout: float) -> dict[str, Any] | Check:
    """What the other process saw, or the check that fails because it did not answer."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    command = [sys.executable, "-I", str(Path(probe.__file__).resolve())]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=timeout,
            check=False,
        )
        seen = _answer(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return Check("run", f"within {timeout:g} s", "still running", False)
    except (ValueError, RecursionError):
        return Check("run", "an answer", f"ended with status {done.returncode}", False)
    if "torch" in seen:
        reason = str(seen["torch"].get("error"))
        missing = "" if "No module named 'torch'" in reason else f" ({reason})"
        raise SpecError.at("", f'verify needs torch: pip install ".[torch]" in a clone of x3dspec{missing}')
    return seen


def _answer(seen: Any) -> dict[str, Any]:
    """The answer, which a file may have tampered with: what is not an observation is none."""
    if not isinstance(seen, dict) or not all(isinstance(each, dict) for each in seen.values()):
        raise ValueError("not an answer")
    return seen


def _compared(seen: dict[str, Any], key: str, name: str, expected: Any) -> Check:
    answer = seen.get(key, {})
    if "error" in answer:
        return Check(name, _listed(expected), "an error", False, str(answer["error"]))
    found = answer.get("value")
    return Check(name, _listed(expected), _listed(found), found == expected)


def _listed(value: Any) -> str:
    """A value as a table shows it: a list by its items, a whole number without a point."""
    if isinstance(value, list):
        items = ", ".join(_listed(item) for item in value[:4])
        return (items or "none") + (f" and {len(value) - 4} more" if len(value) > 4 else "")
    if isinstance(value, dict):
        return ", ".join(f"{key} {_spelled_value(each)}" for key, each in value.items())
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _spelled_value(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) and value else _listed(value)


def _layers(answer: dict[str, Any], network: net.Network[int]) -> Check:
    """Every operation's kind, numbers and output shape, in the order of execution."""
    name = f"layers at {_spelled(_sizes(network))}"
    expected = [*operations(network)]
    if "error" in answer:
        return Check(name, f"{len(expected)} operations", "an error", False, str(answer["error"]))
    value = answer.get("value")
    found = value if isinstance(value, list) else [str(value)]
    nothing = ("", "nothing")
    pairs = enumerate(zip_longest(expected, (("", each) for each in found), fillvalue=nothing), start=1)
    differing = [
        f"operation {index}{f' in {stage}' if stage else ''}: {seen} where the spec has {spelled}"
        for index, ((stage, spelled), (_, seen)) in pairs
        if seen != spelled
    ]
    detail = differing[0] if differing else ""
    return Check(name, f"{len(expected)} operations", f"{len(found)} operations", not differing, detail)
