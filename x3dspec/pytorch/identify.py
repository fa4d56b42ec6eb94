"""Which network is this? Factors, options and dialect from the names and shapes of tensors alone.

A weight's shape is a tuple of the spec's own expressions. Given its value, each is an equation over the
factors: those of one unknown factor bound it, because widths and depths grow with their factors, and
the simplest value within the bounds is taken. What comes out is then compared tensor by tensor, so
that an answer is right whatever the expressions were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from x3dspec.language import numbers, shipped
from x3dspec.language.algebra import EXACT
from x3dspec.language.errors import SpecError, shown
from x3dspec.language.expressions import ONE, Expr
from x3dspec.language.numbers import Exact, ExactError
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.tape import Tape, variables
from x3dspec.network import layers as net
from x3dspec.network import tensors
from x3dspec.network.architecture import Architecture, Resolved, load
from x3dspec.network.simplest import candidates
from x3dspec.pytorch import key_rules_reader
from x3dspec.pytorch.key_rules import CodeBase, Rules, last_part

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

#: Factors are looked for between these; no network of a few thousand channels has others.
_LEAST, _MOST = Fraction(1, 4096), Fraction(4096)
_HALVINGS = 60
#: All choices of all options of a shipped spec are some dozens.
_MAX_CHOICES = 1024


@dataclass(frozen=True)
class Identified:
    """A network whose tensors these are.

    Attributes:
        resolved: the network; what tensors do not tell (frames, size) is as the spec has it.
        code_base: whose names the tensors have.
        spec: the shipped spec that is resolved, and `options`, what was chosen in it.
        alike: other shipped specs of the same tensors: they differ in frames and size.
        untold: options of which another choice is another network with the same tensors.
    """

    resolved: Resolved
    code_base: str
    spec: str
    options: Mapping[str, int | str]
    alike: tuple[str, ...]
    untold: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """What resolves it, as a command's arguments."""
        words = [self.spec]
        for name, value in self.resolved.setting.items():
            words += [f"--{name.replace('_', '-')}", numbers.text(value)]
        for name, choice in self.options.items():
            words += ["--set", f"{name}={choice}"]
        return words


@dataclass(frozen=True)
class _Refusal(Exception):
    """No network of a kind has this tensor; so many others were in order before it."""

    key: str
    reason: str
    place: int


def identify(shapes: Shapes, label: str = "checkpoint") -> Identified:
    """The network of a checkpoint.

    Args:
        shapes: of its tensors, by name.
        label: what messages call it.

    Raises:
        SpecError: the first tensor that no network of a shipped family can have; or several families
            have such tensors.
    """
    refusals: list[tuple[_Refusal, str]] = []
    answers: list[Identified] = []
    for rules, architecture, code_base in _families(shapes):
        try:
            answers.append(_of_family(shapes, rules, architecture, code_base))
        except _Refusal as refusal:
            refusals.append((refusal, f"{architecture.name} as {code_base.name} names it"))
    if len(answers) > 1:
        found = ", ".join(f"{each.resolved.architecture.name} ({each.code_base})" for each in answers)
        raise SpecError.at(label, f"several networks have these tensors: {found}; say which by --spec")
    if answers:
        return answers[0]
    if not refusals:
        first = next(iter(shapes), "")
        raise SpecError.at(label, f"{shown(first)}: no network whose names are known has such a tensor")
    last, family = max(refusals, key=lambda each: each[0].place)
    raise SpecError.at(label, f"{shown(last.key)}: {last.reason}; the nearest is {family}")


def _families(shapes: Shapes) -> Iterator[tuple[Rules, Architecture, CodeBase]]:
    """The shipped families and code bases that name at least half of these modules."""
    for rules, architecture in _shipped():
        for name in rules.names:
            code_base = rules.find(name)
            modules = {code_base.parts(key)[0] for key in shapes}
            known = rules.ours(name, modules)
            if modules and 2 * len(known) >= len(modules):
                yield rules, architecture, code_base


@lru_cache(maxsize=1)
def _shipped() -> tuple[tuple[Rules, Architecture], ...]:
    names = sorted(path.stem for path in (shipped.folder("specs") / "keys").glob("*.yaml"))
    return tuple((key_rules_reader.load_rules(load(name)), load(name)) for name in names)


