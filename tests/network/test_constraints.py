"""What can be built is one list of expressions: its readers agree, and nothing slips through it."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import x3dspec
from x3dspec.language.errors import SpecError
from x3dspec.language.tape import Tape
from x3dspec.network.constraints import expressions
from x3dspec.network.factors import complete
from x3dspec.scaling.search.arrays import ARRAYS, numbers

FOLDED = """
name: folded
factors: {w: {start: 1, min: 1/8, max: 64, grid: 1/8}}
input: {channels: 3, size: 32}
stages:
  - name: stem
    layers:
      - conv: {out: 8 * w, kernel: 5, padding: 1, groups: 1}
      - conv: {out: 16 * w, kernel: 3, groups: 4 * w}
      - avg_pool: {kernel: 4 * 1, padding: 2}
  - {name: pool, layers: [mean]}
  - {name: head, layers: [linear: {out: 10}]}
"""


def written(tmp_path: Path, text: str) -> x3dspec.Architecture:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return x3dspec.load(str(path))


def test_arrays_and_exact_numbers_say_the_same(tmp_path: Path) -> None:
    """Constraint by constraint, at every value of the grid: the search sees what `resolve` says."""
    architecture = written(tmp_path, FOLDED)
    binder = architecture.binder(frozenset({"w"}))
    roots = list(expressions(binder.constraints))
    grid = [Fraction(step, 8) for step in range(1, 40)]
    columns = [np.broadcast_to(c.objects(), len(grid)) for c in Tape(roots).run(ARRAYS, {"w": numbers(grid)})]
    table = {root: column.tolist() for root, column in zip(roots, columns, strict=True)}
    outcomes = set()
    for index, value in enumerate(grid):
        fails = any(table[c.when][index] == 1 and table[c.holds][index] != 1 for c in binder.constraints)
        problems = binder.problems(complete(architecture.source, {"w": value}))
        assert bool(problems) == fails, value
        outcomes.add(fails)
    assert outcomes == {True, False}


def test_what_holds_for_all_factors_is_left_out() -> None:
    """A padded window of X3D always fits, so nothing is asked of it; widths are asked, each once."""
    listed = x3dspec.load("x3d_m").binder().constraints
    assert not [each for each in listed if "kernel" in each.message]
    assert len(set(listed)) == len(listed)


def test_padding_cannot_blow_a_layer_up(tmp_path: Path) -> None:
    """Sizes beyond every bound made later layers unchecked: half a channel went through."""
    layers = "".join("      - conv: {out: 1, kernel: 1, padding: 1024}\n" for _ in range(60))
    block = f"blocks:\n  grow:\n    layers:\n{layers}"
    stages = "".join(f"  - {{name: s{index}, block: grow}}\n" for index in range(9))
    text = (
        "name: wide\ninput: {channels: 3, size: 65536}\n"
        f"{block}stages:\n{stages}  - {{name: fraction, layers: [conv: {{out: 1/2, kernel: 1}}]}}\n"
    )
    with pytest.raises(SpecError) as caught:
        written(tmp_path, text).resolve()
    assert "its padding makes 67584 of 65536, more than 65536" in str(caught.value)


def test_equal_content_is_one_evaluator() -> None:
    """Architectures are told apart by what is in them, not by who made them."""
    one, other = (x3dspec.load("x3d_m").choose(classes=7) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != x3dspec.load("x3d_m")
    assert one.binder() is other.binder()


def test_the_first_group_that_fails_speaks_alone() -> None:
    """Random settings of X2D: problems are those of one stage, and `resolve` raises exactly them."""
    x2d, source = x3dspec.load("x2d"), random.Random(3)
    for _ in range(40):
        factors = {
            "gamma_w": Fraction(source.randint(1, 300), 16),
            "gamma_d": Fraction(source.randint(1, 900), 8),
        }
        problems = x2d.binder().problems(complete(x2d.source, factors))
        assert len({problem.path.partition(".")[0] for problem in problems}) <= 1
        if problems:
            with pytest.raises(SpecError) as caught:
                x2d.at(factors)
            assert list(caught.value.problems) == problems
        else:
            x2d.at(factors)
