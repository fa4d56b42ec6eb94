"""What is asked for is read as it was meant, or refused in words that change neither quantity nor amount."""

from __future__ import annotations

from fractions import Fraction

import pytest

from x3dspec.language.errors import SpecError
from x3dspec.network.units import figure, parse_bytes, parse_target, parse_tolerance


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("4.7GFLOPs", "macs", 4_700_000_000),
        ("4.7B FLOPs", "macs", 4_700_000_000),
        ("4_700MFLOPs", "macs", 4_700_000_000),
        ("1T params", "params", 10**12),
        ("40M acts", "activations", 40_000_000),
        ("40Mact", "activations", 40_000_000),
        ("40 macs", "macs", 40),
    ],
)
def test_targets(text: str, quantity: str, value: int) -> None:
    target = parse_target(text)
    assert (target.quantity, target.value) == (quantity, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "10s",
            "unknown unit 's'; time is in ms, on a machine that calibrate has timed; the units are",
        ),
        ("3QFLOPs", "unknown unit 'QFLOPs'; no prefix is 'Q'; the units are FLOPs, MACs, params and act"),
        ("1/3GFLOPs", "'1/3GFLOPs' does not begin with a decimal number"),
        ("4__7GFLOPs", "'4__7GFLOPs' does not begin with a decimal number"),
        ("4.7GFLOPs 4M params", "'4.7GFLOPs 4M params' is more than one figure; several limits are search's"),
        ("4.7GFLOPs,4M params", "is more than one figure"),
        ("4.7GFLPs", "unknown unit 'GFLPs'; did you mean 4.7GFLOPs? the units are"),
        ("4M actvations", "did you mean 4M activations?"),
        ("4 lops", "unknown unit 'lops'; the units are"),
        ("4.7B", "4.7B of what? write 4.7BFLOPs or 4.7B params"),
    ],
)
def test_what_is_no_target(text: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        parse_target(text)
    assert message in str(error.value)


def test_a_tolerance_is_a_share() -> None:
    assert parse_tolerance("5%") == parse_tolerance("0.05") == Fraction(1, 20)
    for text, hint in [("5", "'5' is not between 0% and 100%; write 5%"), ("500%", "between 0% and 100%")]:
        with pytest.raises(SpecError) as error:
            parse_tolerance(text)
        assert str(error.value).endswith(hint)


def test_figures_and_bytes() -> None:
    assert figure("params", 4_700_000_000) == "4.70 G params"
    assert figure("macs", 3_000_000) == "3.00 MFLOPs"
    assert parse_bytes("1_024 KiB") == 2**20
