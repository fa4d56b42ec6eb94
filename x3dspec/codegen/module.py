"""A resolved network becomes the source of one standalone PyTorch module: text, nothing else.

The decisions (which classes, which parameters, which line of forward) are made here and in
``classes``; the templates hold the Python around them and do no arithmetic. Everything that reaches
a template is an integer, an identifier that ``spec`` has validated, or text made harmless by
:func:`_harmless`. The result is a function of the spec alone: no time, no machine, no hash order.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from x3dspec import __version__
from x3dspec.codegen import metadata
from x3dspec.codegen.classes import Class, Instance, Module, Parameter, Step, every_step, unify
from x3dspec.codegen.format import WIDTH, broken
from x3dspec.language import numbers, shipped
from x3dspec.language.errors import SpecError, printable
from x3dspec.language.source import class_name
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import extent, rows

if TYPE_CHECKING:
    from x3dspec.codegen import deploy

_INDENT = " " * 8


#: The train form is plain modules; the deploy form is for inference alone (see ``deploy``).
FORMS = ("train", "deploy")


def source(resolved: Resolved, name: str | None = None, form: str = "train") -> str:
    """The text of the module that builds this network.

    Args:
        resolved: the network.
        name: of the file and its factory; without it :func:`default_name`.
        form: one of :data:`FORMS`.

    Raises:
        SpecError: the network does not end in a linear layer, so that it has no logits.
    """
    emitter = _Deploy if form == "deploy" else _Emitter
    return emitter(resolved, name or default_name(resolved.network.identity.name, form)).text()


def default_name(name: str, form: str) -> str:
    """What a file and its factory are called: both forms of a network can lie side by side."""
    return name if form == "train" else f"{name}_{form}"


def counted(resolved: Resolved, form: str) -> Resolved:
    """The network that the header of a form counts: the deploy form has its norms folded."""
    if form == "train":
        return resolved
    from x3dspec.codegen import deploy

    return replace(resolved, network=deploy.folded(resolved.network))


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(shipped.folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        optimized=False,
        autoescape=False,  # the output is Python; texts are made harmless before
    )


@lru_cache(maxsize=1)
def _macros() -> Any:
    environment = _environment()
    # A macro tests which arguments were given; everywhere else an undefined name is an error.
    lenient = environment.overlay(undefined=_absent())
    return lenient.get_template("layers.jinja").module


def _absent() -> Any:
    from jinja2 import Undefined

    return Undefined


@dataclass(frozen=True)
class _Blocks:
    """The classes of the network's blocks, and for every stage the calls that build it."""

    classes: dict[str, Class]
    calls: dict[str, list[str]]


