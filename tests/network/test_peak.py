"""Live activations at inference, to the byte: the rule against an allocator's trace of the emitted forward.

`MEMORY_SEEDS=300 pytest tests/network/test_peak.py` draws as many random networks instead of 20.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import allocator
import emitted
import pytest
import specgen
import torch

import specs
import x3dspec
from x3dspec.codegen.module import counted, source
from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import lift
from x3dspec.language.shipped import shipped
from x3dspec.language.tape import Tape
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.network.factors import complete
from x3dspec.network.peak import peak

SEEDS = int(os.environ.get("MEMORY_SEEDS", "20"))


def traced(resolved: Resolved, form: str, device: str = "meta") -> int:
    """What an allocator sees of the form's forward."""
    name = resolved.network.identity.name
    with torch.device(device):
        model = getattr(emitted.module(source(resolved, name, form)), name)()
        return allocator.peak(model, torch.rand(1, *resolved.network.inputs.numbers))


def formula(resolved: Resolved) -> int:
    """The closed form at the network's values."""
    architecture = resolved.architecture
    tape: Tape[Any] = Tape([lift(peak(architecture.symbolic(frozenset(resolved.setting))))])
    [value] = tape.run(EXACT, complete(architecture.source, resolved.setting))
    return int(value)


def deployed(resolved: Resolved) -> int:
    return int(peak(counted(resolved, "deploy").network, "deploy"))


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_networks_hold_what_an_allocator_sees(name: str) -> None:
    resolved = x3dspec.load(name).resolve()
    assert peak(resolved.network) == formula(resolved) == traced(resolved, "train")
    assert deployed(resolved) == traced(resolved, "deploy")


def test_random_networks_hold_what_an_allocator_sees(tmp_path: Path) -> None:
    drawn = [resolved for seed in range(SEEDS) if (resolved := _drawn(seed, tmp_path))]
    assert len(drawn) > SEEDS / 2
    for resolved in drawn:
        name = resolved.network.identity.name
        assert peak(resolved.network) == formula(resolved) == traced(resolved, "train"), name
        assert _reorders(resolved) or deployed(resolved) == traced(resolved, "deploy"), name


def _reorders(resolved: Resolved) -> bool:
    """torch's 3-D mean over windows puts the channels first: the copies after it are not counted."""
    layers = (layer for stage in resolved.network.stages for layer in net.walk(stage))
    pools = [layer for layer in layers if isinstance(layer, net.Pool) and layer.function == "avg"]
    return bool(pools) and resolved.network.frames is not None


def _drawn(seed: int, folder: Path) -> Resolved | None:
    spec = specgen.draw(seed)
    try:
        architecture = specs.written(folder, spec.text).choose(**spec.options)
        if spec.clip:
            architecture = architecture.at_clip(*spec.clip)
        return architecture.resolve(**spec.setting)
    except SpecError:
        return None


@pytest.mark.parametrize("form", ["train", "deploy"])
def test_a_cpu_allocates_what_the_meta_device_does(form: str) -> None:
    """What the oracle says of norms and of the order of convolutions' results on meta, is so."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # with one, torch takes other kernels for small convolutions
    try:
        resolved = x3dspec.load("x3d_xs").resolve()
        assert traced(resolved, form, "cpu") == traced(resolved, form)
    finally:
        torch.set_num_threads(threads)


def test_the_worst_moment_of_x3d_m_by_hand() -> None:
    """The norm of conv_a in the first block: the clip, the stage's input, what the norm reads and makes."""
    clip, stem, inner = 3 * 16 * 224**2, 24 * 16 * 112**2, 54 * 16 * 112**2
    assert x3dspec.load("x3d_m").resolve().peak() == 4 * (clip + stem + 2 * inner)


def test_what_a_line_no_longer_holds_is_not_counted(tmp_path: Path) -> None:
    """A sum's branch is held until its forward returns; a chain's maps are not."""
    text = (
        "name: tiny\ninput: {{size: 8}}\nclasses: 5\nstages:\n"
        "  - {{name: stem, layers: [{body}]}}\n"
        "  - {{name: more, layers: [conv: {{out: 4, kernel: 1}}, conv: {{out: 4, kernel: 1}}]}}\n"
        "  - {{name: head, layers: [mean, linear: {{out: classes}}]}}\n"
    )
    conv = "conv: {out: 3, kernel: 1}"
    chain, branch = (
        peak(specs.written(tmp_path, text.format(body=body)).resolve().network)
        for body in (conv, f"residual: {{branch: [{conv}]}}")
    )
    assert branch - chain == 4 * 3 * 64
