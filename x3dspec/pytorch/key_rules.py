"""How other code bases name a network's weights, as checked rules.

Applied to the names of one network, and used to tell whose keys a checkpoint has. What the tensors behind
the names need is the business of ``convert``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from x3dspec.language.document import Document
from x3dspec.language.errors import SpecError, shown, unknown
from x3dspec.language.paths import Path

#: The naming of the modules that x3dspec emits.
OWN = "x3dspec"
#: A block's number, which is counted from 0; and what another code base calls it that counts from 1.
BLOCK, FROM_ONE = "{i}", "{i+1}"


@dataclass(frozen=True)
class Group:
    """Modules that share a prefix, in which ``{i}`` stands for a block's number, ``{i+1}`` for one from 1.

    `modules` holds the names behind the prefix, ours and theirs; both are empty for a module that
    stands by itself.
    """

    ours: str
    theirs: str
    modules: tuple[tuple[str, str], ...]

    def renamed(self, present: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Our name and theirs of each module that the network has, block by block."""
        blocks = _pattern(self.ours, r"(?:\..+)?")
        numbers = {match[1] for name in present if (match := blocks.fullmatch(name))}
        for number in sorted(numbers, key=lambda text: int(text or 0)):
            for ours, theirs in self.modules:
                yield _joined(self.ours, ours, number), _joined(self.theirs, theirs, number)

    def templates(self) -> Iterator[tuple[str, str]]:
        """Our name and theirs of each module, {i} in both where they have a block's number."""
        for ours, theirs in self.modules:
            yield _joined(self.ours, ours), _joined(self.theirs, theirs)

    def patterns(self, *, own: bool) -> Iterator[re.Pattern[str]]:
        """What the names of its modules look like: ours, or theirs."""
        for ours, theirs in self.modules:
            yield _pattern(_joined(self.ours, ours) if own else _joined(self.theirs, theirs))


@dataclass(frozen=True)
class CodeBase:
    """The naming of one code base.

    Attributes:
        nesting: the key under which its checkpoints hold the state dict, if they do.
        options: how it decides options of the spec.
        variants: options that its own networks may need besides: their choices, each with the reason.
        convolutions: our linear layers that are convolutions of kernel 1 there.
        linears: names within a block of our convolutions of kernel 1 that are linear layers there.
        parameters: likewise of our modules that are one tensor there.
        groups: the modules, in the order of its state dict.
        refused: beginnings of the names of networks whose tensors look alike but are not, each with
            the reason.
        path: where the rules stand in their document.
    """

    name: str
    nesting: str | None
    options: Mapping[str, int | str]
    variants: Mapping[str, Mapping[int | str, str]]
    convolutions: frozenset[str]
    groups: tuple[Group, ...]
    refused: Mapping[str, str]
    path: Path
    linears: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()

    def parts(self, key: str) -> tuple[str, str]:
        """The module and the parameter that a key of its state dict names."""
        module, _, parameter = key.rpartition(".")
        return (key, "weight") if parameter in self._bare else (module, parameter)

    @cached_property
    def _bare(self) -> frozenset[str]:
        """What those that are one tensor are called there."""
        names = (names for group in self.groups for names in group.templates())
        return frozenset(last_part(theirs) for ours, theirs in names if last_part(ours) in self.parameters)

    def refusal(self, names: Iterable[str]) -> str:
        """Why a network that is called one of these cannot be taken, or nothing."""
        for name in names:
            for beginning, reason in self.refused.items():
                if name.startswith(beginning):
                    return f"is of {self.name}'s {shown(name)}: {reason}"
        return ""


@dataclass(frozen=True)
class OptionalNorm:
    """A norm that one dialect has and another lacks; all names are relative to its block.

    `follows` is the convolution in front of it, `added_to` the norm whose output its own is added to.
    """

    name: str
    follows: str
    added_to: str


