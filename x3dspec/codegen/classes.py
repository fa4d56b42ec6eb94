"""From the blocks of one network to the classes that a person would have written for them.

Every use of a block is an instance: a sequence of layers with finished integers. Instances of one
block differ in some numbers and in which layers are there. What never differs becomes a literal in
the class, what differs becomes a parameter of its constructor, called after the block's argument
that has the same values, or after the layer. So a class has no option that its network does not use.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from x3dspec.language.paths import Path
from x3dspec.network import layers as net

Body = tuple[net.Layer[int], ...]


@dataclass(frozen=True)
class Instance:
    """One use of a block: its layers, and the values of the block's arguments there."""

    body: Body
    arguments: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Parameter:
    """A constructor's parameter. Those without a default are positional, the rest keyword-only."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Module:
    """A layer as the class has it: literals and parameter names, and the condition for it.

    `otherwise` has the arguments of the layer of the same kind that is there instead, if one is.
    """

    name: str
    kind: str
    arguments: dict[str, str]
    condition: str | None
    zero_init: bool = False
    otherwise: dict[str, str] | None = None


@dataclass(frozen=True)
class Step:
    """A layer as forward meets it. `fresh` where what it gets is nobody else's tensor.

    `made` says the same of what a sum's branch gives it.
    """

    name: str
    kind: str
    function: str
    fresh: bool
    branch: tuple[Step, ...] = ()
    shortcut: tuple[Step, ...] = ()
    condition: str | None = None
    made: bool = False


@dataclass(frozen=True)
class Class:
    """A block's class: constructor parameters, modules in order, the steps of forward, and the call
    that builds each of the instances."""

    parameters: tuple[Parameter, ...]
    modules: tuple[Module, ...]
    steps: tuple[Step, ...]
    calls: tuple[tuple[str, ...], ...]


def unify(instances: Sequence[Instance], input_channels: bool = False) -> Class:
    """One class for all `instances` of a block.

    `input_channels` says that the first instance sees the network's own input, whose channels the
    caller of the emitted factory chooses: they are then a parameter called ``in_channels``.
    """
    return _Unifier(instances, input_channels).unified()


@dataclass
class _Slot:
    """A layer's place in the block's document, and what stands there in each instance."""

    origin: Path
    layers: list[net.Layer[int] | None]
    condition: str | None = None
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def sample(self) -> net.Layer[int]:
        return next(layer for layer in self.layers if layer is not None)


class _Unifier:
    def __init__(self, instances: Sequence[Instance], input_channels: bool) -> None:
        self.instances = instances
        self.input_channels = input_channels
        self.parameters: dict[str, tuple[Parameter, list[int]]] = {}
        self.slots = self._slots()
        self.declared = self._declared()

    def unified(self) -> Class:
        for slot in self.slots:
            self._name_values(slot)
        for before, slot in zip((None, *self.slots), self.slots, strict=False):
            slot.condition = slot.condition or self._otherwise(before, slot) or self._presence(slot)
        order = sorted(self.parameters, key=self._rank)
        parameters = tuple(self.parameters[name][0] for name in order)
        steps = self._steps()
        fresh = {step.name for step in every_step(steps) if step.fresh}
        modules = tuple(self._module(slot, fresh) for slot in self.slots if _is_module(slot))
        calls = tuple(self._call(index, order) for index in range(len(self.instances)))
        for first, second in list(_alternatives(steps, {module.name: module for module in modules})):
            modules, steps = _merged(first, second, modules), _without(second.name, steps)
        return Class(parameters, modules, steps, calls)

    def _slots(self) -> list[_Slot]:
        """Every place of the document that any instance fills, in the order of the document."""
        filled = [{layer.origin: layer for layer in net.layers(i.body)} for i in self.instances]
        origins = sorted({origin for layers in filled for origin in layers})
        return [_Slot(origin, [layers.get(origin) for layers in filled]) for origin in origins]

    def _declared(self) -> dict[str, list[int]]:
        """The block's own arguments, by their values in every instance."""
        names = [name for name, _ in self.instances[0].arguments]
        return {name: [dict(i.arguments)[name] for i in self.instances] for name in names}

    def _rank(self, name: str) -> tuple[bool, int]:
        parameter, _ = self.parameters[name]
        known = list(self.declared)
        return parameter.default is not None, known.index(name) if name in known else len(known)

    def _name_values(self, slot: _Slot) -> None:
        for key, values in _numbers(slot).items():
            if key == "in_channels" and self._sees_input(slot):
                self._declare("in_channels", [v or 0 for v in values], None)
                slot.arguments[key] = "in_channels"
            else:
                slot.arguments[key] = self._spelled(slot, key, values)

    def _sees_input(self, slot: _Slot) -> bool:
        """Whether the slot works on the network's own input: no convolution stands before it."""
        return self.input_channels and slot.origin in _on_input(self.instances[0].body)[0]

    def _spelled(self, slot: _Slot, key: str, values: list[int | None]) -> str:
        present = {value for value in values if value is not None}
        if len(present) == 1:
            return self._alike(key, values) or str(present.pop())
        if key in ("bias", "keeps_inputs"):
            return self._flag(f"{slot.sample.name}_{key}", [bool(value) for value in values])
        for name, known in self._candidates().items():
            if _agree(values, known):
                if name not in self.parameters:
                    self._declare(name, known, "1" if _is_stride(name) else None)
                return name
        if key.startswith("padding"):
            kernel = slot.arguments[key.replace("padding", "kernel")]
            if kernel in self.parameters:
                halves = [value // 2 for value in self.parameters[kernel][1]]
                if _agree(values, halves):
                    return f"{kernel} // 2"
        return self._own(slot, key, values)

    def _alike(self, key: str, values: list[int | None]) -> str | None:
        """For a layer that can be absent: the parameter that says what the literal would repeat."""
        if None not in values or not key.startswith(("in_channels", "out_channels", "stride")):
            return None
        for name, (_, known) in self.parameters.items():
            if _is_stride(name) == key.startswith("stride") and _agree(values, known):
                return name
        return None

    def _candidates(self) -> dict[str, list[int]]:
        extra = {name: values for name, (_, values) in self.parameters.items()}
        return {**self.declared, **extra}

    def _own(self, slot: _Slot, key: str, values: list[int | None]) -> str:
        """A parameter that is this layer's alone. Where the layer can be absent it says so too: 0."""
        optional = None in values
        what = "channels" if key in ("in_channels", "out_channels") else key
        name = slot.sample.name if optional else f"{slot.sample.name}_{what}"
        if optional and slot.condition is None:
            slot.condition = name
        elif name in self.parameters:
            name = f"{slot.sample.name}_{key}"
        self._declare(name, [value or 0 for value in values], "0" if optional else None)
        return name

    def _declare(self, name: str, values: list[int], default: str | None, kind: str = "int") -> None:
        self.parameters[name] = (Parameter(name, kind, default), values)

    def _otherwise(self, before: _Slot | None, slot: _Slot) -> str | None:
        """For a function that is there just where the one before it is not: the opposite of its condition."""
        if before is None or before.condition is None or before.origin[:-2] != slot.origin[:-2]:
            return None
        functions = all(isinstance(each.sample, net.Activation) for each in (before, slot))
        pairs = zip(before.layers, slot.layers, strict=True)
        if not functions or any((one is None) == (other is None) for one, other in pairs):
            return None
        condition = before.condition
        return condition.removeprefix("not ") if condition.startswith("not ") else f"not {condition}"

    def _presence(self, slot: _Slot) -> str | None:
        """The condition for the layer, None where every instance has it."""
        flags = [layer is not None for layer in slot.layers]
        if all(flags):
            return None
        # A sum's condition is kept as an attribute, so it has to be a name.
        negated = not isinstance(slot.sample, net.Residual)
        known = self._condition(flags, negated) or self._asked_for(flags, negated)
        if known:
            return known
        name = "shortcut" if "shortcut" in slot.origin else slot.sample.name
        if name in self.parameters:
            name = f"has_{slot.sample.name}"
        return self._flag(name, flags)

    def _condition(self, flags: list[bool], negated: bool) -> str | None:
        """The parameter that says when a layer is there, or ``not`` the one that says when it is not."""
        for name, (parameter, values) in self.parameters.items():
            if not negated and name in self._attributes:
                continue
            given = [bool(value) for value in values]
            if parameter.default in ("0", "False") and given == flags:
                return name
            if negated and parameter.type == "bool" and given == [not flag for flag in flags]:
                return f"not {name}"
        return None

    def _asked_for(self, flags: list[bool], negated: bool) -> str | None:
        """The same of the block's own arguments, where one is 0 and 1."""
        opposite = [not flag for flag in flags]
        for name, values in self.declared.items():
            if not negated and name in self._attributes:
                continue
            if name not in self.parameters and values == flags:
                return self._flag(name, flags)
            if name not in self.parameters and negated and values == opposite:
                return f"not {self._flag(name, opposite)}"
        return None

    @property
    def _attributes(self) -> set[str]:
        """The modules' attributes, none of which can also keep a sum's condition."""
        return {slot.sample.name for slot in self.slots if _is_module(slot)}

    def _flag(self, name: str, flags: list[bool]) -> str:
        self._declare(name, [int(flag) for flag in flags], "False", "bool")
        return name

    def _module(self, slot: _Slot, fresh: set[str]) -> Module:
        layer = slot.sample
        zero = isinstance(layer, net.Norm) and layer.zero_init
        arguments = layer.arguments(slot.arguments)
        if isinstance(layer, net.Activation) and layer.name in fresh:
            arguments["inplace"] = "True"
        return Module(layer.name, _module_kind(layer), arguments, slot.condition, zero)

    def _call(self, index: int, order: Iterable[str]) -> tuple[str, ...]:
        """The arguments that build one instance; defaults are left out."""
        spelled = []
        for name in order:
            parameter, values = self.parameters[name]
            value = str(bool(values[index])) if parameter.type == "bool" else str(values[index])
            if name == "in_channels" and self.input_channels and index == 0:
                value = "in_channels"
            if parameter.default is None:
                spelled.append(value)
            elif value != parameter.default:
                spelled.append(f"{name}={value}")
        return tuple(spelled)

    def _steps(self) -> tuple[Step, ...]:
        top = [slot for slot in self.slots if not self._inside(slot.origin)]
        steps, _ = self._chain(top, fresh=False)
        return steps

    def _inside(self, origin: Path) -> bool:
        return any(origin[: len(slot.origin)] == slot.origin and slot.origin != origin for slot in self.slots)

    def _children(self, slot: _Slot, path: str) -> list[_Slot]:
        prefix = (*slot.origin, path)
        below = [each for each in self.slots if each.origin[: len(prefix)] == prefix]
        nested = [each for each in below if isinstance(each.sample, net.Residual)]
        return [
            each
            for each in below
            if not any(each is not n and each.origin[: len(n.origin)] == n.origin for n in nested)
        ]

    def _chain(self, slots: list[_Slot], fresh: bool) -> tuple[tuple[Step, ...], bool]:
        steps = []
        for slot in slots:
            layer = slot.sample
            if isinstance(layer, net.Residual):
                branch, made = self._chain(self._children(slot, "branch"), fresh=False)
                shortcut, _ = self._chain(self._children(slot, "shortcut"), fresh=False)
                steps.append(Step(layer.name, "residual", "", fresh, branch, shortcut, slot.condition, made))
                fresh = made or slot.condition is None
            else:
                kind = _module_kind(layer) if slot.condition else layer.macro
                steps.append(Step(layer.name, kind, function_of(layer), fresh))
                if isinstance(layer, net.Activation):
                    fresh = False  # its gradient may need what it returned
                else:
                    fresh = fresh or (slot.condition is None and layer.makes_tensor)
        return tuple(steps), fresh


def _on_input(body: Body) -> tuple[set[Path], bool]:
    """The layers that no convolution stands before, and whether none is in the whole body."""
    seen: set[Path] = set()
    for layer in body:
        seen.add(layer.origin)
        if isinstance(layer, net.Conv):
            return seen, False
        if isinstance(layer, net.Residual):
            branch, through = _on_input(layer.branch)
            seen |= branch | _on_input(layer.shortcut)[0]
            if not through:
                return seen, False
    return seen, True


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
    return tuple(both if each is first else each for each in modules if each is not second)


def _without(name: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(replace(step, branch=_without(name, step.branch)) for step in steps if step.name != name)


def function_of(layer: net.Layer[int]) -> str:
    if isinstance(layer, (net.Activation, net.Pool)):
        return layer.function
    return ""


def _module_kind(layer: net.Layer[int]) -> str:
    """A function that is there in some instances only has to be a module."""
    return "function" if isinstance(layer, net.Activation) else layer.macro


def _is_module(slot: _Slot) -> bool:
    if isinstance(slot.sample, net.Activation):
        return slot.condition is not None
    return slot.sample.is_module


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from every_step((*step.branch, *step.shortcut))


def _is_stride(name: str) -> bool:
    return name == "stride" or name.endswith("_stride")


def _agree(values: Sequence[int | None], known: Sequence[int]) -> bool:
    return all(value is None or value == other for value, other in zip(values, known, strict=True))


def _numbers(slot: _Slot) -> dict[str, list[int | None]]:
    """Every number of the layer, by key, over all instances."""
    described = [None if layer is None else dict(layer.numbers()) for layer in slot.layers]
    keys = dict.fromkeys(key for numbers in described if numbers for key in numbers)
    return {key: [None if n is None else n[key] for n in described] for key in keys}
