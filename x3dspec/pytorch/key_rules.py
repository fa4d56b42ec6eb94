"""How other code bases name a network's weights: rules that are data, in the folder ``keys`` of its spec.

A rules file says for each code base which of its modules is which of ours. Here the rules are read
(they are as untrusted as a spec), applied to the names of one network, and used to tell whose keys
a checkpoint has. What the tensors behind the names need is the business of ``weights``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from x3dspec.language import shipped
from x3dspec.language.document import Document, read
from x3dspec.language.errors import Problem, SpecError, shown, unknown
from x3dspec.language.paths import Path
from x3dspec.network.architecture import Architecture

#: The naming of the modules that x3dspec emits.
OWN = "x3dspec"
_BLOCK = "{i}"
_NAME = re.compile(r"(?:[A-Za-z0-9_]|\.(?=[A-Za-z0-9_{])|\{i\})+", re.ASCII)


@dataclass(frozen=True)
class Group:
    """Modules that share a prefix, in which ``{i}`` stands for a block's number.

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
        patterns: dict[re.Pattern[str], str] = {}
        for code_base in [self.find(name)] if name != OWN else self.code_bases.values():
            for group in code_base.groups:
                for own, theirs in group.templates():
                    patterns.setdefault(_pattern(own if name == OWN else theirs), own)
        found = {}
        for module in modules:
            match, own = next(
                ((m, own) for p, own in patterns.items() if (m := p.fullmatch(module))), (None, "")
            )
            if match is not None:
                found[module] = own.replace(_BLOCK, match[1])
        return found

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


def load(architecture: Architecture) -> Rules:
    """The rules for a spec: those of the network at the end of its chain of bases.

    Raises:
        SpecError: there are none, or every problem of the file that holds them.
    """
    source = architecture.source
    name = f"{source.network.name}.yaml"
    origin = source.origins[-1]
    path = origin.path.parent / "keys" / name
    label = str(PurePosixPath(origin.label).parent / "keys" / name)
    if not path.exists():
        path, label = shipped.folder("specs") / "keys" / name, f"specs/keys/{name}"
    if not path.exists():
        message = f"nobody has written down other code bases' keys for it: {label} is not there"
        raise SpecError.at(source.display, message)
    return _Reader(read(path, label), architecture).rules()


def _joined(prefix: str, name: str, number: str = _BLOCK) -> str:
    return (f"{prefix}.{name}" if name else prefix).replace(_BLOCK, number)


def _pattern(name: str, rest: str = "") -> re.Pattern[str]:
    """Matches a name, its block number being the first group (empty where it has none)."""
    before, block, after = name.partition(_BLOCK)
    number = r"(\d+)" if block else "()"
    return re.compile(re.escape(before) + number + re.escape(after) + rest, re.ASCII)


