"""The source of one standalone PyTorch module in its train form, and what other forms share with it.

The decisions (which classes, which parameters, which line of forward) are made here and in
``classes``; the templates hold the Python around them and do no arithmetic. Everything that reaches
a template is an integer, an identifier that ``spec`` has validated, or text made harmless by
:func:`docstrings.harmless`. The result is a function of the spec alone: no time, no machine, no hash order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from x3dspec.codegen import metadata
from x3dspec.codegen.classes import Class, Instance, Module, Parameter, every_step, unify
from x3dspec.codegen.docstrings import docstring
from x3dspec.codegen.format import broken
from x3dspec.codegen.forward import INDENT, Forward, returned
from x3dspec.codegen.header import Header
from x3dspec.codegen.templates import environment, macros
from x3dspec.language.errors import SpecError
from x3dspec.language.identifiers import class_name
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class _Blocks:
    """The classes of the network's blocks, and for every stage the calls that build it."""

    classes: dict[str, Class]
    calls: dict[str, list[str]]


class Emitter:
    form = "train"
    template = "module.py.jinja"

    def __init__(self, resolved: Resolved, name: str) -> None:
        self.resolved = self._counted(resolved)
        self.network = self._spelled()
        self.name = name
        self.dims = len(self.network.inputs.sizes)
        self.blocks = self._blocks()
        self.plain = {
            stage.name: unify([Instance(stage.first, ())], index == 0)
            for index, stage in enumerate(self.network.stages)
            if stage.block is None
        }
        self.classifier = self._classifier()
        self.dropout = self._dropout()
        self.gates = self._gates()

    def text(self) -> str:
        return str(environment().get_template(self.template).render(self._context()))

    def _context(self) -> dict[str, Any]:
        return {
            "header": Header.of(self.resolved, self.name, self.form).text(),
            "docstring": self._docstring(),
            "imports": self._imports(),
            "dims": self.dims,
            "positions": "(3, 4)" if self.by_frame and self.dims == 3 else _positions(self.dims),
            "gates": [self._gate(*functions, name) for functions, name in self.gates.items()],
            "blocks": [self._block(name, each) for name, each in self.blocks.classes.items()],
            "network": self._network(),
            "factory": self._factory(),
        }

    # What there is to emit

    def _counted(self, resolved: Resolved) -> Resolved:
        """The network that the header counts."""
        return resolved

    def _spelled(self) -> net.Network[int]:
        """The network whose layers become modules, one to one."""
        return self.resolved.network

    def _blocks(self) -> _Blocks:
        instances: dict[str, list[Instance]] = {}
        stages: dict[str, list[tuple[str, int]]] = {}
        for stage in self.network.stages:
            for instance in _uses(stage):
                uses = instances.setdefault(stage.block or "", [])
                stages.setdefault(stage.name, []).append((stage.block or "", len(uses)))
                uses.append(instance)
        first = self.network.stages[0].block
        classes = {name: unify(uses, name == first) for name, uses in instances.items()}
        calls = {
            stage: [f"{class_name(b)}({', '.join(classes[b].calls[i])})" for b, i in uses]
            for stage, uses in stages.items()
        }
        return _Blocks(classes, calls)

    def _classifier(self) -> net.Linear[int]:
        stage = self.network.stages[-1]
        if stage.block is None and stage.first and isinstance(stage.first[-1], net.Linear):
            return stage.first[-1]
        document = self.resolved.architecture.source.document
        message = "an emitted network gives logits: its last stage must be layers that end in linear"
        raise SpecError([document.problem(stage.origin, message)])

    def _dropout(self) -> str | None:
        """The dropout whose rate the caller chooses: the last one of the network itself."""
        names = [m.name for c in self.plain.values() for m in c.modules if m.kind == "dropout"]
        return names[-1] if names else None

    def _gates(self) -> dict[tuple[str, str], str]:
        kinds = {
            (layer.activation, layer.gate)
            for stage in self.network.stages
            for layer in net.walk(stage)
            if isinstance(layer, net.SqueezeExcite)
        }
        self.by_frame = any(
            isinstance(layer, net.SqueezeExcite) and layer.over == "frame"
            for stage in self.network.stages
            for layer in net.walk(stage)
        )
        if len(kinds) == 1:
            return dict.fromkeys(kinds, "SqueezeExcite")
        return {kind: "SqueezeExcite" + "".join(map(class_name, kind)) for kind in sorted(kinds)}

    def _imports(self) -> list[str]:
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        steps = [step for each in classes for step in every_step(each.steps)]
        functions = {step.function for step in steps if step.kind == "activation"}
        functions |= {function for gate in self.gates for function in gate}
        modules = {net.FUNCTIONS[function].call.partition(".")[0] for function in functions}
        plain = ["import torch"] if "torch" in modules else []
        functional = ["import torch.nn.functional as F"] if "F" in modules else []
        checkpoint = ["from torch.utils.checkpoint import checkpoint"] if self._sequences() else []
        return [*plain, *functional, "from torch import Tensor, nn", *checkpoint]

    # The parts of the file

    def _docstring(self) -> str:
        identity = self.network.identity
        origin = f"Source: {identity.source}" if identity.source else ""
        return docstring("", identity.title or identity.name, origin)

    def _gate(self, activation: str, gate: str, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "hidden": macros().activation(activation, "self.reduce(gate)", True),
            "gate": macros().activation(gate, "self.expand(gate)", False),
        }

    def _block(self, name: str, block: Class) -> dict[str, Any]:
        note = self.resolved.architecture.source.network.blocks[name].note
        return {
            "name": class_name(name),
            "docstring": docstring("    ", self._purpose(name), note),
            "signature": _signature("    def __init__(self, ", ") -> None:", block.parameters),
            "init": [*self._modules(block), *_flags(block), *_zeroed(block, self.dims)],
            "forward": returned(self._forward(block.steps)),
        }

    def _purpose(self, block: str) -> str:
        """Where the network uses a block."""
        names = [stage.name for stage in self.network.stages if stage.block == block]
        if len(names) > 4:
            return f"The block of {len(names)} stages, {names[0]} to {names[-1]}."
        *others, last = names
        return f"The block of {', '.join(others)} and {last}." if others else f"The block of {last}."

    def _modules(self, block: Class) -> list[str]:
        return [broken(f"{INDENT}self.{m.name} = {self._constructor(m)}") for m in block.modules]

    def _constructor(self, module: Module) -> str:
        arguments = dict(module.arguments)
        if module.kind == "squeeze_excite":
            arguments["class_name"] = self.gates[arguments.pop("activation"), arguments.pop("gate")]
        macro = getattr(macros(), module.kind)
        text = str(macro(arguments, self.dims))
        if not module.condition:
            return text
        otherwise = "nn.Identity()" if module.otherwise is None else macro(module.otherwise, self.dims)
        return f"{text} if {module.condition} else {otherwise}"

    def _network(self) -> dict[str, Any]:
        features: list[str] = []
        intermediates: list[str] = []
        head: list[str] = []
        init: list[str] = []
        zeroed: list[str] = []
        pooled = False
        for stage in self.network.stages:
            if stage.block is not None:
                calls = self.blocks.calls[stage.name]
                init.append(_stage(stage, calls))
                run = stage.sequence and self._sequences()
                call = f"self._run(self.{stage.name}, x)" if run else f"self.{stage.name}(x)"
                lines = [f"{INDENT}x = {call}"]
            else:
                plain = self.plain[stage.name]
                init += [broken(f"{INDENT}self.{m.name} = {self._top(m)}") for m in plain.modules]
                zeroed += _zeroed(plain, self.dims)
                lines = self._forward([s for s in plain.steps if s.name != self.classifier.name])
            pooled = pooled or not stage.outputs.sizes
            (head if pooled else features).extend(lines)
            if not pooled:
                intermediates += [*lines, f"{INDENT}outputs.append(x)"]
        return {
            "name": self.network.identity.class_name,
            "docstring": docstring("    ", self.network.identity.title or self.name),
            "signature": _signature("    def __init__(self, ", ") -> None:", self._arguments()),
            "init": init,
            "zeroed": zeroed,
            "features": returned(features),
            "intermediates": [broken(line) for line in intermediates],
            "default_cfg": metadata.default_cfg(self.resolved),
            "feature_info": metadata.features(self.resolved.network),
            "num_features": metadata.features(self.resolved.network)[-1].channels,
            "head_hidden_size": self.classifier.inputs.channels,
            "new_classifier": self._new_classifier(),
            "sequences": self._sequences(),
            "head": [broken(line) for line in head],
            "classifier": self.classifier.name,
            "features_doc": docstring(INDENT, f"{self._input()} -> {self._features()}."),
            "head_doc": docstring(
                INDENT,
                f"{self._features()} -> (N, num_classes).",
                "With pre_logits, what the classifier sees instead.",
            ),
            "forward_doc": docstring(INDENT, f"{self._input()} -> (N, num_classes), the logits."),
        }

    def _features(self) -> str:
        """The shape in front of the global mean, for a clip of any size."""
        shapes = [self.network.inputs, *(stage.outputs for stage in self.network.stages)]
        last = [shape for shape in shapes if shape.sizes][-1]
        frames = "T, " if last.sizes[0] == self.network.frames else "T', "
        return f"(N, {last.channels}, {frames if self.dims == 3 else ''}H', W')"

    def _top(self, module: Module) -> str:
        """A module of the network itself, whose head and dropout the caller chooses."""
        if module.name == self.classifier.name:
            made = self._constructor(_with(module, out_channels="num_classes"))
            return f"{made} if num_classes else nn.Identity()"
        if module.name == self.dropout:
            return self._constructor(_with(module, rate="dropout"))
        return self._constructor(module)

    def _new_classifier(self) -> str:
        [module] = [m for each in self.plain.values() for m in each.modules if m.name == self.classifier.name]
        return broken(f"{INDENT}self.{module.name} = {self._top(module)}")

    def _sequences(self) -> bool:
        return any(stage.sequence for stage in self.network.stages)

    def _input(self) -> str:
        return "(N, in_channels, T, H, W)" if self.dims == 3 else "(N, in_channels, H, W)"

    def _arguments(self) -> tuple[Parameter, ...]:
        modules = [module for each in self.plain.values() for module in each.modules]
        rates = [module.arguments["rate"] for module in modules if module.name == self.dropout]
        return (
            Parameter("num_classes", "int", str(self.classifier.outputs.channels)),
            Parameter("in_channels", "int", str(self.network.inputs.channels)),
            *[Parameter("dropout", "float", rate) for rate in rates],
        )

    def _factory(self) -> dict[str, str]:
        arguments = self._arguments()
        given = ", ".join(f"{p.name}={p.name}" for p in arguments)
        cls = self.network.identity.class_name
        return {
            "signature": _signature(f"def {self.name}(", f") -> {cls}:", arguments, keywords=False),
            "docstring": docstring("    ", f"{self.network.identity.title or self.name}, newly initialised."),
            "call": broken(f"    return {cls}({given})"),
        }

    # forward, step by step

    def _forward(self, steps: Any) -> list[str]:
        return Forward(self.dims, self.form).lines(tuple(steps), "x", "x", INDENT)


