"""A checked spec: the network's own document, and what presets and the user set in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from x3dspec.language import schema
from x3dspec.language.document import Document
from x3dspec.language.errors import Problem, SpecError, unknown
from x3dspec.language.machine_file import Machine
from x3dspec.language.numbers import Exact
from x3dspec.language.syntax import names


@dataclass(frozen=True)
class Identity:
    """Who the network is: what the emitted file says of itself."""

    name: str
    title: str
    source: str
    class_name: str
    license: str


@dataclass(frozen=True)
class Origin:
    """A file that the network was read from. `label` is printable, and the same on every machine."""

    label: str
    sha256: str
    path: FilePath


@dataclass(frozen=True)
class Source:
    """A checked spec: the network's own document and what presets and the user set in it.

    `options` has every option's value, `chosen` those that the user set by hand, and `own` what these
    were before. `accuracy` is what this very file prints; a base's is not its presets'. `machine` is the one
    that its networks are timed on.
    """

    identity: Identity
    origins: tuple[Origin, ...]
    document: Document
    network: schema.NetworkFile
    factors: Mapping[str, Exact]
    options: Mapping[str, int | str]
    classes: int
    clip: schema.Clip | None
    chosen: Mapping[str, int | str] = field(default_factory=dict)
    own: Mapping[str, int | str] = field(default_factory=dict)
    accuracy: schema.Accuracy | None = None
    machine: Machine | None = None

    @property
    def display(self) -> str:
        return self.origins[0].label

    def derived(self, factor: str) -> bool:
        """Whether a factor's start follows from other factors."""
        return any(True for _ in names(self.network.factors[factor].start))

    def choose(self, name: str, value: int | str, where: Problem | None = None) -> Source:
        """The same spec with one option (or ``classes``) set.

        Raises:
            SpecError: an unknown option or a choice it does not have; at `where`, if given.
        """
        at = where or Problem("", 0, 0, name, "")
        if name == "classes":
            if not isinstance(value, int) or not 1 <= value <= 1_000_000:
                raise SpecError([replace(at, message="must be a whole number from 1 to 1000000")])
            return replace(self, classes=value)
        options = self.network.options
        if name not in options:
            message = unknown("option", name, [*options, "classes"])
            raise SpecError([replace(at, message=message)])
        choices = options[name].choices
        if value not in choices:
            listed = [str(choice) for choice in choices]
            message = unknown("choice", str(value), listed, f"{name} is one of")
            raise SpecError([replace(at, message=message)])
        return replace(self, options={**self.options, name: value})