@dataclass(frozen=True)
class Rules:
    """A checked rules file."""

    document: Document
    code_bases: Mapping[str, CodeBase]
    optional_norms: tuple[OptionalNorm, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The code bases that weights can come from and go to."""
        return (*self.code_bases, OWN)

    def find(self, name: str) -> CodeBase:
        """A code base by name.

        Raises:
            SpecError: an unknown name.
        """
        if name == OWN:
            return CodeBase(OWN, None, {}, {}, frozenset(), (), {}, ())
        if name not in self.code_bases:
            message = unknown("code base", name, self.names, "the rules have")
            raise SpecError.at(self.document.source, message)
        return self.code_bases[name]

    def renamed(self, name: str, modules: Collection[str]) -> dict[str, str]:
        """Our module names to those of a code base, in the order of its state dict.

        Raises:
            SpecError: a module that no rule covers, or two that a rule gives one name.
        """
        code_base = self.find(name)
        if name == OWN:
            return {module: module for module in modules}
        present = dict.fromkeys(modules)
        renamed = {
            ours: theirs
            for group in code_base.groups
            for ours, theirs in group.renamed(present)
            if ours in present
        }
        where = (*code_base.path, "modules")
        problems = [
            self.document.problem(where, f"no rule covers our module {module}", key=True)
            for module in present
            if module not in renamed
        ]
        owners = {theirs: ours for ours, theirs in renamed.items()}
        problems += [
            self.document.problem(where, f"{ours} and {owners[theirs]} are both {theirs}", key=True)
            for ours, theirs in renamed.items()
            if owners[theirs] != ours
        ]
        if problems:
            raise SpecError(problems)
        return renamed

    def ours(self, name: str, modules: Iterable[str]) -> dict[str, str]:
        """A code base's module names to ours, those that some network can have."""
        patterns: dict[re.Pattern[str], tuple[str, int]] = {}
        for code_base in [self.find(name)] if name != OWN else self.code_bases.values():
            for group in code_base.groups:
                for own, theirs in group.templates():
                    spelled = own if name == OWN else theirs
                    patterns.setdefault(_pattern(spelled), (own, int(FROM_ONE in spelled)))
        renamed = {}
        for module in modules:
            for pattern, (own, first) in patterns.items():
                if match := pattern.fullmatch(module):
                    renamed[module] = own.replace(BLOCK, str(int(match[1] or 0) - first))
                    break
        return renamed

    def detect(self, keys: Collection[str], label: str = "checkpoint") -> str:
        """The code base that most of the keys, and at least half of them, look like.

        Raises:
            SpecError: none does; lists those known.
        """
        modules = [key.rpartition(".")[0] for key in keys]
        scores = {name: self._matches(name, modules) for name in self.names}
        best = max(scores, key=lambda name: scores[name])
        if 2 * scores[best] < max(1, len(modules)):
            known = ", ".join(self.names)
            raise SpecError.at(label, f"its keys are of no code base that the rules know: {known}")
        return best

    def _matches(self, name: str, modules: Iterable[str]) -> int:
        bases = self.code_bases.values() if name == OWN else [self.code_bases[name]]
        patterns = dict.fromkeys(
            pattern
            for code_base in bases
            for group in code_base.groups
            for pattern in group.patterns(own=name == OWN)
        )
        return sum(any(pattern.fullmatch(module) for pattern in patterns) for module in modules)


def last_part(name: str) -> str:
    """The part of a name behind its last dot."""
    return name.rpartition(".")[2]


def _joined(prefix: str, name: str, number: str = BLOCK) -> str:
    joined = f"{prefix}.{name}" if name else prefix
    if number == BLOCK:
        return joined
    return joined.replace(BLOCK, number).replace(FROM_ONE, str(int(number or 0) + 1))


def _pattern(name: str, rest: str = "") -> re.Pattern[str]:
    """Matches a name, its block number being the first group (empty where it has none)."""
    block = FROM_ONE if FROM_ONE in name else BLOCK
    before, block, after = name.partition(block)
    number = {BLOCK: r"(0|[1-9]\d{0,3})", FROM_ONE: r"([1-9]\d{0,3})", "": "()"}[block]
    return re.compile(re.escape(before) + number + re.escape(after) + rest, re.ASCII)
