"""The lattice and its search: integer for integer what `resolve` counts, and what brute force finds."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import x3dspec
from specs import COMPOUND, GROUPED, written
from x3dspec import Architecture, Infeasible, SpecError
from x3dspec.cli.app import run
from x3dspec.language.algebra import EXACT
from x3dspec.language.numbers import sqrt
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.quantities import ALWAYS
from x3dspec.network.units import Target, parse_target
from x3dspec.scaling.judges import judge
from x3dspec.scaling.search.arrays import ARRAYS, LIMIT, Numbers, numbers
from x3dspec.scaling.search.collectors import Best
from x3dspec.scaling.search.lattice import Lattice
from x3dspec.scaling.search.lopsided import Odd, odd
from x3dspec.scaling.search.ranges import parse_fix, parse_grid
from x3dspec.scaling.search.result import Far, Range, Result
from x3dspec.scaling.search.search import judged, search
from x3dspec.scaling.search.walk import Walk

#: Widths that agree at some factors, so that the shortcut's norm comes and goes.
MEETING = """
name: meeting
factors:
  a: {start: 1, grid: 1/4}
  b: {start: 1, grid: 1/4}
axes: {a: {a: a * m}, b: {b: b * m}}
input: {channels: 3, size: 16}
blocks:
  cell:
    arguments: [width]
    layers:
      - residual:
          branch: [conv: {out: width, kernel: 3}, norm]
          shortcut: {when: width_in != width, layers: [conv: {out: width, kernel: 1}, norm]}
stages:
  - {name: stem, layers: [conv: {out: round_width(8 * a), kernel: 3}]}
  - {name: body, block: cell, width: round_width(8 * b), repeat: ceil(2 * a)}
  - {name: head, layers: [mean, linear: {out: classes}]}
