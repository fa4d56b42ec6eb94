"""One table of quantities: formula, evaluator and walk count alike; each is read and written in its unit."""

from __future__ import annotations

import json

import pytest

import x3dspec
from x3dspec.cli import run
from x3dspec.language.errors import SpecError
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.quantities import ALWAYS, LIMITED, QUANTITIES, STREAM, Counts
from x3dspec.network.units import figure, parse_target, short

#: Of every network: time needs a machine, and the stream form frames.
COUNTED = [name for name in QUANTITIES if name not in ("ms", *STREAM)]
NAMES = ["x3d_m", "csn_r101", "mobilenet_v2", "efficientnet_b0", "resnet"]


@pytest.mark.parametrize("name", NAMES)
def test_an_evaluator_counts_what_the_network_has(name: str) -> None:
    architecture = x3dspec.load(name)
    network = architecture.resolve().network
    counts = Evaluator.of(architecture, *COUNTED).counts({})
    assert counts == {name: QUANTITIES[name].of(network) for name in COUNTED}
    assert Evaluator.of(architecture).counts({}) == {name: counts[name] for name in ALWAYS}


def test_x3d_m_keeps_what_it_is_known_to_keep() -> None:
    architecture = x3dspec.load("x3d_m")
    assert Evaluator.of(architecture, "saved").counts({})["saved"] == 843_288_192
    assert x3dspec.formula("x3d_m", "saved").value == 843_288_192


def test_what_is_not_always_counted_was_asked_for() -> None:
    assert Counts(macs=1, params=2, activations=3).asked == []
    assert Counts(macs=1, params=2, activations=3, saved=4).asked == ["saved"]
    assert set(ALWAYS) <= set(LIMITED) <= set(QUANTITIES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6GiB saved", 6 * 2**30),
        ("6 GB saved", 6 * 10**9),
        ("800MiB saved", 838_860_800),
        ("1_024kB saved", 1_024_000),
        ("7B saved", 7),
    ],
)
def test_bytes_are_a_target(text: str, value: int) -> None:
    target = parse_target(text)
    assert (target.quantity, target.value) == ("saved", value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6GiB", "6GiB of what? write 6GiB saved"),
        ("6GiBs", "did you mean 6GiB saved?"),
        ("6G saved", "unknown unit 'G saved'; did you mean 6GB saved?"),
        ("6GiB params", "unknown unit 'GiB params'"),
    ],
)
def test_bytes_of_nothing(text: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_target(text)
    assert message in str(error.value)


def test_a_figure_is_in_its_unit() -> None:
    assert figure("saved", 843_288_192) == "804.22 MiB saved"
    assert figure("saved", 12) == "12 B saved"
    assert (short("saved", 843_288_192), short("macs", 4_732_468_736)) == ("804.2 MiB", "4.732 G")


@pytest.mark.parametrize("words", [["--fill"], ["--order", "published"], []])
def test_a_budget_of_memory_is_proved(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(["budget", "--target", "100MiB saved", "--json", *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["achieved"] == answer["cost"]["saved"] <= 100 * 2**20
    assert answer["trajectory"][-1]["cost"]["saved"] == answer["achieved"]
    for following in answer["next"]:
        assert following["excess"] == following["cost"]["saved"] - 100 * 2**20
    assert any(following["excess"] > 0 for following in answer["next"])


def test_a_factor_is_solved_for_memory() -> None:
    [unknown] = x3dspec.solve("x3d_m", "gamma_t", "800MiB saved").unknowns
    assert unknown.below is not None
    assert unknown.above is not None
    assert unknown.below.counts["saved"] <= 800 * 2**20 < unknown.above.counts["saved"]
    assert unknown.above.counts["saved"] == x3dspec.resolve("x3d_m", **unknown.above.factors).saved().one_clip


def test_an_objective_is_a_quantity() -> None:
    with pytest.raises(SpecError, match="unknown quantity 'mac'; did you mean macs"):
        x3dspec.search("x2d", ["1GFLOPs"], objective="mac")