def _of_family(shapes: Shapes, rules: Rules, family: Architecture, code_base: CodeBase) -> Identified:
    ours = _named(shapes, rules, code_base)
    classes = _classes(ours, family)
    spelled = [family.choose(classes=classes, **options) for options in _choices(family, code_base)]
    strangers = [_strangers(ours, architecture) for architecture in spelled]
    refusals: list[_Refusal] = []
    for architecture, count in zip(spelled, strangers, strict=True):
        if count > min(strangers):
            continue  # the names alone say that another choice of the options is nearer
        try:
            return _answer(_solved(ours, architecture, rules, code_base), code_base)
        except _Refusal as refusal:
            refusals.append(refusal)
    raise max(refusals, key=lambda refusal: refusal.place)


def _strangers(ours: Mapping[str, _Given], architecture: Architecture) -> int:
    """How many tensors must be there and are not, or are there and cannot be."""
    network = architecture.symbolic()
    depths = {name: each.value for name, each in _depths(ours, network).items()}
    possible = {
        tensor.name: tensor.when
        for stage in network.stages
        for tensor in tensors.of_stage(stage, depths.get(stage.name, 1))
    }
    missing = [name for name, when in possible.items() if when is ONE and name not in ours]
    return len(missing) + len(ours.keys() - possible.keys())


@dataclass(frozen=True)
class _Given:
    """A tensor of the checkpoint: its name there, and its place."""

    key: str
    shape: Shape
    place: int


def _named(shapes: Shapes, rules: Rules, code_base: CodeBase) -> dict[str, _Given]:
    """The tensors by our names; those of no module of ours are refused."""
    modules = rules.ours(code_base.name, {code_base.parts(key)[0] for key in shapes})
    named = {}
    for place, (key, shape) in enumerate(shapes.items()):
        module, parameter = code_base.parts(key)
        if module not in modules:
            raise _Refusal(key, "no such network has a tensor of this name", place)
        named[f"{modules[module]}.{parameter}"] = _Given(key, shape, place)
    return named


def _classes(ours: Mapping[str, _Given], family: Architecture) -> int:
    last = family.symbolic().stages[-1]
    classifier = [layer.name for layer in net.layers(last.first) if isinstance(layer, net.Linear)][-1]
    weight = ours.get(f"{classifier}.weight")
    if weight is None or not weight.shape or not 1 <= weight.shape[0] <= 1_000_000:
        raise _Refusal(f"{classifier}.weight", "the classifier is missing", 0)
    return weight.shape[0]


def _choices(family: Architecture, code_base: CodeBase) -> Iterator[dict[str, int | str]]:
    """Every setting of the options that the code base leaves open, the defaults first."""
    options = family.source.network.options
    open_ = {
        name: [option.default, *(choice for choice in option.choices if choice != option.default)]
        for name, option in options.items()
        if name not in code_base.options
    }
    for index, chosen in enumerate(product(*open_.values())):
        if index == _MAX_CHOICES:
            return
        yield {**code_base.options, **dict(zip(open_, chosen, strict=True))}


# One setting of the options: equations, their solution, the comparison


def _solved(
    ours: Mapping[str, _Given], architecture: Architecture, rules: Rules, code_base: CodeBase
) -> Resolved:
    derived = frozenset(factor.name for factor in architecture.factors() if factor.derived)
    network = architecture.symbolic(derived)
    equations = [*_depths(ours, network).values()]
    equations += _widths(ours, network, code_base)
    setting = _Solver(architecture, equations).setting()
    try:
        resolved = architecture.at(setting)
    except SpecError as error:
        raise _Refusal(equations[0].given.key, str(error.problems[0].message), 0) from None
    _compare(ours, resolved, rules, code_base)
    return resolved


@dataclass(frozen=True)
class _Equation:
    expression: Expr
    value: int
    given: _Given

    @property
    def refusal(self) -> _Refusal:
        size = " x ".join(map(str, self.given.shape)) or "a number"
        return _Refusal(self.given.key, f"no such network has it of shape {size}", self.given.place)


