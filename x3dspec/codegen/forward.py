"""The lines of a forward method: chains of layers as nested calls, sums and activations as lines."""

from __future__ import annotations

from x3dspec.codegen.classes import Step
from x3dspec.codegen.format import broken
from x3dspec.codegen.templates import macros

INDENT = " " * 8
#: Layers of the stream form that have a memory, and are given a step's.
REMEMBERS = ("step_conv", "delay")
#: What ends a line: how long the names are decides nothing, so that what is alive when is a rule
#: (:mod:`x3dspec.network.peak`).
ENDS = ("activation", "function", "mean", "clip_mean", "window_mean", "running_mean")


class Forward:
    """Chains of layers as nested calls, a line an activation or a sum; none is broken yet."""

    def __init__(self, dims: int, form: str) -> None:
        self.dims = dims
        self.form = form

    def lines(self, steps: tuple[Step, ...], start: str, target: str, indent: str) -> list[str]:
        lines: list[str] = []
        value = start
        for step in steps:
            if step.kind == "residual":
                if value not in (start, target):
                    lines.append(f"{indent}{target} = {value}")
                    value = target
                lines += self._residual(step, value, target, indent)
                value = target
                continue
            value = self._applied(step, value)
            if step.kind in ENDS:
                lines.append(f"{indent}{target} = {value}")
                value = target
        if value not in (start, target) or (value == start != target):
            lines.append(f"{indent}{target} = {value}")
        return lines

    def _applied(self, step: Step, value: str) -> str:
        if step.kind == "activation":
            return str(macros().activation(step.function, value, step.owns_input and self.form != "stream"))
        if step.kind == "mean":
            return str(macros().mean(value, self.dims, step.function))
        if step.kind == "clip_mean":
            return str(macros().clip_mean(value))
        if step.kind == "window_mean":
            # The layers behind it see channels alone.
            return f"self.{step.name}({value}).movedim(1, -1).contiguous()"
        if step.kind == "running_mean":
            return f"self.{step.name}({macros().mean(value, self.dims)}, stream)"
        return f"self.{step.name}({value}{', stream' if step.kind in REMEMBERS else ''})"

    def _residual(self, step: Step, value: str, target: str, indent: str) -> list[str]:
        inner = chr(ord(target) + 1) if target != "z" else "branch"
        lines = self.lines(step.branch, value, inner, indent)
        other = value
        for layer in step.shortcut:
            other = self._applied(layer, other)
        in_place = self.form == "deploy" and step.owns_branch
        total = f"{inner}.add_({other})" if in_place else f"{inner} + {other}"
        if step.condition:
            total = f"{total} if self.{step.condition} else {inner}"
        return [*lines, f"{indent}{target} = {total}"]


def returned(lines: list[str]) -> list[str]:
    """The lines of a function that returns x, each broken where it is too long.

    A function of torch is typed, the call of a module is not: its result is given its type first.
    """
    *before, last = lines
    value = last.removeprefix(f"{INDENT}x = ")
    if value == last:
        end = [last, f"{INDENT}return x"]
    elif value.startswith("F."):
        end = [f"{INDENT}return {value}"]
    else:
        end = [f"{INDENT}out: Tensor = {value}", f"{INDENT}return out"]
    return [broken(line) for line in (*before, *end)]
