"""A block's uses in one network, and the class that a person would have written for them, as data.

:func:`x3dspec.codegen.unify.unify` makes the one of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from x3dspec.network import layers as net

Body = tuple[net.Layer[int], ...]


@dataclass(frozen=True)
class Instance:
    """One use of a block: its layers, and the values of the block's arguments there."""

    body: Body
    arguments: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Parameter:
    """A constructor's parameter. Those without a default are positional, the rest keyword-only."""

    name: str
    type: str
    default: str | None


@dataclass(frozen=True)
class Module:
    """A layer as the class has it.

    Attributes:
        name: the attribute.
        kind: the macro that writes it.
        arguments: of its constructor, by name: literals and parameters.
        condition: the expression for its being there; None where it always is.
        zero_init: whether its weight starts at 0.
        otherwise: the arguments of the layer of the same kind that is there instead, if one is.
    """

    name: str
    kind: str
    arguments: dict[str, str]
    condition: str | None
    zero_init: bool = False
    otherwise: dict[str, str] | None = None


@dataclass(frozen=True)
class Step:
    """A layer as forward meets it.

    Attributes:
        name: the attribute that it is.
        kind: its macro, or ``residual``, or ``function`` where it is a module.
        function: which function or pooling it is.
        owns_input: no other layer reads the tensor that it gets, so that it may be overwritten in place.
        branch, shortcut: the paths of a residual.
        condition: the attribute that says whether a sum takes place; None where it always does.
        owns_branch: as `owns_input`, of what a residual's branch gives.
    """

    name: str
    kind: str
    function: str
    owns_input: bool
    branch: tuple[Step, ...] = ()
    shortcut: tuple[Step, ...] = ()
    condition: str | None = None
    owns_branch: bool = False


@dataclass(frozen=True)
class Class:
    """A block's class: constructor parameters, modules in order, the steps of forward, and the call
    that builds each of the instances."""

    parameters: tuple[Parameter, ...]
    modules: tuple[Module, ...]
    steps: tuple[Step, ...]
    calls: tuple[tuple[str, ...], ...]


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps, those inside residuals included."""
    for step in steps:
        yield step
        yield from every_step((*step.branch, *step.shortcut))
