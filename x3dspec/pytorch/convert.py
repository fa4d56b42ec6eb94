"""Checkpoints renamed from one code base to another, without changing the network's function.

Other code bases' names, and the dialect each speaks, are rules in data (see ``key_rules``). Every
tensor that the network has not, or has of another shape, is named, and then nothing is converted.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from x3dspec.language.errors import Problem, SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import dialects
from x3dspec.pytorch.checkpoint import State, spelled_key
from x3dspec.pytorch.expected import Side, given, side
from x3dspec.pytorch.identify import identify
from x3dspec.pytorch.key_rules import OWN, Rules

#: Let the keys of the checkpoint say which code base it is from.
AUTO = "auto"
#: Why a network of the same factors can have one channel less there.
_SHORT = "one channel less, as int() of a product of floats can give"


@dataclass(frozen=True)
class Conversion:
    """A state dict in the names of another code base.

    Attributes:
        state: the tensors, in the order of the target's state dict.
        source: the code base the checkpoint was from.
        target: the code base whose names `state` has.
        nesting: the key under which the target's checkpoints hold their state dict, if they do.
        notes: what was done besides renaming, each in one line.
        skipped: the keys of the checkpoint that were left behind for a new head.
    """

    state: State
    source: str
    target: str
    nesting: str | None
    notes: tuple[str, ...]
    skipped: tuple[str, ...]


def convert(
    state: Mapping[str, Tensor],
    source: str,
    target: str,
    rules: Rules,
    resolved: Resolved,
    *,
    num_classes: int | None = None,
    names: Collection[str] = (),
    label: str = "checkpoint",
) -> Conversion:
    """Rename a checkpoint's tensors, without changing the function of the network in eval mode.

    Args:
        state: the tensors, by their names in `source`.
        source: the code base that named them, or ``auto``.
        target: the code base whose names they get.
        rules: of the spec, see ``keys.load``.
        resolved: the network they belong to.
        num_classes: leave the checkpoint's classifier behind for a new one, initialised as the
            emitted module does (from a fixed seed).
        names: what the checkpoint's file and its own text call its network.
        label: what messages call the checkpoint.

    Raises:
        SpecError: an unknown code base; a network that the rules refuse by name; every key that is
            missing, unexpected or of another shape; a norm whose eps is another in the target.
    """
    if source == AUTO:
        source = rules.detect(state, label)
    refusal = rules.find(source).refusal(names)
    if refusal:
        raise SpecError.at(label, refusal)
    start = given(state, source, rules, resolved)
    wanted = side(rules, target, resolved, rules.find(target).options, num_classes)
    head = [] if num_classes is None else [key for key in start.names if start.is_head(key)]
    problems = list(_mismatches(state, start, frozenset(head), label))
    if problems:
        summary = f"does not fit {resolved.network.identity.name} as {source} names it: {_tally(problems)}"
        summary += _variant(state, source, rules, resolved) or _elsewhere(state, start, label)
        raise SpecError([Problem(label, 0, 0, "", summary), *problems])
    _same_eps(start, wanted, resolved, rules, (source, target), label)
    ours = {
        name: state[key].reshape(start.network.shapes[name])
        for key, name in start.names.items()
        if key not in head
    }
    notes = [*start.notes, *dialects.translated(ours, start.network, wanted.network, rules)]
    if num_classes is not None:
        ours |= wanted.network.head(dialects.dtype(ours))
        notes.append(_new_head(wanted.network.classifier, num_classes))
    converted = {key: ours[name].reshape(wanted.shape(key)) for key, name in wanted.names.items()}
    skipped = tuple(key for key in head if key in state)
    return Conversion(converted, source, target, rules.find(target).nesting, tuple(notes), skipped)


def _variant(state: Mapping[str, Tensor], source: str, rules: Rules, resolved: Resolved) -> str:
    """The choice of an option with which a checkpoint of that code base would fit, and why."""
    for name, choices in rules.find(source).variants.items():
        for value, reason in choices.items():
            chosen = resolved.architecture.choose(**{name: value}).at(resolved.setting)
            start = given(state, source, rules, chosen)
            if not any(_mismatches(state, start, frozenset(filter(start.is_head, start.names)), "")):
                return f"; as {source} builds it, {reason}: --set {name}={value} takes it"
    return ""


def _elsewhere(state: Mapping[str, Tensor], start: Side, label: str) -> str:
    """The network whose tensors these are, where their names and shapes tell."""
    try:
        network = identify({key: tuple(tensor.shape) for key, tensor in state.items()}, label)
    except SpecError:
        return ""
    same = state.keys() == start.names.keys()
    short = same and all(_one_short(tensor, start.shape(key)) for key, tensor in state.items())
    why = f" ({_SHORT})" if short else ""
    return f"; its tensors are those of x3dspec resolve {shlex.join(network.arguments)}{why}"


def _one_short(tensor: Tensor, shape: torch.Size) -> bool:
    """Whether a tensor has the shape, or is one channel narrower."""
    pairs = zip(tensor.shape, shape, strict=False)
    return tensor.ndim == len(shape) and all(theirs in (ours, ours - 1) for theirs, ours in pairs)


def _same_eps(
    start: Side, wanted: Side, resolved: Resolved, rules: Rules, between: tuple[str, str], label: str
) -> None:
    """A checkpoint does not say its eps: what was trained with one is another function at another."""
    difference = dialects.other_eps(start.network, wanted.network)
    if not difference:
        return
    source, target = between
    message = f"is of another network, though no tensor tells: {difference} ({source} to {target})"
    foreign, other = (target, wanted) if source == OWN else (source, start)
    choice = dialects.choice_of_eps(resolved, rules.find(foreign).options, other.network)
    raise SpecError.at(label, f"{message}; {choice} gives {foreign}'s" if choice else message)


def _mismatches(
    state: Mapping[str, Tensor], side: Side, ignored: frozenset[str], label: str
) -> Iterator[Problem]:
    for key in side.names:
        if key in ignored:
            continue
        if key not in state:
            yield Problem(label, 0, 0, key, "missing")
        elif state[key].shape != side.shape(key):
            message = f"of another shape: {_spelled(state[key].shape)}, not {_spelled(side.shape(key))}"
            yield Problem(label, 0, 0, key, message + _advice(state[key], side, key))
    for key in state:
        if key not in side.names:
            yield Problem(label, 0, 0, spelled_key(key), f"unexpected: {_spelled(state[key].shape)}")


def _advice(tensor: Tensor, side: Side, key: str) -> str:
    if not side.is_head(key) or not tensor.ndim:
        return ""
    return f"; --set classes={tensor.shape[0]} keeps this head, --num-classes makes a new one"


def _tally(problems: list[Problem]) -> str:
    kinds = dict.fromkeys(("missing", "unexpected", "of another shape"), 0)
    for problem in problems:
        kinds[problem.message.partition(":")[0]] += 1
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)


def _spelled(shape: torch.Size) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _new_head(classifier: str, classes: int) -> str:
    return f"{classifier}: a new head of {classes} classes, initialised as the emitted module does"
