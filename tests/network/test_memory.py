"""Training memory, to the byte: the formula against what torch's saved-tensor hooks see on the meta device.

`MEMORY_SEEDS=300 pytest tests/network/test_memory.py` draws as many random networks instead of 20.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import specgen
from hooks import hooked

import x3dspec
from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import lift
from x3dspec.language.shipped import shipped
from x3dspec.language.tape import Tape
from x3dspec.network.architecture import Resolved
from x3dspec.network.factors import complete
from x3dspec.network.memory import Saved, largest_batch, saved

SEEDS = int(os.environ.get("MEMORY_SEEDS", "20"))


def formula(resolved: Resolved, checkpointing: bool) -> Saved:
    """The closed form at the network's values."""
    architecture = resolved.architecture
    closed = saved(architecture.symbolic(frozenset(resolved.setting)), checkpointing)
    tape: Tape[Any] = Tape([lift(closed.clip), lift(closed.batch)])
    return Saved(*tape.run(EXACT, complete(architecture.source, resolved.setting)))


@pytest.mark.parametrize("checkpointing", [False, True], ids=["all", "checkpointing"])
@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_networks_keep_what_torch_keeps(name: str, checkpointing: bool) -> None:
    resolved = x3dspec.load(name).resolve()
    count = saved(resolved.network, checkpointing)
    assert count == formula(resolved, checkpointing) == hooked(resolved, checkpointing)


@pytest.mark.parametrize("checkpointing", [False, True], ids=["all", "checkpointing"])
def test_random_networks_keep_what_torch_keeps(tmp_path: Path, checkpointing: bool) -> None:
    drawn = [resolved for seed in range(SEEDS) if (resolved := _drawn(seed, tmp_path))]
    assert len(drawn) > SEEDS / 3
    for resolved in drawn:
        count = saved(resolved.network, checkpointing)
        name = resolved.network.identity.name
        assert count == formula(resolved, checkpointing) == hooked(resolved, checkpointing), name


def _drawn(seed: int, folder: Path) -> Resolved | None:
    spec, path = specgen.draw(seed), folder / f"net{seed}.yaml"
    path.write_text(spec.text, encoding="utf-8")
    try:
        architecture = x3dspec.load(str(path)).choose(**spec.options)
        if spec.clip:
            architecture = architecture.at_clip(*spec.clip)
        return architecture.resolve(**spec.setting)
    except SpecError:
        return None


def test_the_complaint_that_x3d_m_runs_out_of_memory_where_i3d_does_not() -> None:
    """mmaction2#1620, as measured by hooks on one clip."""
    x3d, i3d = (x3dspec.load(name).resolve() for name in ("x3d_m", "i3d_r50"))
    assert x3d.saved().one_clip == 843_288_192
    assert i3d.saved().one_clip == 548_552_192
    assert x3d.cost().macs * 6 < i3d.cost().macs


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_the_largest_batch_fits_and_one_more_does_not(optimizer: str) -> None:
    network = x3dspec.load("x3d_m").resolve().network
    answer = largest_batch(network, 24 * 2**30, optimizer)
    assert answer.fixed + answer.clips * answer.clip <= 24 * 2**30
    assert answer.fixed + (answer.clips + 1) * answer.clip > 24 * 2**30
    assert largest_batch(network, 1000, optimizer).clips == 0
    assert largest_batch(network, 24 * 2**30, optimizer, checkpointing=True).clips > 2 * answer.clips
