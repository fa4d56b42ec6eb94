"""Windows that slide: the sizes behind them, what must hold of them, how they are spelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from x3dspec.language.expressions import Expr, ceil, constant, floor, minimum
from x3dspec.language.paths import Path
from x3dspec.network.conditions import MAX_SIZE, Constraints, at_least, at_most, must

Sizes = tuple[int, ...]


def windowed(sizes: tuple[Expr, ...], kernel: Sizes, stride: Sizes, padding: Sizes) -> tuple[Expr, ...]:
    """The sizes behind windows of `kernel` at `stride`."""
    return tuple(_window(*each) for each in zip(sizes, kernel, stride, padding, strict=True))


def _window(size: Expr, kernel: int, stride: int, padding: int) -> Expr:
    slack = 2 * padding - kernel
    if slack == -1:
        # floor((n - 1) / s) + 1, written so that dropping the rounding loses least.
        return ceil(size / constant(stride))
    return floor((size + slack) / constant(stride)) + 1


def beyond(sizes: tuple[Expr, ...], kernel: Sizes, stride: Sizes, padding: Sizes) -> tuple[Expr, ...]:
    """The sizes behind windows that may reach beyond the padding behind, if they begin before it."""
    return tuple(_beyond(*each) for each in zip(sizes, kernel, stride, padding, strict=True))


def _beyond(size: Expr, kernel: int, stride: int, padding: int) -> Expr:
    reaching = ceil((size + (2 * padding - kernel)) / constant(stride)) + 1
    if kernel - padding >= stride:
        return reaching  # each of them begins before
    return minimum(reaching, ceil((size + padding) / constant(stride)))


def fitting(
    path: Path, kernel: Sizes, padding: Sizes, inputs: tuple[Expr, ...], outputs: tuple[Expr, ...]
) -> Constraints:
    """Every window fits into its padded input, and padding cannot make a layer ever larger."""
    for window, pad, size, after in zip(kernel, padding, inputs, outputs, strict=True):
        if window > 2 * pad + 1:
            padded = f" padded by {pad}" if pad else ""
            message = f"kernel {window} is larger than its input, {{0}}{padded}"
            yield from must((*path, "kernel"), at_least(size, window - 2 * pad), message, (size,))
        elif window < 2 * pad + 1:
            message = f"its padding makes {{0}} of {{1}}, more than {MAX_SIZE}"
            yield from must((*path, "padding"), at_most(after, MAX_SIZE), message, (after, size))


def reach(kernel: Sizes, dilation: Sizes) -> Sizes:
    """From the first element of a window to the last."""
    return tuple((size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True))


def numbers(kernel: Sizes, stride: Sizes, padding: Sizes) -> Iterator[tuple[str, int]]:
    """``kernel0``, ``kernel1`` ... by dimension: each may be a parameter of its own."""
    for name, values in (("kernel", kernel), ("stride", stride), ("padding", padding)):
        yield from by_dimension(name, values)


def by_dimension(name: str, values: Sizes) -> Iterator[tuple[str, int]]:
    for dimension, value in enumerate(values):
        yield f"{name}{dimension}", value


def argument(numbers: Mapping[str, str], name: str, default: str = "") -> dict[str, str]:
    """One of them as an argument: a number, or a tuple; nothing where all are torch's default."""
    values = [numbers[f"{name}{d}"] for d in range(3) if f"{name}{d}" in numbers]
    if not values or set(values) == {default}:
        return {}
    return {name: values[0] if len(set(values)) == 1 else f"({', '.join(values)})"}


def picked(numbers: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: numbers[name] for name in names}
