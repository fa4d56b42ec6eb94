"""The lines of emitted classes: signatures, attributes, initialisations."""

from __future__ import annotations

from dataclasses import replace

from x3dspec.codegen.classes import Class, Module, Parameter, every_step
from x3dspec.codegen.format import broken
from x3dspec.codegen.forward import INDENT
from x3dspec.network import layers as net


def stage_line(stage: net.Stage[int], calls: list[str]) -> str:
    """The attribute of a stage: its one block, or a sequence of them."""
    if not stage.sequence:
        return broken(f"{INDENT}self.{stage.name} = {calls[0]}")
    lines = [broken(f"{INDENT}    {call},") for call in calls]
    return "\n".join([f"{INDENT}self.{stage.name} = nn.Sequential(", *lines, f"{INDENT})"])


def with_arguments(module: Module, **arguments: str) -> Module:
    """The same module, some arguments of its constructor replaced."""
    return replace(module, arguments={**module.arguments, **arguments})


def flags(block: Class) -> list[str]:
    """The conditions that forward needs: whether a sum takes place."""
    names = dict.fromkeys(step.condition for step in every_step(block.steps) if step.condition)
    return [f"{INDENT}self.{name} = {name}" for name in names]


def zeroed(block: Class, dims: int) -> list[str]:
    """The lines that start the weights of norms at 0."""
    lines = []
    for module in block.modules:
        if not module.zero_init:
            continue
        line = f"{INDENT}nn.init.zeros_(self.{module.name}.weight)"
        if module.condition and module.otherwise is None:
            lines.append(f"{INDENT}if isinstance(self.{module.name}, nn.BatchNorm{dims}d):")
            line = f"    {line}"
        lines.append(line)
    return lines


def signature(start: str, end: str, parameters: tuple[Parameter, ...], *, keywords: bool = True) -> str:
    """The first lines of a function: parameters without a default first, the rest by keyword alone."""
    required = [f"{p.name}: {p.type}" for p in parameters if p.default is None]
    optional = [f"{p.name}: {p.type} = {p.default}" for p in parameters if p.default is not None]
    star = ["*"] if keywords and required and optional else []
    line = start + ", ".join([*required, *star, *optional]) + end
    return broken(line.replace("self, )", "self)"))


def positions(dims: int) -> str:
    """The dimensions that a global mean is over, frames included."""
    return "(2, 3, 4)" if dims == 3 else "(2, 3)"
