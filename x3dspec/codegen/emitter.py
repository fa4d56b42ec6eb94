"""The source of one standalone PyTorch module in its train form, and what other forms share with it.

The decisions (which classes, which parameters, which line of forward) are made here and in
``unify``; the templates hold the Python around them and do no arithmetic. Everything that reaches
a template is an integer, an identifier that ``language`` has validated, or text made harmless by
:func:`docstrings.harmless`. The result is a function of the spec alone: no time, no machine, no hash order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from x3dspec.codegen import metadata
from x3dspec.codegen.blocks import blocks_of
from x3dspec.codegen.classes import Class, Instance, Module, Parameter, every_step
from x3dspec.codegen.docstrings import docstring
from x3dspec.codegen.format import broken
from x3dspec.codegen.forward import INDENT, Forward, returned
from x3dspec.codegen.header import Header
from x3dspec.codegen.lines import flags, positions, signature, stage_line, with_arguments, zeroed
from x3dspec.codegen.templates import environment, macros
from x3dspec.codegen.unify import unify
from x3dspec.language.errors import SpecError
from x3dspec.language.identifiers import class_name
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved


class Emitter:
    """The train form. Other forms say what they do otherwise."""

    form = "train"
    template = "module.py.jinja"

    def __init__(self, resolved: Resolved, name: str) -> None:
        self.resolved = self._counted(resolved)
        self.network = self._spelled()
        self.name = name
        self.dims = len(self.network.inputs.sizes)
        self.blocks = blocks_of(self.network)
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
            "positions": self._positions(),
            "helpers": self._helpers(),
            "gates": [self._gate(*functions, name) for functions, name in self.gates.items()],
            "blocks": [self._block(name, block) for name, block in self.blocks.classes.items()],
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

    def _classifier(self) -> net.Linear[int]:
        stage = self.network.stages[-1]
        body = stage.first[:-1] if self._averaged() else stage.first
        if stage.block is None and body and isinstance(body[-1], net.Linear) and not stage.outputs.positions:
            return body[-1]
        document = self.resolved.architecture.source.document
        message = "an emitted network gives logits: its last stage must be layers that end in linear"
        if stage.outputs.positions:
            message += ", and behind window_mean in the mean of its answers"
        raise SpecError([document.problem(stage.origin, message)])

    def _averaged(self) -> str | None:
        """The mean of the answers at several positions, where it ends the network."""
        last = self.network.stages[-1].first[-1:]
        names = [layer.name for layer in last if isinstance(layer, net.Mean) and layer.inputs.positions]
        return names[0] if names else None

    def _dropout(self) -> str | None:
        """The dropout whose rate the caller chooses: the last one of the network itself."""
        names = [m.name for c in self.plain.values() for m in c.modules if m.kind == "dropout"]
        return names[-1] if names else None

    def _gates(self) -> dict[tuple[str, str], str]:
        """The classes of squeeze-excitation, by their functions."""
        kinds = {(layer.activation, layer.gate) for layer in self._attention()}
        if len(kinds) == 1:
            return dict.fromkeys(kinds, "SqueezeExcite")
        return {kind: "SqueezeExcite" + "".join(map(class_name, kind)) for kind in sorted(kinds)}

    def _attention(self) -> Iterator[net.SqueezeExcite[int]]:
        layers = (layer for stage in self.network.stages for layer in net.walk(stage))
        return (layer for layer in layers if isinstance(layer, net.SqueezeExcite))

    def _helpers(self) -> set[str]:
        """The classes of layers that torch has none for."""
        return {layer.helper for stage in self.network.stages for layer in net.walk(stage)} - {""}

    def _positions(self) -> str:
        """The dimensions that squeeze-excitation takes its mean over."""
        by_frame = any(layer.over == "frame" for layer in self._attention())
        return "(3, 4)" if by_frame and self.dims == 3 else positions(self.dims)

    def _imports(self) -> list[str]:
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        steps = [step for block in classes for step in every_step(block.steps)]
        functions = {step.function for step in steps if step.kind == "activation"}
        functions |= {function for gate in self.gates for function in gate}
        modules = {net.FUNCTIONS[function].call.partition(".")[0] for function in functions}
        functional = (
            ["import torch.nn.functional as F"] if "F" in modules or "SameConv" in self._helpers() else []
        )
        checkpoint = ["from torch.utils.checkpoint import checkpoint"] if self._sequences() else []
        return [*self._standard(), "import torch", *functional, "from torch import Tensor, nn", *checkpoint]

    def _standard(self) -> list[str]:
        """Imports that are Python's own."""
        return ["from collections.abc import Iterator, Sequence", ""]

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
            "signature": signature("    def __init__(self, ", ") -> None:", block.parameters),
            "init": [*self._modules(block), *flags(block), *zeroed(block, self.dims)],
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
        identity, features = self.network.identity, metadata.features(self.resolved.network)
        return {
            "name": identity.class_name,
            "docstring": docstring("    ", identity.title or self.name),
            "signature": signature("    def __init__(self, ", ") -> None:", self._arguments()),
            "init": [line for stage in self.network.stages for line in self._attributes(stage)],
            "zeroed": [line for plain in self.plain.values() for line in zeroed(plain, self.dims)],
            **self._forwards(),
            **self._docstrings(),
            "default_cfg": metadata.default_cfg(self.resolved),
            "feature_info": features,
            "num_features": features[-1].channels,
            "head_hidden_size": self.classifier.inputs.channels,
            "new_classifier": self._new_classifier(),
            "sequences": self._sequences(),
            "classifier": self.classifier.name,
            "logits": macros().mean("x", self.dims, "positions") if self._averaged() else "x",
        }

    def _attributes(self, stage: net.Stage[int]) -> list[str]:
        """The lines of the constructor that make a stage."""
        if stage.block is not None:
            return [stage_line(stage, self.blocks.calls[stage.name])]
        return [broken(f"{INDENT}self.{m.name} = {self._top(m)}") for m in self.plain[stage.name].modules]

    def _forwards(self) -> dict[str, list[str]]:
        """The lines up to the global mean, the same with every stage's result kept, and those after it."""
        features: list[str] = []
        intermediates: list[str] = []
        head: list[str] = []
        for stage in self.network.stages:
            lines = self._run(stage)
            if head or not stage.outputs.sizes:
                head += lines
            else:
                features += lines
                intermediates += [*lines, f"{INDENT}yield x"]
        rest = {"intermediates": intermediates, "head": head}
        return {"features": returned(features), **{name: list(map(broken, rest[name])) for name in rest}}

    def _run(self, stage: net.Stage[int]) -> list[str]:
        """The lines of forward that run a stage."""
        if stage.block is None:
            apart = (self.classifier.name, self._averaged())
            return self._forward([s for s in self.plain[stage.name].steps if s.name not in apart])
        run = stage.sequence and self._sequences()
        call = f"self._run(self.{stage.name}, x)" if run else f"self.{stage.name}(x)"
        return [f"{INDENT}x = {call}"]

    def _docstrings(self) -> dict[str, str]:
        more = "With pre_logits, what the classifier sees instead."
        return {
            "features_doc": docstring(INDENT, f"{self._input()} -> {self._features()}."),
            "head_doc": docstring(INDENT, f"{self._features()} -> {self._logits()}.", more),
            "forward_doc": docstring(INDENT, f"{self._input()} -> {self._logits()}, the logits."),
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
            constructor = self._constructor(with_arguments(module, out_channels="num_classes"))
            return f"{constructor} if num_classes else nn.Identity()"
        if module.name == self.dropout:
            return self._constructor(with_arguments(module, rate="dropout"))
        return self._constructor(module)

    def _new_classifier(self) -> str:
        [module] = [
            m for plain in self.plain.values() for m in plain.modules if m.name == self.classifier.name
        ]
        return broken(f"{INDENT}self.{module.name} = {self._top(module)}")

    def _sequences(self) -> bool:
        return any(stage.sequence for stage in self.network.stages)

    def _input(self) -> str:
        return "(N, in_channels, T, H, W)" if self.dims == 3 else "(N, in_channels, H, W)"

    def _logits(self) -> str:
        return "(N, num_classes)"

    def _arguments(self) -> tuple[Parameter, ...]:
        modules = [module for plain in self.plain.values() for module in plain.modules]
        rates = [module.arguments["rate"] for module in modules if module.name == self.dropout]
        return (
            Parameter("num_classes", "int", str(self.classifier.outputs.channels)),
            Parameter("in_channels", "int", str(self.network.inputs.channels)),
            *[Parameter("dropout", "float", rate) for rate in rates],
            Parameter("device", "torch.device | str | None", "None"),
            Parameter("dtype", "torch.dtype | None", "None"),
        )

    def _factory(self) -> dict[str, str]:
        arguments = self._arguments()
        names = ", ".join(f"{p.name}={p.name}" for p in arguments)
        cls = self.network.identity.class_name
        return {
            "signature": signature(f"def {self.name}(", f") -> {cls}:", arguments, keywords=False),
            "docstring": docstring("    ", f"{self.network.identity.title or self.name}, newly initialised."),
            "call": broken(f"    return {cls}({names})"),
        }

    # forward, step by step

    def _forward(self, steps: Any) -> list[str]:
        return Forward(self.dims, self.form).lines(tuple(steps), "x", "x", INDENT)
