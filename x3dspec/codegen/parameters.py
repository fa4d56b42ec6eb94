"""The parameters of a class's constructor: the numbers in which its instances differ, and their names.

What never differs is a literal. What differs is called after the block's argument that has the same
values, or after the layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from x3dspec.codegen.classes import Instance, Parameter
from x3dspec.codegen.slots import Slot, on_input
from x3dspec.network import layers as net


class Parameters:
    """Parameters so far, each with its value in every instance; `declared` are the block's arguments."""

    def __init__(self, instances: Sequence[Instance], slots: list[Slot], input_channels: bool) -> None:
        self.instances = instances
        self.slots = slots
        self.input_channels = input_channels
        self.table: dict[str, tuple[Parameter, list[int]]] = {}
        names = [name for name, _ in instances[0].arguments]
        self.declared = {name: [dict(i.arguments)[name] for i in instances] for name in names}
        for slot in slots:
            self._name_values(slot)
        for before, slot in zip((None, *slots), slots, strict=False):
            slot.condition = slot.condition or _otherwise(before, slot) or self._presence(slot)

    def ordered(self) -> list[str]:
        """Their names: positional ones first, in the order of the block's arguments."""
        return sorted(self.table, key=self._rank)

    def call(self, index: int) -> tuple[str, ...]:
        """The arguments that build one instance; defaults are left out."""
        arguments = []
        for name in self.ordered():
            parameter, values = self.table[name]
            value = str(bool(values[index])) if parameter.type == "bool" else str(values[index])
            if name == "in_channels" and self.input_channels and index == 0:
                value = "in_channels"
            if parameter.default is None:
                arguments.append(value)
            elif value != parameter.default:
                arguments.append(f"{name}={value}")
        return tuple(arguments)

    def _rank(self, name: str) -> tuple[bool, int]:
        parameter, _ = self.table[name]
        known = list(self.declared)
        return parameter.default is not None, known.index(name) if name in known else len(known)

    def _declare(self, name: str, values: list[int], default: str | None, kind: str = "int") -> None:
        self.table[name] = (Parameter(name, kind, default), values)

    def _flag(self, name: str, flags: list[bool]) -> str:
        self._declare(name, [int(flag) for flag in flags], "False", "bool")
        return name

    # The numbers of a layer

    def _name_values(self, slot: Slot) -> None:
        for key, values in slot.numbers().items():
            if key == "in_channels" and self._sees_input(slot):
                self._declare("in_channels", [v or 0 for v in values], None)
                slot.arguments[key] = "in_channels"
            else:
                slot.arguments[key] = self._spelled(slot, key, values)

    def _sees_input(self, slot: Slot) -> bool:
        """Whether the slot works on the network's own input: no convolution stands before it."""
        return self.input_channels and slot.origin in on_input(self.instances[0].body)[0]

    def _spelled(self, slot: Slot, key: str, values: list[int | None]) -> str:
        present = {value for value in values if value is not None}
        if len(present) == 1:
            return self._alike(key, values) or str(present.pop())
        if key in ("bias", "keeps_inputs"):
            return self._flag(f"{slot.sample.name}_{key}", [bool(value) for value in values])
        return self._shared(values) or self._half(slot, key, values) or self._own(slot, key, values)

    def _alike(self, key: str, values: list[int | None]) -> str | None:
        """For a layer that can be absent: the parameter that says what the literal would repeat."""
        if None not in values or not key.startswith(("in_channels", "out_channels", "stride")):
            return None
        for name, (_, known) in self.table.items():
            if _is_stride(name) == key.startswith("stride") and _agree(values, known):
                return name
        return None

    def _shared(self, values: list[int | None]) -> str | None:
        """The block's argument or the parameter that has the same values."""
        candidates = {**self.declared, **{name: known for name, (_, known) in self.table.items()}}
        for name, known in candidates.items():
            if _agree(values, known):
                if name not in self.table:
                    self._declare(name, known, "1" if _is_stride(name) else None)
                return name
        return None

    def _half(self, slot: Slot, key: str, values: list[int | None]) -> str | None:
        """A padding that keeps the size, of a kernel that is a parameter."""
        kernel = slot.arguments.get(key.replace("padding", "kernel"), "")
        if not key.startswith("padding") or kernel not in self.table:
            return None
        halves = [value // 2 for value in self.table[kernel][1]]
        return f"{kernel} // 2" if _agree(values, halves) else None

    def _own(self, slot: Slot, key: str, values: list[int | None]) -> str:
        """A parameter that is this layer's alone. Where the layer can be absent it says so too: 0."""
        optional = None in values
        what = "channels" if key in ("in_channels", "out_channels") else key
        name = slot.sample.name if optional else f"{slot.sample.name}_{what}"
        if optional and slot.condition is None:
            slot.condition = name
        elif name in self.table:
            name = f"{slot.sample.name}_{key}"
        self._declare(name, [value or 0 for value in values], "0" if optional else None)
        return name

    # The condition for a layer

    def _presence(self, slot: Slot) -> str | None:
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
        if name in self.table:
            name = f"has_{slot.sample.name}"
        return self._flag(name, flags)

    def _condition(self, flags: list[bool], negated: bool) -> str | None:
        """The parameter that says when a layer is there, or ``not`` the one that says when it is not."""
        for name, (parameter, values) in self.table.items():
            if not negated and name in self._attributes:
                continue
            truths = [bool(value) for value in values]
            if parameter.default in ("0", "False") and truths == flags:
                return name
            if negated and parameter.type == "bool" and truths == [not flag for flag in flags]:
                return f"not {name}"
        return None

    def _asked_for(self, flags: list[bool], negated: bool) -> str | None:
        """The same of the block's own arguments, where one is 0 and 1."""
        opposite = [not flag for flag in flags]
        for name, values in self.declared.items():
            if name in self.table or (not negated and name in self._attributes):
                continue
            if values == flags:
                return self._flag(name, flags)
            if negated and values == opposite:
                return f"not {self._flag(name, opposite)}"
        return None

    @property
    def _attributes(self) -> set[str]:
        """The modules' attributes, none of which can also keep a sum's condition."""
        return {slot.sample.name for slot in self.slots if slot.is_module}


def _otherwise(before: Slot | None, slot: Slot) -> str | None:
    """For a function that is there just where the one before it is not: the opposite of its condition."""
    if before is None or before.condition is None or before.origin[:-2] != slot.origin[:-2]:
        return None
    functions = all(isinstance(each.sample, net.Activation) for each in (before, slot))
    pairs = zip(before.layers, slot.layers, strict=True)
    if not functions or any((one is None) == (other is None) for one, other in pairs):
        return None
    condition = before.condition
    return condition.removeprefix("not ") if condition.startswith("not ") else f"not {condition}"


def _is_stride(name: str) -> bool:
    return name == "stride" or name.endswith("_stride")


def _agree(values: Sequence[int | None], known: Sequence[int]) -> bool:
    return all(value is None or value == other for value, other in zip(values, known, strict=True))