def _depths(ours: Mapping[str, _Given], network: net.Network[Expr]) -> dict[str, _Equation]:
    """The number of blocks of each stage that repeats one."""
    depths = {}
    for stage in network.stages:
        if stage.block is not None and stage.sequence:
            place = re.compile(re.escape(stage.name) + r"\.(\d{1,4})\.")
            blocks = {int(match[1]): given for name, given in ours.items() if (match := place.match(name))}
            if blocks:
                depths[stage.name] = _Equation(stage.repeat, max(blocks) + 1, blocks[max(blocks)])
    return depths


def _widths(
    ours: Mapping[str, _Given], network: net.Network[Expr], code_base: CodeBase
) -> Iterator[_Equation]:
    depths = {name: each.value for name, each in _depths(ours, network).items()}
    for stage in network.stages:
        for tensor in tensors.of_stage(stage, depths.get(stage.name, 1)):
            given = ours.get(tensor.name)
            if given is None:
                continue  # whether it must be there is decided when all else is known
            shape = _ours(given.shape, tensor.name, len(tensor.shape), code_base)
            if len(shape) != len(tensor.shape):
                raise _Equation(stage.repeat, 0, given).refusal
            for size, value in zip(tensor.shape, shape, strict=True):
                if isinstance(size, Expr):
                    yield _Equation(size, value, given)
                elif size != value:
                    raise _Equation(stage.repeat, 0, given).refusal


def _ours(shape: Shape, name: str, dimensions: int, code_base: CodeBase) -> Shape:
    """The shape here of a linear layer that is a convolution of kernel 1 there, or the other way round."""
    if last_part(name.rpartition(".")[0]) in code_base.linears and len(shape) == 2:
        return (*shape, *[1] * (dimensions - 2))
    if name.rpartition(".")[0] in code_base.convolutions and not any(n != 1 for n in shape[dimensions:]):
        return shape[:dimensions]
    return shape


def _compare(ours: Mapping[str, _Given], resolved: Resolved, rules: Rules, code_base: CodeBase) -> None:
    expected = {tensor.name: tensor.shape for tensor in tensors.of_network(resolved.network)}
    for name, given in ours.items():
        if name not in expected:
            raise _Refusal(given.key, "no such network has it beside the others", given.place)
        if _ours(given.shape, name, len(expected[name]), code_base) != expected[name]:
            raise _Equation(resolved.architecture.symbolic().stages[0].repeat, 0, given).refusal
    missing = [name for name in expected if name not in ours]
    if missing:
        module, _, parameter = missing[0].rpartition(".")
        theirs = rules.renamed(code_base.name, [module])[module]
        raise _Refusal(f"{theirs}.{parameter}", "is missing", len(ours))


