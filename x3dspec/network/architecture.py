"""The Python face: ``x3dspec.load("specs/x2d.yaml").resolve(gamma_s=2).cost()``.

An :class:`Architecture` is a checked spec that can be asked for its formulas and be resolved at any
factor values; a :class:`Resolved` is one network of integers with what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from html import escape

from x3dspec.language.document import Document
from x3dspec.language.errors import BadArgument, Problem, SpecError, unknown
from x3dspec.language.expressions import Expr
from x3dspec.language.loading import load_source
from x3dspec.language.machine_file import Machine
from x3dspec.language.numbers import Exact, ExactError, Root
from x3dspec.language.schema import Clip
from x3dspec.language.source import Source
from x3dspec.language.syntax import ExpressionError
from x3dspec.language.values import parse_number
from x3dspec.network import identity
from x3dspec.network import layers as net
from x3dspec.network.bind import Binder
from x3dspec.network.cost import Cost, total
from x3dspec.network.factors import complete, declared
from x3dspec.network.layers import Setting
from x3dspec.network.lower import lower
from x3dspec.network.memory import Saved, saved
from x3dspec.network.peak import peak

#: A factor value as a caller may give it. A float means the decimal it prints as: 2.2 is 11/5.
Value = int | float | str | Fraction | Root

MAX_FRAMES, MAX_SIZE = 4096, 8192


def load(spec: str) -> Architecture:
    """Read a spec: a file, or the name of a shipped one (``x3d_m``).

    Raises:
        SpecError: with every problem of the first file that has any, each with its place.
    """
    return Architecture(load_source(str(spec)))


@dataclass(frozen=True, eq=False)
class Architecture:
    """A checked spec. `source` is the document with what presets and options set in it."""

    source: Source

    @property
    def name(self) -> str:
        return self.source.identity.name

    def choose(self, /, **options: int | str) -> Architecture:
        """The same spec with options (or ``classes``) set.

        Raises:
            SpecError: an unknown option, or a choice that it does not have.
        """
        source = self.source
        for name, value in options.items():
            before = {**source.options, "classes": source.classes}
            source = source.choose(name, value)
            own = {name: before[name], **source.own}
            source = replace(source, chosen={**source.chosen, name: value}, own=own)
        return Architecture(source)

    def at_clip(self, frames: int | None, size: int) -> Architecture:
        """The same spec counted at a given clip instead of its own.

        Args:
            frames: how many, from 1 to 4096; None for those that the spec gives, and for a 2-D network.
            size: height and width in pixels, from 1 to 8192.

        Raises:
            SpecError: frames for a 2-D network, or a number out of range.
        """
        if not _whole(size, MAX_SIZE) or not (frames is None or _whole(frames, MAX_FRAMES)):
            raise BadArgument("clip", f"frames go from 1 to {MAX_FRAMES}, size from 1 to {MAX_SIZE}")
        if frames is not None and self.source.network.input.frames is None:
            raise BadArgument("clip", "this network is 2-D: its clip is a size alone")
        return Architecture(replace(self.source, clip=Clip(frames=frames, size=size)))

    def on(self, machine: Machine | None) -> Architecture:
        """The same spec, its networks timed on a machine."""
        return Architecture(replace(self.source, machine=machine))

    def factors(self, overrides: Mapping[str, object] | None = None) -> tuple[net.Factor, ...]:
        """The declared factors; `overrides` says which are set by hand."""
        return declared(self.source, overrides or {})

    def symbolic(self, explicit: frozenset[str] = frozenset()) -> net.Network[Expr]:
        """The network of expressions; a derived factor is a variable only if it is `explicit`."""
        return self.binder(explicit).network

    def formula(self, explicit: frozenset[str] = frozenset()) -> Cost[Expr]:
        """The closed form of everything that is counted."""
        return self.binder(explicit).cost

    def resolve(self, /, **factors: Value) -> Resolved:
        """The network at these factor values; the others keep what the spec gives them.

        Raises:
            SpecError: an unknown factor, a value outside its domain, a network that cannot be built.
        """
        return self.at(self.exactly(factors))

    def exactly(self, factors: Mapping[str, Value]) -> dict[str, Exact]:
        """Factor values as exact numbers.

        Raises:
            SpecError: an unknown factor, or what is no exact number.
        """
        return {name: self._value(name, value) for name, value in factors.items()}

    def at(self, setting: Setting) -> Resolved:
        """As :meth:`resolve`, with values that are exact already."""
        values = complete(self.source, setting)
        network = self.binder(frozenset(setting)).bind(values)
        network = replace(network, identity=identity.of(self.source, setting))
        return Resolved(self, dict(setting), values, network)

    def binder(self, explicit: frozenset[str] = frozenset()) -> Binder:
        """The same network made ready to be evaluated: its one tape, and what must hold of it."""
        source = self.source
        byhand = frozenset(name for name in {*explicit, *source.factors} if name in self._derived)
        options = tuple(source.options.items())
        where = source.clip, byhand, source.machine
        return _binder(_Lowered(source.document, options, source.classes, *where, source))

    @cached_property
    def _derived(self) -> frozenset[str]:
        return frozenset(name for name in self.source.network.factors if self.source.derived(name))

    def _value(self, name: str, value: Value) -> Exact:
        declared = self.source.network.factors
        if name not in declared:
            raise SpecError([self._problem(unknown("factor", name, declared))])
        try:
            return value if isinstance(value, Root) else parse_number(str(value))
        except (ExpressionError, ExactError) as error:
            raise SpecError([self._problem(f"{name}: {error}")]) from None

    def _problem(self, message: str) -> Problem:
        return Problem(self.source.document.source, 0, 0, "", message)

    @cached_property
    def _content(self) -> tuple[object, ...]:
        """All that an answer can depend on: architectures of the same content are equal."""
        source = self.source
        return (
            *(source.identity, source.origins, source.document, source.classes, source.clip, source.accuracy),
            source.machine,
            *(tuple(part.items()) for part in (source.factors, source.options, source.chosen)),
        )

    def __repr__(self) -> str:
        return f"Architecture({self.name}, {self.source.display})"

    def __hash__(self) -> int:
        return hash(self._content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self._content == other._content


@dataclass(frozen=True)
class _Lowered:
    """What a lowered network depends on: presets of one base share theirs."""

    document: Document
    options: tuple[tuple[str, int | str], ...]
    classes: int
    clip: Clip | None
    byhand: frozenset[str]
    machine: Machine | None
    source: Source = field(compare=False)


@lru_cache(maxsize=64)
def _binder(key: _Lowered) -> Binder:
    return Binder(key.source, lower(key.source, key.byhand))


@dataclass(frozen=True)
class Resolved:
    """One network: the spec, what was set by hand, every factor's raw value, and its integers."""

    architecture: Architecture
    setting: Mapping[str, Exact]
    factors: Mapping[str, Exact]
    network: net.Network[int]

    def __repr__(self) -> str:
        cost = self.cost()
        return f"Resolved({self.network.identity.name}: {cost.macs:,} MACs, {cost.params:,} parameters)"

    def _repr_html_(self) -> str:
        """The stage table, as a notebook shows it."""
        head = _html_row("th", ["stage", "blocks", "width", "output", "MACs", "parameters"])
        rows = [_html_row("td", _html_cells(stage, stage.cost())) for stage in self.network.stages]
        cost = self.cost()
        foot = _html_row("th", ["all", "", "", "", f"{cost.macs:,}", f"{cost.params:,}"])
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody><tfoot>{foot}</tfoot></table>"

    @cached_property
    def _costs(self) -> tuple[Cost[int], ...]:
        return tuple(stage.cost() for stage in self.network.stages)

    def cost(self, convention: str = "paper") -> Cost[int]:
        """The cost of the whole network for one clip.

        Raises:
            SpecError: an unknown convention.
        """
        return total(self._costs).by(convention)

    def stage_costs(self, convention: str = "paper") -> list[Cost[int]]:
        """The cost of each stage, in order."""
        return [cost.by(convention) for cost in self._costs]

    def peak(self, form: str = "train") -> int:
        """Bytes of the greatest live activations of one clip at inference, in 32-bit floats.

        Args:
            form: ``train``, or ``deploy`` of a network whose norms are folded.
        """
        return int(peak(self.network, form))

    def saved(self, checkpointing: bool = False) -> Saved:
        """Bytes that training keeps for the backward pass, in 32-bit floats."""
        return saved(self.network, checkpointing)


def _whole(number: object, most: int) -> bool:
    return type(number) is int and 1 <= number <= most


def _html_cells(stage: net.Stage[int], cost: Cost[int]) -> list[str]:
    output = " × ".join(map(str, stage.outputs.sizes))
    figures = [f"{cost.macs:,}", f"{cost.params:,}"]
    return [stage.name, str(stage.repeat), str(stage.outputs.channels), output, *figures]


def _html_row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
