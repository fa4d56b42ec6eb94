"""One class for all uses of a block.

Instances of one block differ in some numbers and in which layers are there. What never differs becomes a
literal in the class, what differs a parameter of its constructor. So a class has no option that its
network does not use.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from x3dspec.codegen.classes import Class, Instance, Module, Step, every_step
from x3dspec.codegen.parameters import Parameters
from x3dspec.codegen.slots import Slot, slots_of
from x3dspec.codegen.steps import steps_of
from x3dspec.network import layers as net


def unify(instances: Sequence[Instance], input_channels: bool = False) -> Class:
    """One class for all `instances` of a block.

    `input_channels` says that the first instance sees the network's own input, whose channels the
    caller of the emitted factory chooses: they are then a parameter called ``in_channels``.
    """
    slots = slots_of(instances)
    parameters = Parameters(instances, slots, input_channels)
    steps = steps_of(slots)
    owning = {step.name for step in every_step(steps) if step.owns_input}
    modules = tuple(_module(slot, owning) for slot in slots if slot.is_module)
    for first, second in list(_alternatives(steps, {module.name: module for module in modules})):
        modules, steps = _merged(first, second, modules), _without(second.name, steps)
    declared = tuple(parameters.table[name][0] for name in parameters.ordered())
    return Class(declared, modules, steps, tuple(parameters.call(index) for index in range(len(instances))))


def _module(slot: Slot, owning: set[str]) -> Module:
    layer = slot.sample
    zero = isinstance(layer, net.Norm) and layer.zero_init
    arguments = layer.arguments(slot.arguments)
    if isinstance(layer, net.Activation) and layer.name in owning:
        arguments["inplace"] = "True"
    return Module(layer.name, slot.kind, arguments, slot.condition, zero)


def _alternatives(steps: tuple[Step, ...], modules: Mapping[str, Module]) -> Iterator[tuple[Module, Module]]:
    """Functions that follow each other and of which every instance has one: the first as it is named."""
    for step in steps:
        yield from _alternatives(step.branch, modules)
    for one, other in itertools.pairwise(steps):
        if one.kind == other.kind == "function":
            first, second = modules[one.name], modules[other.name]
            if f"not {first.condition}" == second.condition or f"not {second.condition}" == first.condition:
                yield first, second


def _merged(first: Module, second: Module, modules: tuple[Module, ...]) -> tuple[Module, ...]:
    """One module in the place and with the name of the first."""
    inplace = {key: value for key, value in first.arguments.items() if key == "inplace"}
    choices = [first.arguments, {**second.arguments, **inplace}]
    condition = first.condition or ""
    if condition.startswith("not "):
        condition = condition.removeprefix("not ")
        choices.reverse()
    both = replace(first, arguments=choices[0], condition=condition, otherwise=choices[1])
    return tuple(both if module is first else module for module in modules if module is not second)


def _without(name: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(replace(step, branch=_without(name, step.branch)) for step in steps if step.name != name)
