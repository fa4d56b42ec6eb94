"""Whose names a checkpoint's tensors have: to ours, and back again in the same code base's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.pytorch import expected
from x3dspec.pytorch.checkpoint import State
from x3dspec.pytorch.convert import Conversion, convert
from x3dspec.pytorch.key_rules import OWN, Rules
from x3dspec.pytorch.key_rules_reader import has_rules, load_rules


@dataclass(frozen=True)
class Naming:
    """The naming of one checkpoint; without rules the names are ours."""

    rules: Rules | None
    code_base: str

    @classmethod
    def of(cls, architecture: Architecture, keys: Collection[str], label: str) -> Naming:
        """By the rules of a spec, if it has any.

        Raises:
            SpecError: the rules' problems, or keys of no code base that they know.
        """
        if not has_rules(architecture):
            return cls(None, OWN)
        rules = load_rules(architecture)
        return cls(rules, rules.detect(keys, label))

    def ours(
        self, state: Mapping[str, Tensor], resolved: Resolved, label: str, names: Collection[str] = ()
    ) -> State:
        """The tensors by our names.

        Raises:
            SpecError: with every one that does not fit the network.
        """
        if self.rules is None:
            expected.fits(state, resolved, label)
            return dict(state)
        return convert(state, self.code_base, OWN, self.rules, resolved, names=names, label=label).state

    def theirs(self, state: State, resolved: Resolved) -> tuple[State, str | None]:
        """The tensors by the checkpoint's names, and under which key its code base keeps them."""
        if self.rules is None:
            return state, None
        written: Conversion = convert(state, OWN, self.code_base, self.rules, resolved)
        return written.state, written.nesting
