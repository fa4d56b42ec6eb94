"""Rules for other code bases' keys, read from the folder ``keys`` of a spec: as untrusted as a spec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from pathlib import PurePosixPath

from x3dspec.language import shipped
from x3dspec.language.document import Document, read
from x3dspec.language.errors import Problem, SpecError, shown, unknown
from x3dspec.language.paths import Path
from x3dspec.network.architecture import Architecture
from x3dspec.pytorch.key_rules import BLOCK, FROM_ONE, OWN, CodeBase, Group, OptionalNorm, Rules

_NAME = re.compile(r"(?:[A-Za-z0-9_]|\.(?=[A-Za-z0-9_{])|\{i(?:\+1)?\})+", re.ASCII)


def load_rules(architecture: Architecture) -> Rules:
    """The rules for a spec: those of the network at the end of its chain of bases.

    Raises:
        SpecError: there are none, or every problem of the file that holds them.
    """
    path, label = _place(architecture)
    if not path.exists():
        message = f"nobody has written down other code bases' keys for it: {label} is not there"
        raise SpecError.at(architecture.source.display, message)
    return _Reader(read(path, label), architecture).rules()


def has_rules(architecture: Architecture) -> bool:
    """Whether somebody has written down other code bases' keys for a spec."""
    return _place(architecture)[0].exists()


def _place(architecture: Architecture) -> tuple[FilePath, str]:
    """Where the rules are, or would be: beside the spec, or with those that ship."""
    source = architecture.source
    name = f"{source.network.name}.yaml"
    origin = source.origins[-1]
    path = origin.path.parent / "keys" / name
    if path.exists():
        return path, str(PurePosixPath(origin.label).parent / "keys" / name)
    return shipped.folder("specs") / "keys" / name, f"specs/keys/{name}"


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
        elif not _NAME.fullmatch(data) or data.count(BLOCK) + data.count(FROM_ONE) > 1:
            self._report(path, f"{shown(data)} is not a module name, at most one {BLOCK} in it")
        else:
            return data
        return "_"

    def _code_base(self, name: str, data: object) -> CodeBase:
        path: Path = ("code_bases", name)
        if name == OWN:
            self._report(path, "is the name of our own keys", key=True)
        optional = (
            "source",
            "nesting",
            "options",
            "variants",
            "convolutions",
            "refused",
            "linears",
            "parameters",
        )
        keys = self._known(path, data, ("modules",), optional)
        if not isinstance(keys.get("source", ""), str):
            self._report((*path, "source"), "must be text")
        modules = self._mapping((*path, "modules"), keys.get("modules", {}))
        groups = [self._group((*path, "modules"), ours, value) for ours, value in modules.items()]
        nesting = keys.get("nesting")
        return CodeBase(
            name,
            None if nesting is None else self._name((*path, "nesting"), nesting),
            self._options((*path, "options"), keys.get("options", {})),
            self._variants((*path, "variants"), keys.get("variants", {})),
            self._modules((*path, "convolutions"), keys.get("convolutions", [])),
            tuple(groups),
            self._reasons((*path, "refused"), keys.get("refused", {})),
            path,
            self._modules((*path, "linears"), keys.get("linears", [])),
            self._modules((*path, "parameters"), keys.get("parameters", [])),
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

    def _modules(self, path: Path, data: object) -> frozenset[str]:
        if not isinstance(data, list):
            self._report(path, "must be a list")
            return frozenset()
        return frozenset(self._name((*path, index), each) for index, each in enumerate(data))

    def _group(self, path: Path, ours: str, data: object) -> Group:
        self._name((*path, ours), ours)
        path = (*path, ours)
        modules = {"": ""}
        if isinstance(data, dict):
            keys = self._known(path, data, ("prefix", "modules"))
            theirs = self._name((*path, "prefix"), keys.get("prefix", "_"))
            modules = self._names((*path, "modules"), keys.get("modules", {}))
        else:
            theirs = self._name(path, data)
        if ours.count(BLOCK) != theirs.count(BLOCK) + theirs.count(FROM_ONE):
            self._report(path, f"{BLOCK} must be in both names or in neither")
        return Group(ours, theirs, tuple(modules.items()))

    def _names(self, path: Path, data: object) -> dict[str, str]:
        names = {}
        for ours, theirs in self._mapping(path, data).items():
            names[self._plain((*path, ours), ours)] = self._plain((*path, ours), theirs)
        return names

    def _plain(self, path: Path, data: object) -> str:
        """A name within a block."""
        name = self._name(path, data)
        if "{" in name:
            self._report(path, f"{BLOCK} belongs in the prefix")
        return name

    def _optional_norm(self, name: str, data: object) -> OptionalNorm:
        path: Path = ("optional_norms", name)
        keys = self._known(path, data, ("follows", "added_to"))
        names = {key: self._plain((*path, key), value) for key, value in keys.items()}
        return OptionalNorm(self._plain(path, name), names.get("follows", "_"), names.get("added_to", "_"))
