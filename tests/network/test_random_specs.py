"""Random specs, three counts: the formula, the walk over integers, and what torch sees on meta.

    PYTHONPATH=tests python tests/network/test_random_specs.py 10000

compares as many more, from another seed with ``--from SEED``.

A disagreement is printed with its seed, and with ``--keep FOLDER`` its spec is written there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import emitted
import pytest
import specgen
import torch

from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import SpecError
from x3dspec.language.tape import Tape
from x3dspec.network import layers as net
from x3dspec.network import preset
from x3dspec.network.architecture import Resolved, load
from x3dspec.network.cost import Cost
from x3dspec.pytorch import probe
from x3dspec.pytorch.operations import NAMES, operations

QUANTITIES = ("macs", "params", "activations", "weights", "norm_elements", "layer_norm_elements", "bytes")


def resolved(folder: Path, drawn: specgen.Drawn) -> Resolved:
    path = folder / "drawn.yaml"
    path.write_text(drawn.text, encoding="utf-8")
    architecture = load(str(path)).choose(**drawn.options)
    if drawn.clip is not None:
        architecture = architecture.at_clip(*drawn.clip)
    return architecture.resolve(**drawn.setting)


def disagreements(found: Resolved, folder: Path) -> Iterator[str]:
    """All in which the accounts of one network differ."""
    walked = found.network.cost()
    formula = found.architecture.formula(frozenset(found.setting))
    tape: Tape[Any] = Tape([getattr(formula, quantity) for quantity in QUANTITIES])
    for quantity, value in zip(QUANTITIES, tape.run(EXACT, found.factors), strict=True):
        if value != getattr(walked, quantity):
            yield f"{quantity}: {value} by formula, {getattr(walked, quantity)} by walk"
    yield from _torchs(found, walked)
    if _again(found, folder).network.stages != found.network.stages:
        yield "its preset is another network"


def _torchs(found: Resolved, walked: Cost[int]) -> Iterator[str]:
    model = emitted.on_meta(found)
    clip = (found.network.inputs.channels, *found.network.inputs.sizes)
    if emitted.parameters(model) != walked.params:
        yield f"params: {emitted.parameters(model)} in torch, {walked.params} by walk"
    if emitted.macs(model, clip) != walked.macs:
        yield f"macs: {emitted.macs(model, clip)} in torch, {walked.macs} by walk"
    # Every operation in order, its numbers and its output shape: those of every stage among them.
    ours, theirs = [each for _, each in operations(found.network)], probe._layers(model, clip, NAMES)
    if ours != theirs:
        pairs = zip([*ours, ""], [*theirs, ""], strict=False)
        yield f"operations: {next(pair for pair in pairs if pair[0] != pair[1])}"
    with torch.no_grad():
        logits = model(torch.empty(2, *clip, device="meta"))
    if logits.shape != (2, found.network.classes):
        yield f"logits: {tuple(logits.shape)}"


def _again(found: Resolved, folder: Path) -> Resolved:
    """The network of the preset that `resolve -o` would write."""
    path = folder / "again.yaml"
    path.write_text(preset.text(found, path), encoding="utf-8")
    return load(str(path)).resolve()


def outcome(seed: int, folder: Path) -> list[str] | None:
    """The disagreements at this seed; None where what was drawn is no network."""
    try:
        found = resolved(folder, specgen.draw(seed))
    except SpecError as error:
        placed = all(problem.line for problem in error.problems)
        return None if placed else [f"refused without a place: {error}"]
    return list(disagreements(found, folder))


def test_random_specs_agree(tmp_path: Path) -> None:
    drawn = {seed: outcome(seed, tmp_path) for seed in range(80)}
    assert {seed: found for seed, found in drawn.items() if found} == {}
    assert list(drawn.values()).count([]) >= 40


def test_the_same_seed_is_the_same_spec() -> None:
    assert specgen.draw(3) == specgen.draw(3)
    assert len({specgen.draw(seed).text for seed in range(20)}) == 20


def test_a_disagreement_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = next(r for r in (_drawn(seed, tmp_path) for seed in range(20)) if r)
    rule = net.Norm.count
    monkeypatch.setattr(net.Norm, "count", lambda layer: rule(layer) + rule(layer))
    assert any(line.startswith("params") for line in disagreements(found, tmp_path))


def _drawn(seed: int, folder: Path) -> Resolved | None:
    try:
        return resolved(folder, specgen.draw(seed))
    except SpecError:
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the counts of random specs.")
    parser.add_argument("count", type=int, help="how many networks")
    parser.add_argument("--from", dest="start", type=int, default=1000, metavar="SEED")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where specs that disagree are kept")
    given = parser.parse_args()
    torch.set_num_threads(1)
    seen: Counter[str] = Counter()
    seed = given.start
    with tempfile.TemporaryDirectory() as name:
        while seen["networks"] < given.count:
            found = _told(seed, Path(name), given.keep)
            seen["refused" if found is None else "networks"] += 1
            seen["disagreements"] += bool(found)
            seed += 1
    print(
        f"{seen['networks']} networks, {seen['disagreements']} disagreements; {seen['refused']} draws refused"
    )
    return 1 if seen["disagreements"] else 0


def _told(seed: int, folder: Path, keep: Path | None) -> list[str] | None:
    try:
        found = outcome(seed, folder)
    except Exception as error:
        found = [f"{type(error).__name__}: {error}"[:500]]
    if found:
        print(f"seed {seed}: {'; '.join(found)}", flush=True)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{seed}.yaml").write_text(specgen.draw(seed).text, encoding="utf-8")
    return found


if __name__ == "__main__":
    sys.exit(main())
