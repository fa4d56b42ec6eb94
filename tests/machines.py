"""A machine that is made up, with a law for every kind of layer."""

from __future__ import annotations

from fractions import Fraction

from x3dspec.language.machine_file import Law, Machine

KINDS = (
    *("pointwise convolution", "projection", "channel-wise convolution", "channel-wise convolution in time"),
    *("convolution", "convolution of frames", "convolution in time", "grouped convolution", "copy", "norm"),
    *("squeeze-excitation", "linear", "mean", "sum", "max_pool", "avg_pool", "relu", "swish", "hard_swish"),
)


def machine(form: str = "deploy", batch: int = 1, added: bool = False, granularity: int = 8) -> Machine:
    """Every kind takes a little more than the one before it."""
    laws = tuple(
        (
            kind,
            Law(Fraction(1000 + i), Fraction(3, 200) + i, Fraction(1, 8), granularity, added, Fraction(0), 9),
        )
        for i, kind in enumerate(KINDS)
    )
    errors = Fraction("0.08"), Fraction("0.03")
    return Machine("cpu", "made up", "2.0", 1, "float32", form, batch, "thread CPU time", *errors, laws)