class _Reader:
    """A rules file checked by hand: every key known, every value of its kind, every option the spec's."""

    def __init__(self, document: Document, architecture: Architecture) -> None:
        self.document = document
        self.source = architecture.source
        self.problems: list[Problem] = []

    def rules(self) -> Rules:
        top = self._known((), self.document.data, ("code_bases",), ("optional_norms",))
        code_bases = {
            name: self._code_base(name, value)
            for name, value in self._mapping(("code_bases",), top.get("code_bases", {})).items()
        }
        norms = self._mapping(("optional_norms",), top.get("optional_norms", {}))
        optional = tuple(self._optional_norm(name, value) for name, value in norms.items())
        if self.problems:
            raise SpecError(self.problems)
        return Rules(self.document, code_bases, optional)

    def _report(self, path: Path, message: str, *, key: bool = False) -> None:
        self.problems.append(self.document.problem(path, message, key=key))

    def _mapping(self, path: Path, data: object) -> Mapping[str, object]:
        if isinstance(data, dict):
            return data
        self._report(path, "must be a mapping")
        return {}

    def _known(
        self, path: Path, data: object, required: Sequence[str], optional: Sequence[str] = ()
    ) -> Mapping[str, object]:
        """A mapping whose keys are all known, and those that must be there are."""
        mapping = self._mapping(path, data)
        listed = (*required, *optional)
        for key in mapping:
            if key not in listed:
                self._report((*path, key), unknown("key", key, listed, "the keys here are"), key=True)
        for key in required:
            if isinstance(data, dict) and key not in mapping:
                self._report(path, f"missing key {key!r}; the keys here are {', '.join(listed)}")
        return {key: value for key, value in mapping.items() if key in listed}

    def _name(self, path: Path, data: object) -> str:
        """The name of a module or the beginning of one."""
        if not isinstance(data, str):
            self._report(path, "must be text")
        elif not _NAME.fullmatch(data) or data.count(_BLOCK) > 1:
            self._report(path, f"{shown(data)} is not a module name, at most one {_BLOCK} in it")
        else:
            return data
        return "_"

    def _code_base(self, name: str, data: object) -> CodeBase:
        path: Path = ("code_bases", name)
        if name == OWN:
            self._report(path, "is the name of our own keys", key=True)
        optional = ("source", "nesting", "options", "variants", "convolutions", "refused")
        given = self._known(path, data, ("modules",), optional)
        if not isinstance(given.get("source", ""), str):
            self._report((*path, "source"), "must be text")
        modules = self._mapping((*path, "modules"), given.get("modules", {}))
        groups = [self._group((*path, "modules"), ours, value) for ours, value in modules.items()]
        nesting = given.get("nesting")
        return CodeBase(
            name,
            None if nesting is None else self._name((*path, "nesting"), nesting),
            self._options((*path, "options"), given.get("options", {})),
            self._variants((*path, "variants"), given.get("variants", {})),
            self._convolutions((*path, "convolutions"), given.get("convolutions", [])),
            tuple(groups),
            self._reasons((*path, "refused"), given.get("refused", {})),
            path,
        )

    def _options(self, path: Path, data: object) -> dict[str, int | str]:
        options: dict[str, int | str] = {}
        for name, value in self._mapping(path, data).items():
            if isinstance(value, int | str):
                self._choice((*path, name), name, value)
                options[name] = value
            else:
                self._report((*path, name), "must be text or a whole number")
        return options

    def _choice(self, path: Path, name: str, value: int | str) -> None:
        try:
            self.source.choose(name, value, self.document.problem(path, ""))
        except SpecError as error:
            self.problems += error.problems

    def _variants(self, path: Path, data: object) -> dict[str, dict[int | str, str]]:
        variants: dict[str, dict[int | str, str]] = {}
        for name, choices in self._mapping(path, data).items():
            variants[name] = {}
            for value, reason in self._reasons((*path, name), choices).items():
                self._choice((*path, name, value), name, value)
                variants[name][value] = reason
        return variants

    def _reasons(self, path: Path, data: object) -> dict[str, str]:
        reasons: dict[str, str] = {}
        for name, reason in self._mapping(path, data).items():
            if isinstance(name, str) and isinstance(reason, str) and reason.isprintable():
                reasons[name] = reason
            else:
                self._report((*path, name), "must be text on one line")
        return reasons

    def _convolutions(self, path: Path, data: object) -> frozenset[str]:
        if not isinstance(data, list):
            self._report(path, "must be a list")
            return frozenset()
        return frozenset(self._name((*path, index), each) for index, each in enumerate(data))

    def _group(self, path: Path, ours: str, data: object) -> Group:
        self._name((*path, ours), ours)
        path = (*path, ours)
        modules = {"": ""}
        if isinstance(data, dict):
            given = self._known(path, data, ("prefix", "modules"))
            theirs = self._name((*path, "prefix"), given.get("prefix", "_"))
            modules = self._names((*path, "modules"), given.get("modules", {}))
        else:
            theirs = self._name(path, data)
        if ours.count(_BLOCK) != theirs.count(_BLOCK):
            self._report(path, f"{_BLOCK} must be in both names or in neither")
        return Group(ours, theirs, tuple(modules.items()))

    def _names(self, path: Path, data: object) -> dict[str, str]:
        names = {}
        for ours, theirs in self._mapping(path, data).items():
            names[self._plain((*path, ours), ours)] = self._plain((*path, ours), theirs)
        return names

    def _plain(self, path: Path, data: object) -> str:
        """A name within a block."""
        name = self._name(path, data)
        if _BLOCK in name:
            self._report(path, f"{_BLOCK} belongs in the prefix")
        return name

    def _optional_norm(self, name: str, data: object) -> OptionalNorm:
        path: Path = ("optional_norms", name)
        given = self._known(path, data, ("follows", "added_to"))
        names = {key: self._plain((*path, key), value) for key, value in given.items()}
        return OptionalNorm(self._plain(path, name), names.get("follows", "_"), names.get("added_to", "_"))