def _uses(stage: net.Stage[int]) -> Iterator[Instance]:
    """Every block of the stage with the integer arguments that it has there."""
    if stage.block is None:
        return
    for body, arguments in net.blocks(stage):
        whole = tuple((name, value) for name, value in arguments if isinstance(value, int))
        yield Instance(body, (("width_in", body[0].inputs.channels), *whole))


def _stage(stage: net.Stage[int], calls: list[str]) -> str:
    if not stage.sequence:
        return broken(f"{INDENT}self.{stage.name} = {calls[0]}")
    lines = [broken(f"{INDENT}    {call},") for call in calls]
    return "\n".join([f"{INDENT}self.{stage.name} = nn.Sequential(", *lines, f"{INDENT})"])


def _with(module: Module, **arguments: str) -> Module:
    return replace(module, arguments={**module.arguments, **arguments})


def _flags(block: Class) -> list[str]:
    """The conditions that forward needs: whether a sum takes place."""
    names = dict.fromkeys(step.condition for step in every_step(block.steps) if step.condition)
    return [f"{INDENT}self.{name} = {name}" for name in names]


def _zeroed(block: Class, dims: int) -> list[str]:
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


def _signature(start: str, end: str, parameters: tuple[Parameter, ...], *, keywords: bool = True) -> str:
    spelled = [f"{p.name}: {p.type}" for p in parameters if p.default is None]
    optional = [f"{p.name}: {p.type} = {p.default}" for p in parameters if p.default is not None]
    star = ["*"] if keywords and spelled and optional else []
    line = start + ", ".join([*spelled, *star, *optional]) + end
    return broken(line.replace("self, )", "self)"))


def _positions(dims: int) -> str:
    return "(2, 3, 4)" if dims == 3 else "(2, 3)"