class _Emitter:
    form = "train"
    template = "module.py.jinja"

    def __init__(self, resolved: Resolved, name: str) -> None:
        self.resolved = counted(resolved, self.form)
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
        return str(_environment().get_template(self.template).render(self._context()))

    def _context(self) -> dict[str, Any]:
        return {
            "header": self._header(),
            "docstring": self._docstring(),
            "imports": self._imports(),
            "dims": self.dims,
            "positions": _positions(self.dims),
            "gates": [self._gate(*functions, name) for functions, name in self.gates.items()],
            "blocks": [self._block(name, each) for name, each in self.blocks.classes.items()],
            "network": self._network(),
            "factory": self._factory(),
        }

    # What there is to emit

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
        if len(kinds) == 1:
            return dict.fromkeys(kinds, "SqueezeExcite")
        return {kind: "SqueezeExcite" + "".join(map(class_name, kind)) for kind in sorted(kinds)}

    def _imports(self) -> list[str]:
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        steps = [step for each in classes for step in every_step(each.steps)]
        functions = {step.function for step in steps if step.kind == "activation"}
        functions |= {function for gate in self.gates for function in gate}
        plain = ["import torch"] if "sigmoid" in functions else []
        functional = ["import torch.nn.functional as F"] if functions - {"sigmoid"} else []
        checkpoint = ["from torch.utils.checkpoint import checkpoint"] if self._sequences() else []
        return [*plain, *functional, "from torch import Tensor, nn", *checkpoint]

    # The parts of the file

    def _header(self) -> list[str]:
        source, identity = self.resolved.architecture.source, self.network.identity
        cost = self.resolved.cost()
        factors = [f"{name} = {numbers.text(v)}" for name, v in self.resolved.factors.items()]
        chosen = {**source.options, **source.chosen}
        options = [f"{name} = {value}" for name, value in chosen.items()]
        label = source.origins[0].label
        lines = [f"Generated by x3dspec {__version__}; edit the spec, not this file.", ""]
        for kind, origin in zip(["spec", *["base"] * 9], source.origins, strict=False):
            lines += [f"{kind}: {origin.label}", f"  sha256: {origin.sha256}"]
        lines += [f"form: {self.form}"] if self.form != "train" else []
        lines += [f"command: {_command(self.resolved, self.name, label, self.form)}"]
        lines += _folded("factors: ", factors) + _folded("options: ", options)
        lines += [
            f"clip: {clip(self.network)}",
            f"macs: {cost.macs} (paper: multiply-accumulates of convolutions and linear layers)",
            f"params: {cost.params}",
            f"activations: {cost.activations}",
            "",
            *table(self.resolved),
        ]
        if identity.license:
            lines += ["", f"SPDX-License-Identifier: {_harmless(identity.license)}"]
        return [printable(line) for line in lines]

    def _docstring(self) -> str:
        identity = self.network.identity
        origin = f"Source: {identity.source}" if identity.source else ""
        return _docstring("", identity.title or identity.name, origin)

    def _gate(self, activation: str, gate: str, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "hidden": _macros().activation(activation, "self.reduce(gate)", True),
            "gate": _macros().activation(gate, "self.expand(gate)", False),
        }

    def _block(self, name: str, block: Class) -> dict[str, Any]:
        note = self.resolved.architecture.source.network.blocks[name].note
        return {
            "name": class_name(name),
            "docstring": _docstring("    ", self._purpose(name), note),
            "signature": _signature("    def __init__(self, ", ") -> None:", block.parameters),
            "init": [*self._modules(block), *_flags(block), *_zeroed(block, self.dims)],
            "forward": _returned(self._forward(block.steps)),
        }

    def _purpose(self, block: str) -> str:
        """Where the network uses a block."""
        names = [stage.name for stage in self.network.stages if stage.block == block]
        if len(names) > 4:
            return f"The block of {len(names)} stages, {names[0]} to {names[-1]}."
        *others, last = names
        return f"The block of {', '.join(others)} and {last}." if others else f"The block of {last}."

    def _modules(self, block: Class) -> list[str]:
        return [broken(f"{_INDENT}self.{m.name} = {self._constructor(m)}") for m in block.modules]

    def _constructor(self, module: Module) -> str:
        arguments = dict(module.arguments)
        if module.kind == "squeeze_excite":
            arguments["class_name"] = self.gates[arguments.pop("activation"), arguments.pop("gate")]
        macro = getattr(_macros(), module.kind)
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
                lines = [f"{_INDENT}x = {call}"]
            else:
                plain = self.plain[stage.name]
                init += [broken(f"{_INDENT}self.{m.name} = {self._top(m)}") for m in plain.modules]
                zeroed += _zeroed(plain, self.dims)
                lines = self._forward([s for s in plain.steps if s.name != self.classifier.name])
            pooled = pooled or not stage.outputs.sizes
            (head if pooled else features).extend(lines)
            if not pooled:
                intermediates += [*lines, f"{_INDENT}outputs.append(x)"]
        return {
            "name": self.network.identity.class_name,
            "docstring": _docstring("    ", self.network.identity.title or self.name),
            "signature": _signature("    def __init__(self, ", ") -> None:", self._arguments()),
            "init": init,
            "zeroed": zeroed,
            "features": _returned(features),
            "intermediates": intermediates,
            "default_cfg": metadata.default_cfg(self.resolved),
            "feature_info": metadata.features(self.resolved.network),
            "num_features": metadata.features(self.resolved.network)[-1].channels,
            "head_hidden_size": self.classifier.inputs.channels,
            "new_classifier": self._new_classifier(),
            "sequences": self._sequences(),
            "head": head,
            "classifier": self.classifier.name,
            "features_doc": _docstring(_INDENT, f"{self._input()} -> {self._features()}."),
            "head_doc": _docstring(
                _INDENT,
                f"{self._features()} -> (N, num_classes).",
                "With pre_logits, what the classifier sees instead.",
            ),
            "forward_doc": _docstring(_INDENT, f"{self._input()} -> (N, num_classes), the logits."),
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
            return self._constructor(_with(module, out_channels="num_classes"))
        if module.name == self.dropout:
            return self._constructor(_with(module, rate="dropout"))
        return self._constructor(module)

    def _new_classifier(self) -> str:
        [module] = [m for each in self.plain.values() for m in each.modules if m.name == self.classifier.name]
        return broken(f"{_INDENT}self.{module.name} = {self._top(module)}")

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
            "docstring": _docstring(
                "    ", f"{self.network.identity.title or self.name}, newly initialised."
            ),
            "call": broken(f"    return {cls}({given})"),
        }

    # forward, step by step

    def _forward(self, steps: Any) -> list[str]:
        return _Forward(self.dims, self.form).lines(tuple(steps), "x", "x", _INDENT)