class _Solver:
    """The factors' values: one after the other, each from the equations in which it alone is unknown."""

    def __init__(self, architecture: Architecture, equations: Iterable[_Equation]) -> None:
        self.architecture = architecture
        self.known: dict[str, Exact] = {}
        distinct = {(each.expression, each.value): each for each in reversed([*equations])}
        self.equations = sorted(distinct.values(), key=lambda each: each.given.place)
        self.tapes: dict[Expr, Tape[Any]] = {e.expression: Tape([e.expression]) for e in self.equations}
        self.names = {each.expression: variables([each.expression]) for each in self.equations}

    def setting(self) -> dict[str, Exact]:
        """A value of every factor that the equations speak of.

        Raises:
            _Refusal: the first tensor that no value gives.
        """
        self._constants()
        while name := self._next():
            own = [e for e in self.equations if self._unknown(e) == [name]]
            self.known[name] = self._value(name, own)
        return self.known

    def _constants(self) -> None:
        for equation in self.equations:
            if not self.names[equation.expression] and equation.expression.value != equation.value:
                raise equation.refusal

    def _unknown(self, equation: _Equation) -> list[str]:
        return [name for name in self.names[equation.expression] if name not in self.known]

    def _next(self) -> str:
        """The factor that the most equations are in alone; if there is none, any that is left."""
        unknown = [self._unknown(equation) for equation in self.equations]
        alone = [names[0] for names in unknown if len(names) == 1]
        if alone:
            return max(dict.fromkeys(alone), key=alone.count)
        rest = [name for names in unknown for name in names]
        if rest:
            self.known[rest[0]] = self._starts(rest[0])[0]
            return self._next()
        return ""

    def _starts(self, name: str) -> list[Exact]:
        """Values that the spec and its presets give the factor."""
        values = [self.architecture.resolve().factors[name]]
        for preset in _of_base(self.architecture):
            values.append(preset.resolve().factors[name])
        return list(dict.fromkeys(values))

    def _value(self, name: str, equations: list[_Equation]) -> Exact:
        low, high = _LEAST, _MOST
        for equation in equations:
            least, most = self._bounds(name, equation)
            low, high = max(low, least), min(high, most)
            if low > high:
                raise equation.refusal
        last: _Equation = equations[0]
        for value in [*self._starts(name), *candidates(low, high)]:
            wrong = next((e for e in equations if self._at(name, value, e) != e.value), None)
            if wrong is None:
                return value
            last = max(last, wrong, key=lambda each: each.given.place)
        raise last.refusal

    def _bounds(self, name: str, equation: _Equation) -> tuple[Fraction, Fraction]:
        """Values below and above all that give the equation's value, as near as halving brings them."""
        return (
            self._edge(name, equation, lambda number: number >= equation.value)[0],
            self._edge(name, equation, lambda number: number > equation.value)[1],
        )

    def _edge(self, name: str, equation: _Equation, above: Any) -> tuple[Fraction, Fraction]:
        low, high = _LEAST, _MOST
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            number = self._at(name, middle, equation)
            if number is not None and above(number):
                high = middle
            else:
                low = middle
        return low, high

    def _at(self, name: str, value: Exact, equation: _Equation) -> Any:
        try:
            return self.tapes[equation.expression].run(EXACT, {**self.known, name: value})[0]
        except (ExpressionError, ExactError):
            return None


# What else has the same tensors


def _of_base(architecture: Architecture) -> Iterator[Architecture]:
    """The shipped specs of the same family."""
    document = architecture.source.document
    for name in shipped.shipped():
        preset = load(name)
        if preset.source.document == document:
            yield preset


def _shapes(resolved: Resolved) -> dict[str, Shape]:
    return {tensor.name: tensor.shape for tensor in tensors.of_network(resolved.network)}


def _answer(resolved: Resolved, code_base: CodeBase) -> Identified:
    """The shipped spec that has these tensors, if one has, instead of its family's factors."""
    own, untold = _shapes(resolved), _untold(resolved, code_base)
    alike: dict[str, tuple[Resolved, dict[str, int | str]]] = {}
    for preset in _of_base(resolved.architecture):
        options = _differing(preset, resolved.architecture)
        network = preset.choose(**options).resolve()
        if _shapes(network) == own:
            alike[preset.name] = network, options
    if not alike:
        family = load(resolved.architecture.name)
        options = _differing(family, resolved.architecture)
        return Identified(resolved, code_base.name, family.name, options, (), untold)
    spec, *others = alike
    return Identified(alike[spec][0], code_base.name, spec, alike[spec][1], tuple(others), untold)


def _differing(preset: Architecture, other: Architecture) -> dict[str, int | str]:
    """The options, and the classes, to choose in a preset that leaves them at their defaults."""
    declared, own, theirs = preset.source.network.options, preset.source.options, other.source.options
    options = {
        name: theirs[name]
        for name, option in declared.items()
        if own[name] == option.default and theirs[name] != own[name]
    }
    if other.source.classes != preset.source.classes:
        options["classes"] = other.source.classes
    return options


def _untold(resolved: Resolved, code_base: CodeBase) -> tuple[str, ...]:
    """Options whose other choices are other networks of the same tensors."""
    own, untold = _shapes(resolved), []
    for name, option in resolved.architecture.source.network.options.items():
        if name in code_base.options:
            continue
        for choice in option.choices:
            try:
                other = resolved.architecture.choose(**{name: choice}).at(resolved.setting)
            except SpecError:
                continue
            if other.network.stages != resolved.network.stages and _shapes(other) == own:
                untold.append(name)
                break
    return tuple(untold)
