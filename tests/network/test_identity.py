"""Titles: a network that is not its spec's own says what was changed, wherever it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from x3dspec.codegen.module import source
from x3dspec.network import preset
from x3dspec.network.architecture import Resolved, load

S = "X3D-S"
PAPER = "Feichtenhofer"


def title(resolved: Resolved) -> tuple[str, bool]:
    identity = resolved.network.identity
    return identity.title, PAPER in identity.source


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        (load("x3d_s").resolve(), S),
        (load("x3d_s").resolve(gamma_t=13, gamma_s="10/7"), S),
        (load("x3d_s").choose(classes=12).choose(classes=400).resolve(), S),
        (load("x3d_s").at_clip(4, 182).resolve(), S),
    ],
)
def test_the_specs_own_network_keeps_its_title(resolved: Resolved, expected: str) -> None:
    assert title(resolved) == (expected, True)


@pytest.mark.parametrize(
    ("resolved", "expected"),
    [
        (load("x3d_m").resolve(gamma_s="1.5"), "X3D-M, changed: gamma_s 2 -> 1.5"),
        (load("x2d").resolve(gamma_t=2, gamma_d="11/5"), "X2D, changed: gamma_t 1 -> 2, gamma_d 1 -> 2.2"),
        (load("x3d_s").choose(classes=12).resolve(), "X3D-S, changed: classes 400 -> 12"),
        (
            load("x3d_s").choose(squeeze_excite="none").resolve(gamma_w=2),
            "X3D-S, changed: gamma_w 1 -> 2, squeeze_excite alternate -> none",
        ),
    ],
)
def test_a_changed_network_says_what_was_changed(resolved: Resolved, expected: str, tmp_path: Path) -> None:
    assert title(resolved) == (expected, False)
    module, written = source(resolved), preset.text(resolved, tmp_path / "mid.yaml")
    docstring = module.split('"""')[1]
    assert expected in " ".join(docstring.split())
    assert PAPER not in docstring
    assert f'title: "{expected}"' in written
    assert PAPER not in written


def test_many_changes_are_counted() -> None:
    everything = {"gamma_tau": 2, "gamma_t": 2, "gamma_s": 2, "gamma_w": 2, "gamma_b": 2, "gamma_d": 2}
    found, _ = title(load("x2d").choose(classes=3, squeeze_excite="none").resolve(**everything))
    assert found.count("->") == 4
    assert found.endswith(", 4 more")


def test_what_a_written_spec_changes_is_said_of_that_spec(tmp_path: Path) -> None:
    path = tmp_path / "mid.yaml"
    path.write_text(preset.text(load("x2d").resolve(gamma_t=2), path))
    assert title(load(str(path)).resolve()) == ("X2D, changed: gamma_t 1 -> 2", False)
    assert title(load(str(path)).resolve(gamma_t=3)) == ("mid, changed: gamma_t 2 -> 3", False)