class _Deploy(_Emitter):
    """The deploy form: folded norms, convolutions as ``deploy`` lays them out, no training."""

    form = "deploy"
    template = "deploy.py.jinja"

    def __init__(self, resolved: Resolved, name: str) -> None:
        super().__init__(resolved, name)
        from x3dspec.codegen import deploy

        self.folds = deploy.folds(resolved.network)
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        self.kinds = {module.kind for each in classes for module in each.modules}

    def _spelled(self) -> net.Network[int]:
        from x3dspec.codegen import deploy

        return deploy.laid_out(self.resolved.network)

    def _sequences(self) -> bool:
        return False

    def _context(self) -> dict[str, Any]:
        frames = "flatten(2, 3).mean(2)" if self.dims == 3 else "flatten(1, 2)"
        mean = f"x.movedim(1, -1).{frames}.mean(1)"
        return {**super()._context(), "kinds": self.kinds, "mean": mean, "layout": self._layout()}

    def _imports(self) -> list[str]:
        plain = [line for line in super()._imports() if line != "import torch"]
        return ["import torch", *plain]

    def _gate(self, activation: str, gate: str, name: str) -> dict[str, Any]:
        classes = [*self.blocks.classes.values(), *self.plain.values()]
        steps = [step for each in classes for step in every_step(each.steps)]
        fresh = all(step.fresh for step in steps if step.kind == "squeeze_excite")
        spread = f"gate[:, :{', None' * self.dims}]"
        product = f"x.mul_({spread})" if fresh else f"x * {spread}"
        return {**super()._gate(activation, gate, name), "product": product}

    def _block(self, name: str, block: Class) -> dict[str, Any]:
        return {**super()._block(name, block), "folded": _folded_norms(self.folds.get(name, ()))}

    def _network(self) -> dict[str, Any]:
        network = super()._network()
        order = f"{_INDENT}x = x.contiguous(memory_format=torch.{self._order()})"
        features, intermediates = ([order, *network[each]] for each in ("features", "intermediates"))
        folded = _folded_norms(self.folds.get(None, ()))
        return {**network, "features": features, "intermediates": intermediates, "folded": folded}

    def _layout(self) -> list[str]:
        """The lines that bring the weights into the memory order of what they are applied to."""
        if "conv" not in self.kinds:
            return []
        return [
            f"{_INDENT}for weight in self.parameters():",
            f"{_INDENT}    if weight.dim() == {self.dims + 2}:",
            f"{_INDENT}        weight.data = weight.contiguous(memory_format=torch.{self._order()})",
        ]

    def _order(self) -> str:
        return "channels_last_3d" if self.dims == 3 else "channels_last"


class _Forward:
    """Chains of layers as nested calls, a line an activation or a sum."""

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
            longer = self._applied(step, value)
            if len(f"{indent}{target} = {longer}") > WIDTH:
                lines.append(f"{indent}{target} = {value}")
                longer = self._applied(step, target)
            value = longer
            if step.kind in ("activation", "mean"):
                lines.append(f"{indent}{target} = {value}")
                value = target
        if value not in (start, target) or (value == start != target):
            lines.append(f"{indent}{target} = {value}")
        return lines

    def _applied(self, step: Step, value: str) -> str:
        if step.kind == "activation":
            return str(_macros().activation(step.function, value, step.fresh))
        if step.kind == "mean":
            return str(_macros().mean(value, self.dims))
        return f"self.{step.name}({value})"

    def _residual(self, step: Step, value: str, target: str, indent: str) -> list[str]:
        inner = chr(ord(target) + 1) if target != "z" else "branch"
        lines = self.lines(step.branch, value, inner, indent)
        other = value
        for each in step.shortcut:
            other = self._applied(each, other)
        in_place = self.form == "deploy" and step.made
        total = f"{inner}.add_({other})" if in_place else f"{inner} + {other}"
        if step.condition:
            total = f"{total} if self.{step.condition} else {inner}"
        return [*lines, f"{indent}{target} = {total}"]


