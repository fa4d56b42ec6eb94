"""What fuzzing starts from, and what it has found, replayed; and a few hundred new mutations.

``fuzz/run.py`` is the fuzzer.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fuzz"))

import targets

from x3dspec.language import document, yaml_events
from x3dspec.language.errors import SpecError

FUZZ = Path(targets.__file__).parent
KEPT = [(target, path) for target in targets.TARGETS for path in sorted((FUZZ / "corpus" / target).iterdir())]


@pytest.mark.parametrize(("target", "path"), KEPT, ids=[f"{target}-{path.stem}" for target, path in KEPT])
def test_the_corpus(target: str, path: Path) -> None:
    assert targets.TARGETS[target](path.read_bytes()) in ("resolved", "refused")


@pytest.mark.parametrize("target", targets.TARGETS)
def test_some_mutations(target: str) -> None:
    chance = random.Random(5)
    kept = [path.read_bytes() for path in sorted((FUZZ / "corpus" / target).iterdir())]
    seen = {targets.TARGETS[target](targets.mutated(chance.choice(kept), chance)) for _ in range(100)}
    assert seen == {"resolved", "refused"}


def read(data: bytes) -> object:
    """What a document is read as, with the place of every node; or all that is said of it."""
    try:
        found = document.parse.__wrapped__(data, "spec.yaml")
    except SpecError as error:
        return error.problems
    return found.data, repr(found._root)


def test_libyaml_and_pyyaml_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml is used for its speed alone, and only where it is there."""
    chance = random.Random(6)
    kept = [path.read_bytes() for path in sorted((FUZZ / "corpus" / "load").iterdir())]
    mutations = [targets.mutated(chance.choice(kept), chance) for _ in range(300)]
    quick = [read(data) for data in mutations]
    monkeypatch.setattr(yaml_events, "_by_libyaml", lambda text: None)
    for data, found in zip(mutations, quick, strict=True):
        assert found == read(data), data