"""


@pytest.fixture(scope="module")
def x2d() -> Architecture:
    return x3dspec.load("x2d")


def grid(architecture: Architecture, *words: str) -> list[Range]:
    """Ranges as typed, and the start of every other factor that is not derived."""
    evaluator = Evaluator.of(architecture)
    found = parse_grid(evaluator, words)
    start = evaluator.values({})
    free = [f.name for f in architecture.factors(dict.fromkeys(found)) if not f.derived]
    return [Range(name, found.get(name, (start[name],)), "") for name in free]


def counted(architecture: Architecture, setting: dict[str, Fraction]) -> tuple[int, ...] | None:
    try:
        cost = architecture.at(setting).cost()
    except SpecError:
        return None
    return cost.macs, cost.params, cost.activations


def test_counts_are_those_of_resolve(x2d: Architecture) -> None:
    lattice = Lattice(
        Evaluator.of(x2d),
        grid(
            x2d,
            "gamma_t=1:40",
            "gamma_s=1/2:5",
            "gamma_w=1/2:2",
            "gamma_b=1/2:4:1/20",
            "gamma_d=1/2:5",
            "gamma_tau=1:24",
        ),
    )
    some = np.random.default_rng(0)
    chosen = np.stack([some.integers(0, len(cluster), 10_000) for cluster in lattice.clusters], axis=1)
    found = {quantity: lattice.counts(quantity, chosen).tolist() for quantity in ALWAYS}
    evaluator = Evaluator.of(x2d)
    for index, combination in enumerate(chosen.tolist()):
        setting = lattice.setting(combination)
        counts = evaluator.counts(setting)
        assert [found[quantity][index] for quantity in ALWAYS] == list(counts.values())
        if index < 100:
            assert tuple(counts.values()) == counted(x2d, dict(setting))


def test_saved_memory_is_a_limit_like_any_other(x2d: Architecture) -> None:
    words = ["gamma_s=1:3/2", "gamma_b=1:2:1/4", "gamma_d=1:2:1/5", "gamma_w=1:3/2:1/4"]
    fixed = parse_fix(Evaluator.of(x2d), ["gamma_t=4"])
    limit = parse_target("30MiB saved")
    found = search(x2d, [limit], fixed, parse_grid(Evaluator.of(x2d), words), "params")
    networks = []
    for values in itertools.product(*(each.values for each in found.ranges)):
        resolved = x2d.at(dict(zip((each.factor for each in found.ranges), values, strict=True)))
        if (kept := resolved.saved().one_clip) <= limit.value:
            networks.append((resolved.cost().params, resolved.cost().macs, resolved.cost().activations, kept))
    best = found.best[0].counts
    assert tuple(best[name] for name in ("params", "macs", "activations", "saved")) == max(networks)
    assert found.proof.complete


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (COMPOUND, ["phi=0:4", "size=1:2"]),
        (COMPOUND, ["phi=0:2", "width=1:2:1/16", "size=1:2:1/2"]),
        (GROUPED, ["b=1:6"]),
        (MEETING, ["a=1/4:4", "b=1/4:4"]),
    ],
)
def test_nothing_is_lost_and_nothing_is_wrong(tmp_path: Path, text: str, words: Sequence[str]) -> None:
    """A lattice has every network of the plain product once, whatever its factors do to one another."""
    architecture = written(tmp_path, text)
    ranges = grid(architecture, *words)
    lattice = Lattice(Evaluator.of(architecture), ranges)
    networks = set()
    for values in itertools.product(*(each.values for each in ranges)):
        setting = dict(zip((each.factor for each in ranges), values, strict=True))
        try:
            networks.add(repr(architecture.at(setting).network.stages))
        except SpecError:
            continue
    mine = set()
    for combination in itertools.product(*(range(len(cluster)) for cluster in lattice.clusters)):
        setting = dict(lattice.setting(combination))
        found = tuple(int(lattice.counts(q, np.array([combination]))[0]) for q in ALWAYS)
        assert found == counted(architecture, setting)
        mine.add(repr(architecture.at(setting).network.stages))
    assert mine == networks


SMALL = ("gamma_t=1:4", "gamma_s=1:2:2/7", "gamma_w=1:2:1/2", "gamma_b=1:3:1/2", "gamma_d=1:3:1/2")


@pytest.fixture(scope="module")
def every(x2d: Architecture) -> dict[tuple[Fraction, ...], tuple[int, ...]]:
    """Every network of a small grid, by its factors, as `resolve` counts it."""
    ranges = grid(x2d, *SMALL)
    networks = {}
    for values in itertools.product(*(each.values for each in ranges)):
        found = counted(x2d, dict(zip((each.factor for each in ranges), values, strict=True)))
        assert found is not None
        networks[values] = found
    return networks


def small(architecture: Architecture) -> dict[str, tuple[Fraction, ...]]:
    return {each.factor: each.values for each in grid(architecture, *SMALL) if len(each.values) > 1}


def brute(networks: dict[tuple[Fraction, ...], tuple[int, ...]], limits: Sequence[Target]) -> list[object]:
    """All networks within the limits, the best first, as a beginner would find them."""
    bounds = [(ALWAYS.index(each.quantity), each.value) for each in limits]
    fitting = [(c, f) for f, c in networks.items() if all(c[i] <= value for i, value in bounds)]
    return sorted(fitting, key=lambda each: ([-count for count in each[0]], each[1]))


def test_what_brute_force_finds(
    x2d: Architecture, every: dict[tuple[Fraction, ...], tuple[int, ...]]
) -> None:
    """A hundred sets of limits: the same networks in the same order, the same number of them, or none."""
    networks, grids = every, small(x2d)
    draw = random.Random(3)
    infeasible = 0
    for _ in range(100):
        around = draw.choice(list(networks.values()))
        asked = draw.sample(ALWAYS, draw.randint(1, 3))
        limits = [Target(q, int(around[ALWAYS.index(q)] * draw.uniform(0.7, 1.2)), "", q) for q in asked]
        expected = brute(networks, limits)
        if not expected:
            infeasible += 1
            with pytest.raises(Infeasible, match="binds, the least"):
                search(x2d, limits, grids=grids)
            continue
        result = search(x2d, limits, grids=grids, top=5)
        assert len({counts for counts, _ in expected}) <= result.proof.within <= len(expected)
        got = [tuple(each.counts.values()) for each in result.best]
        assert got == [counts for counts, _ in expected][: len(got)]
        assert result.proof.complete
    assert 0 < infeasible < 50


def test_bounds_change_nothing(x2d: Architecture) -> None:
    """With bounds, and every configuration counted one by one: the same answer and the same numbers."""
    words = ("gamma_t=1:16", "gamma_s=1:3", "gamma_w=1:2:1/10", "gamma_b=1:3:1/4", "gamma_d=1:4:1/4")
    lattice = Lattice(Evaluator.of(x2d), grid(x2d, *words))
    limits = {"macs": 10**9, "params": 5 * 10**6}
    found = []
    for bounding in (True, False):
        best = Best(lattice, "activations", 4)
        walk = Walk(lattice, dict(limits), [best], bounding)
        walk.run(lambda *_: None)
        found.append((list(best.networks()), walk.fit, walk.covered))
        assert walk.counted == lattice.size or bounding
    assert found[0] == found[1]
    assert found[0][2] == lattice.size


def test_the_pareto_front_is_the_front(
    x2d: Architecture, every: dict[tuple[Fraction, ...], tuple[int, ...]]
) -> None:
    limit = parse_target("150MMACs")
    result = search(x2d, [limit], grids=small(x2d), pareto=("params", "activations"))
    points = {(p, a) for m, p, a in every.values() if m <= limit.value}
    front = sorted(
        (p, a) for p, a in points if not any(q <= p and b >= a and (q, b) != (p, a) for q, b in points)
    )
    assert [(each.counts.params, each.counts.activations) for each in result.front] == front


def test_a_judge_ranks_what_fits(x2d: Architecture) -> None:
    limits = [parse_target("60MMACs")]
    grids = parse_grid(Evaluator.of(x2d), ["gamma_t=1:3", "gamma_s=1:2:2/7", "gamma_w=1:2:1/2"])
    fixed = parse_fix(Evaluator.of(x2d), ["gamma_b=1", "gamma_d=1"])
    found = search(x2d, limits, fixed, grids)
    ranked = judged(found, judge("params"), "params", 3)
    assert [each.score for each in ranked.best] == sorted((e.score for e in ranked.best), reverse=True)
    assert ranked.best[0].counts.params == search(x2d, limits, fixed, grids, "params").best[0].counts.params


def test_what_cannot_be_built_is_no_answer(tmp_path: Path) -> None:
    architecture = written(tmp_path, GROUPED)
    result = search(
        architecture, [parse_target("10MMACs")], grids=parse_grid(Evaluator.of(architecture), ["b=1:4"])
    )
    assert result.proof.networks == 7  # of 25 values, those with a multiple of four channels
    assert result.best[0].setting["b"] % Fraction(1, 2) == 0


def test_infeasible_names_the_limit(x2d: Architecture) -> None:
    with pytest.raises(Infeasible, match=r"1MMACs binds, the least is 20\.66 MFLOPs \(20,662,304\)"):
        search(x2d, [parse_target("1MMACs"), parse_target("40M params")])
    # Each is met somewhere; together they are not.
    grids = parse_grid(Evaluator.of(x2d), ["gamma_t=1:8", "gamma_w=1:2"])
    fixed = parse_fix(Evaluator.of(x2d), ["gamma_s=1", "gamma_b=1", "gamma_d=1"])
    tight = [parse_target("20662304 MACs"), parse_target("4M params")]
    assert search(x2d, tight, fixed, grids).best[0].counts.macs == 20_662_304


def test_factors_without_bounds_are_asked_for(x2d: Architecture) -> None:
    with pytest.raises(SpecError, match="no limit bounds gamma_t: give --grid gamma_t=FROM:TO"):
        search(x2d, [parse_target("4M params")])


@pytest.mark.parametrize(
    ("option", "words", "message"),
    [
        ("fix", ["gamma_q=1"], "unknown factor 'gamma_q'"),
        ("fix", ["gamma_b"], "fix: 'gamma_b' is not of the form factor=value"),
        ("fix", ["gamma_b=x"], "fix: must be a number: x has no value here"),
        ("fix", ["gamma_tau=0"], "fix: gamma_tau = 0 must be at least 1"),
        ("grid", ["gamma_b=1"], "grid: '1' is not of the form from:to or from:to:step"),
        ("grid", ["gamma_b=3:1"], "grid: gamma_b: no values from 3 to 1"),
        ("grid", ["gamma_b=1:3:0"], "grid: gamma_b: no values from 1 to 3 by 0"),
        ("grid", ["gamma_b=1:3:1e-30"], "values are more than 65,536"),
    ],
)
def test_bad_words(x2d: Architecture, option: str, words: list[str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        (parse_fix if option == "fix" else parse_grid)(Evaluator.of(x2d), words)


def test_ctrl_c_leaves_the_best_so_far(x2d: Architecture) -> None:
    def press(far: Far) -> None:
        if not far.preparing:
            raise KeyboardInterrupt

    limits = [parse_target("1GMACs"), parse_target("20M params")]
    result = search(x2d, limits, grids=parse_grid(Evaluator.of(x2d), ["gamma_b=1:4"]), progress=press)
    assert not result.proof.complete
    assert result.best


def test_what_is_lopsided_is_named(x2d: Architecture) -> None:
    """gamma_s beyond all that is published, gamma_tau, which is free; not what was asked for."""
    limits = [parse_target("4.73GFLOPs"), parse_target("4M params")]
    fixed = parse_fix(Evaluator.of(x2d), ["gamma_b=2.25"])
    found = search(x2d, limits, fixed)
    assert odd(found) == [
        Odd("gamma_tau", Fraction(24), free=True),
        Odd("gamma_s", Fraction(7, 2), Fraction(39, 14)),
    ]
    fixed |= parse_fix(Evaluator.of(x2d), ["gamma_tau=5"])
    grids = parse_grid(Evaluator.of(x2d), ["gamma_s=1:4"])
    assert odd(search(x2d, limits, fixed, grids)) == []


def test_a_factor_at_its_end_is_named_where_nothing_is_published(tmp_path: Path) -> None:
    architecture = written(tmp_path, MEETING)
    found = search(architecture, [parse_target("10MMACs")], parse_fix(Evaluator.of(architecture), ["a=1"]))
    assert [each.factor for each in odd(found)] == ["b"]


def test_the_preparation_is_told_of(x2d: Architecture) -> None:
    far: list[Far] = []
    search(x2d, [parse_target("100MMACs")], progress=far.append)
    assert far[0].preparing
    assert far[-1].done == far[-1].total
    assert far[-1].best is not None


fractions = st.fractions(min_value=-50, max_value=50, max_denominator=30)
positive = st.fractions(min_value=Fraction(1, 30), max_value=50, max_denominator=30)


@given(st.lists(fractions, min_size=1, max_size=5), positive)
def test_arrays_are_exact(values: list[Fraction], other: Fraction) -> None:
    """Every operation, element by element, is that of the exact algebra."""
    array, single = numbers(values), numbers([other], ())
    for operator in ("add", "multiply", "divide", "minimum", "maximum", "equal", "round_to", "round_width"):
        found = getattr(ARRAYS, operator)(array, single)
        assert found.objects().tolist() == [getattr(EXACT, operator)(v, other) for v in values]
    for operator in ("floor", "ceil"):
        assert getattr(ARRAYS, operator)(array).objects().tolist() == [
            getattr(EXACT, operator)(v) for v in values
        ]


def test_arrays_never_wrap_around() -> None:
    large = numbers([LIMIT - 1, 3])
    for found, expected in (
        (ARRAYS.multiply(large, large), (LIMIT - 1) ** 2),
        (ARRAYS.add(large, large), 2 * (LIMIT - 1)),
        (ARRAYS.multiply(ARRAYS.multiply(large, large), large), (LIMIT - 1) ** 3),
    ):
        assert found.objects().tolist()[0] == expected
    root = ARRAYS.power(numbers([Fraction(2), Fraction(4)]), numbers([Fraction(1, 2)], ()))
    assert root.objects().tolist() == [sqrt(2), 2]
    assert ARRAYS.floor(ARRAYS.multiply(root, numbers([112], ()))).objects().tolist() == [158, 224]
    assert not root.whole().tolist()[0]
    assert root.between(1, 2).all()
    assert Numbers(np.array([1, 2]), 2).whole().tolist() == [False, True]


def test_a_lattice_beyond_64_bits_is_counted_too(x2d: Architecture) -> None:
    lattice = Lattice(
        Evaluator.of(x2d), grid(x2d, "gamma_t=60000:60001", "gamma_s=500:500", "gamma_w=5000:5000")
    )
    assert lattice.bound("macs") >= LIMIT
    combinations = np.array([[0] * len(lattice.clusters)])
    assert int(lattice.counts("macs", combinations)[0]) == counted(x2d, dict(lattice.setting([0] * 5)))[0]  # type: ignore[index]
    best = Best(lattice, "macs", 1)
    Walk(lattice, {"params": 10**15}, [best]).run(lambda *_: None)
    [only] = best.networks()
    assert only.counts.macs == Evaluator.of(x2d).counts(only.setting).macs


LINE = ["search", "x2d", "--max", "100MMACs", "--max", "4M params", "--fix", "gamma_b=2.25"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "best.yaml"
    assert run([*LINE, "--json", "--top", "2", "-o", str(out)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["proof"]["complete"]
    assert answer["proof"]["bound"] == answer["best"][0]["cost"]["macs"] <= 10**8
    assert x3dspec.load(str(out)).resolve().cost().macs == answer["best"][0]["cost"]["macs"]


def test_the_page_and_the_exits(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*LINE, "--pareto", "params,macs"]) == 0
    page = capsys.readouterr().out
    assert "proved: " in page
    assert run(["search", "x2d", "--max", "1MFLOPs"]) == 1
    assert "1MFLOPs binds" in capsys.readouterr().err
    assert run([*LINE, "--objective", "guess"]) == 2
    assert run([*LINE, "--pareto", "params"]) == 2
    assert run(["search", "x2d", "--max", "4 bananas"]) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_a_result_knows_its_network(x2d: Architecture) -> None:
    result: Result = search(x2d, [parse_target("100MMACs")], parse_fix(Evaluator.of(x2d), ["gamma_b=2"]))
    assert result.resolved().cost().macs == result.best[0].counts.macs