def table(resolved: Resolved) -> list[str]:
    """The stage table as the header has it, a line a stage."""
    cells = [("stage", "filters", "repeat", "output", "MACs", "params")]
    for row in rows(resolved):
        size = f"{row.width} x {extent(row)}"
        cells.append(
            (row.name, "; ".join(row.filters), str(row.repeat), size, str(row.macs), str(row.params))
        )
    widths = [max(len(cell[column]) for cell in cells) for column in range(len(cells[0]))]
    lines = []
    for cell in cells:
        left = [text.ljust(width) for text, width in zip(cell[:2], widths[:2], strict=True)]
        right = [text.rjust(width) for text, width in zip(cell[2:], widths[2:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    return lines


def _uses(stage: net.Stage[int]) -> Iterator[Instance]:
    """Every block of the stage with the integer arguments that it has there."""
    if stage.block is None:
        return
    for body, arguments in net.blocks(stage):
        whole = tuple((name, value) for name, value in arguments if isinstance(value, int))
        yield Instance(body, (("width_in", body[0].inputs.channels), *whole))


def _stage(stage: net.Stage[int], calls: list[str]) -> str:
    if not stage.sequence:
        return broken(f"{_INDENT}self.{stage.name} = {calls[0]}")
    lines = [broken(f"{_INDENT}    {call},") for call in calls]
    return "\n".join([f"{_INDENT}self.{stage.name} = nn.Sequential(", *lines, f"{_INDENT})"])


def _with(module: Module, **arguments: str) -> Module:
    return replace(module, arguments={**module.arguments, **arguments})


def _flags(block: Class) -> list[str]:
    """The conditions that forward needs: whether a sum takes place."""
    names = dict.fromkeys(step.condition for step in every_step(block.steps) if step.condition)
    return [f"{_INDENT}self.{name} = {name}" for name in names]


def _zeroed(block: Class, dims: int) -> list[str]:
    lines = []
    for module in block.modules:
        if not module.zero_init:
            continue
        line = f"{_INDENT}nn.init.zeros_(self.{module.name}.weight)"
        if module.condition and module.otherwise is None:
            lines.append(f"{_INDENT}if isinstance(self.{module.name}, nn.BatchNorm{dims}d):")
            line = f"    {line}"
        lines.append(line)
    return lines


def _folded_norms(folds: tuple[deploy.Fold, ...]) -> str:
    """The attribute of a class that says which norms its convolutions have taken in."""
    lines = [f'        "{fold.conv}": ("{fold.norm}", {fold.eps!r}),' for fold in folds]
    return "\n".join(["    folded = {", *lines, "    }"]) if folds else ""


def _signature(start: str, end: str, parameters: tuple[Parameter, ...], *, keywords: bool = True) -> str:
    spelled = [f"{p.name}: {p.type}" for p in parameters if p.default is None]
    optional = [f"{p.name}: {p.type} = {p.default}" for p in parameters if p.default is not None]
    star = ["*"] if keywords and spelled and optional else []
    line = start + ", ".join([*spelled, *star, *optional]) + end
    return broken(line.replace("self, )", "self)"))


def _returned(lines: list[str]) -> list[str]:
    """The lines of a function that returns x, each broken where it is too long.

    A function of torch is typed, the call of a module is not: its result is given its type first.
    """
    *before, last = lines
    value = last.removeprefix(f"{_INDENT}x = ")
    if value == last:
        end = [last, f"{_INDENT}return x"]
    elif value.startswith("F."):
        end = [f"{_INDENT}return {value}"]
    else:
        end = [f"{_INDENT}out: Tensor = {value}", f"{_INDENT}return out"]
    return [broken(line) for line in (*before, *end)]


def _docstring(indent: str, summary: str, more: str = "") -> str:
    """A docstring as the formatters leave it: a summary, then the rest in paragraphs."""
    width = WIDTH - len(indent)
    first, *rest = textwrap.wrap(_harmless(summary), width - 6)
    if more:
        rest += ["", *textwrap.wrap(_sentence(_harmless(more)), width)]
    if not rest:
        return f'{indent}"""{first}"""'
    body = [f"{indent}{line}".rstrip() for line in rest]
    return "\n".join([f'{indent}"""{first}', *body, f'{indent}"""'])


def _positions(dims: int) -> str:
    return "(2, 3, 4)" if dims == 3 else "(2, 3)"


def clip(network: net.Network[int]) -> str:
    """The clip that a network is counted at, as the header says it."""
    channels, size = network.inputs.channels, network.size
    if network.frames is None:
        return f"{channels} x {size} x {size} (channels x height x width)"
    stride = "" if network.stride is None else f", frame stride {network.stride}"
    return f"{channels} x {network.frames} x {size} x {size} (channels x frames x height x width){stride}"


def _command(resolved: Resolved, name: str, label: str, form: str) -> str:
    words = ["x3dspec emit", shlex.quote(label)]
    for factor, value in resolved.setting.items():
        text = numbers.text(value)
        words.append(f"--{factor.replace('_', '-')} {text if _is_plain(text) else repr(text)}")
    words += [f"--set {option}={value}" for option, value in resolved.architecture.source.chosen.items()]
    words += [f"--form {form}"] if form != "train" else []
    if name != default_name(resolved.network.identity.name, form):
        words.append(f"--name {name}")
    return " ".join(words)


def _is_plain(text: str) -> bool:
    return all(character.isalnum() or character in "./-" for character in text)


def _folded(key: str, items: list[str]) -> list[str]:
    if not items:
        return []
    return textwrap.wrap(key + ", ".join(items), WIDTH - 2, subsequent_indent="  ", break_long_words=False)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _harmless(text: str) -> str:
    """Text that can stand in a comment or a docstring without ending it or hiding anything."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.replace("\\", "/").replace('"', "'").split())
