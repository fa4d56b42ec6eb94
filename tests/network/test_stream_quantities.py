"""A stream's figures: the closed forms against what the rewrite of a bound network remembers."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest

from x3dspec import load
from x3dspec.cli import run
from x3dspec.codegen.module import counted
from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import SpecError
from x3dspec.language.tape import Tape
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved
from x3dspec.network.quantities import QUANTITIES, STREAM
from x3dspec.network.units import in_form, parse_target

Capture = pytest.CaptureFixture[str]
SHIPPED = ("x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl", "x3d_xl_slowfast", "slow_r50")


def closed(resolved: Resolved) -> dict[str, int]:
    """By the formulas of the symbolic network."""
    binder = resolved.architecture.binder(frozenset(resolved.setting))
    values = (Tape([binder.formula(name)]).run(EXACT, resolved.factors)[0] for name in STREAM)
    return dict(zip(STREAM, map(int, values), strict=True))


def rewritten(resolved: Resolved) -> dict[str, int]:
    """By the stream form's own network."""
    found = counted(resolved, "stream")
    memory = stream.memory(found.network)
    figures = (found.cost().macs, memory.numbers, memory.delay, memory.frames)
    return dict(zip(STREAM, figures, strict=True))


@pytest.mark.parametrize("name", SHIPPED)
def test_closed_forms_are_what_the_stream_form_has(name: str) -> None:
    resolved = load(name).resolve()
    assert closed(resolved) == rewritten(resolved)
    assert closed(resolved) == {name: QUANTITIES[name].of(resolved.network) for name in STREAM}


def test_random_networks_too() -> None:
    generator = random.Random(5)
    for _ in range(40):
        architecture = load(generator.choice(("x2d", "slow_r50")))
        factors = {
            "gamma_t": generator.randint(1, 20),
            "gamma_s": Fraction(generator.randint(4, 40), 14),
            "gamma_w": Fraction(generator.randint(30, 250), 100),
            "gamma_d": Fraction(generator.randint(20, 500), 100),
        }
        resolved = architecture.resolve(**factors)
        assert closed(resolved) == rewritten(resolved), factors


def test_x3d_s() -> None:
    assert closed(load("x3d_s").resolve()) == {
        "step_macs": 152_711_312,
        "state": 2_191_200 + 350_400 + 12 * 432,
        "delay": 28,
        "frames_seen": 57,
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet_b0", "this network is 2-D: it has no frames to stream"),
        ("c2d_r50", "pool2: a stream takes no stride in time"),
    ],
)
def test_what_cannot_stream_has_none(name: str, message: str) -> None:
    for quantity in STREAM:
        with pytest.raises(SpecError, match=message):
            load(name).binder().formula(quantity)


def test_figures_are_read_and_mapped() -> None:
    assert parse_target("150MMACs/step").quantity == "step_macs"
    assert parse_target("2M state").quantity == "state"
    assert parse_target("28 frames late").value == 28
    target = in_form(parse_target("150MFLOPs"), "stream")
    assert (target.quantity, target.value) == ("step_macs", 150_000_000)
    for form, wrong in (
        ("stream", "of a stream there are .*, no activations"),
        ("flat", "unknown form"),
    ):
        with pytest.raises(SpecError, match=wrong):
            in_form(parse_target("4M activations"), form)


def test_commands_know_the_form(capsys: Capture) -> None:
    assert run(["formula", "x3d_s", "--form", "stream", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["quantity"], answer["value"]) == ("step_macs", 152_711_312)
    assert run(["budget", "x2d", "--form", "stream", "--target", "150MFLOPs", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["target"]["quantity"] == "step_macs"
    found = load("x2d").resolve(**answer["factors_exact"])
    assert rewritten(found)["step_macs"] == answer["achieved"] <= 150_000_000
    limits = ["--max", "60MFLOPs", "--max", "20 frames late", "--fix", "gamma_t=1", "--fix", "gamma_s=1"]
    assert run(["search", "x2d", "--form", "stream", *limits, "--json"]) == 0
    best = json.loads(capsys.readouterr().out)["best"][0]
    assert rewritten(load("x2d").resolve(**best["factors_exact"]))["delay"] <= 20
    assert best["cost"]["step_macs"] <= 60_000_000
