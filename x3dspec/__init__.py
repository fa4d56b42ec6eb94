"""x3dspec: from a stage table in expansion factors to exact costs, budgets and PyTorch source.

    import x3dspec

    x3dspec.resolve("x3d_m", gamma_s="sqrt(2)")      one network of integers: its table, its cost
    x3dspec.formula("x3d_m", relaxed=True)           its cost in closed form
    x3dspec.budget("x2d", "4.7GFLOPs")               the network that a target buys
    x3dspec.solve("x3d_m", "gamma_s", "3GFLOPs")     what a factor must be for a figure
    x3dspec.emit("x3d_m")                            the text of a standalone PyTorch module

A `spec` is a file, the name of a shipped spec, or what :func:`load` gives. Factors are exact: give a
number, a Fraction, or text such as ``"11/5"``; a float means the decimal that it prints as.
"""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from x3dspec.formula import of as formula
    from x3dspec.language.errors import BadArgument, Infeasible, Problem, SpecError
    from x3dspec.network.architecture import Architecture, Resolved, Value, load
    from x3dspec.network.cost import Cost
    from x3dspec.pytorch.checks import Report
    from x3dspec.scaling.budget import Budget
    from x3dspec.scaling.expand import Expansion
    from x3dspec.scaling.search.result import Result
    from x3dspec.scaling.unknowns import Solved

__version__ = "0.1.0"

_HOMES = {
    "network.architecture": ("Architecture", "Resolved", "load"),
    "network.cost": ("Cost",),
    "language.errors": ("BadArgument", "Infeasible", "Problem", "SpecError"),
}
__all__ = [
    "Architecture",
    "BadArgument",
    "Cost",
    "Infeasible",
    "Problem",
    "Resolved",
    "SpecError",
    "budget",
    "cost",
    "emit",
    "expand",
    "formula",
    "load",
    "resolve",
    "search",
    "solve",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Late imports: ``import x3dspec`` alone stays cheap."""
    if name == "formula":  # the package, which can be called
        return import_module("x3dspec.formula")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"x3dspec.{home}"), name)
    raise AttributeError(f"module 'x3dspec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def resolve(spec: str | PathLike[str] | Architecture, /, **factors: Value) -> Resolved:
    """One network of integers, at these factor values; the others keep what the spec gives them.

    Raises:
        SpecError: a wrong spec, an unknown factor or one out of its domain, a network that cannot be built.
    """
    return _architecture(spec).resolve(**factors)


def cost(
    spec: str | PathLike[str] | Architecture, /, convention: str = "paper", **factors: Value
) -> Cost[int]:
    """What one clip through the network costs: MACs, parameters, activations, weights, bytes, operations.

    Raises:
        SpecError: as :func:`resolve`, or an unknown convention.
    """
    return resolve(spec, **factors).cost(convention)


def budget(
    spec: str | PathLike[str] | Architecture,
    target: str,
    *,
    order: str = "solved",
    tolerance: str = "0%",
    fill: bool = False,
    fix: Mapping[str, Value | None] | None = None,
) -> Budget:
    """The network that a target buys: expand until it is passed, contract the last step to fit.

    Args:
        spec: what to expand.
        target: a figure with its unit: ``"4.7GFLOPs"``, ``"4M params"``, ``"60M activations"``.
        order: ``solved`` doubles the cost at each step; ``published`` replays the recorded values.
        tolerance: the share of the target by which the result may exceed it: ``"1%"`` or ``"0.01"``.
        fill: whether to spend what contraction leaves over on the other axes.
        fix: factors that keep a value, or with None the spec's; no axis that moves one is taken.

    Raises:
        Infeasible: the start costs more already.
        SpecError: a wrong spec, target or factor, or a spec that cannot be expanded.
    """
    from x3dspec.network.evaluator import Evaluator
    from x3dspec.network.units import parse_target, parse_tolerance
    from x3dspec.scaling.budget import budgeted
    from x3dspec.scaling.search.ranges import parse_kept

    architecture = _architecture(spec)
    words = [name if value is None else f"{name}={value}" for name, value in (fix or {}).items()]
    fixed = parse_kept(Evaluator.of(architecture), words)
    share = parse_tolerance(tolerance)
    return budgeted(architecture, parse_target(target), order, share, fill, fixed=fixed)


def expand(
    spec: str | PathLike[str] | Architecture,
    judge: Any = "published",
    *,
    steps: int | None = None,
    target: str | None = None,
    rule: str = "double-cost",
    axes: Sequence[str] | None = None,
) -> Expansion:
    """Expand step by step: try every axis from the same state, keep the one that scores highest.

    Args:
        spec: what to expand.
        judge: the name of a judge, or a function from a list of candidates to scores.
        steps: how many, at most; without a target by default as many as are published.
        target: contract the step that passes it, and end there.
        rule: how far a step goes.
        axes: those to try; all of them by default.

    Raises:
        Infeasible: the start is beyond the target already.
        SpecError: a wrong spec, an unknown judge, rule or axis.
    """
    from x3dspec.network.units import parse_target
    from x3dspec.scaling.expand import expand as expanded
    from x3dspec.scaling.expand import published_steps
    from x3dspec.scaling.judges import judge as named

    architecture = _architecture(spec)
    limit = None if target is None else parse_target(target)
    count = published_steps(architecture) if steps is None and limit is None else steps
    chooser = named(judge) if isinstance(judge, str) else judge
    return expanded(architecture, chooser, count, limit, rule, axes)


def search(
    spec: str | PathLike[str] | Architecture,
    limits: Sequence[str],
    *,
    fix: Mapping[str, Value] | None = None,
    grid: Mapping[str, str] | None = None,
    objective: str = "macs",
    top: int = 1,
) -> Result:
    """The largest networks within all limits, over every combination of factor values, and the proof.

    Args:
        spec: what spans the grid.
        limits: figures with their units: ``["4.73GFLOPs", "4M params"]``.
        fix: factors that keep a value.
        grid: the values of a factor as ``"from:to"`` or ``"from:to:step"``; by default all that fit.
        objective: what is to be large: ``macs``, ``params`` or ``activations``.
        top: how many networks.

    Raises:
        Infeasible: no network is within the limits; it says which limit binds.
        SpecError: a wrong spec, limit or factor; a factor without bounds; too large a grid.
    """
    from x3dspec.network.evaluator import Evaluator
    from x3dspec.network.units import parse_target
    from x3dspec.scaling.search.ranges import parse_fix, parse_grid
    from x3dspec.scaling.search.search import search as best

    architecture = _architecture(spec)
    evaluator = Evaluator.of(architecture)
    fixed = parse_fix(evaluator, [f"{name}={value}" for name, value in (fix or {}).items()])
    grids = parse_grid(evaluator, [f"{name}={values}" for name, values in (grid or {}).items()])
    return best(architecture, [parse_target(each, "limits") for each in limits], fixed, grids, objective, top)


def solve(
    spec: str | PathLike[str] | Architecture,
    unknowns: str | Sequence[str],
    targets: str | Sequence[str],
    /,
    *,
    symbolic: bool = False,
    **factors: Value,
) -> Solved:
    """What factors must be for exact figures: in closed form, and the networks on the grid beside them.

    Args:
        spec: what is solved for.
        unknowns: a factor or an axis, or several factors: ``["gamma_w", "gamma_d"]``.
        targets: as many figures with their units: ``["4.73GFLOPs", "4M params"]``.
        symbolic: whether the closed form keeps the other factors.
        factors: values of the others; they keep what the spec gives them.

    Raises:
        Infeasible: there is no solution, it is negative, or one unknown has several.
        SpecError: a wrong spec, factor or target; not as many targets as unknowns.
    """
    from x3dspec.network.units import parse_target
    from x3dspec.scaling.unknowns import solve as solved

    architecture = _architecture(spec)
    names = [unknowns] if isinstance(unknowns, str) else unknowns
    figures = [targets] if isinstance(targets, str) else targets
    wanted = [parse_target(each, "targets") for each in figures]
    return solved(architecture, names, wanted, architecture.exactly(factors), symbolic)


def emit(
    spec: str | PathLike[str] | Architecture | Resolved, *, name: str | None = None, form: str = "train"
) -> str:
    """The text of a standalone PyTorch module that builds the network. Needs no torch.

    Args:
        spec: what to emit; of a resolved network, that one.
        name: of the module's file and its factory; by default the spec's.
        form: ``train``, or ``deploy`` with its norms folded, for inference alone.

    Raises:
        SpecError: a wrong spec, an unknown form, a name that no module can have, a network without logits.
    """
    from x3dspec.codegen.module import FORMS, source
    from x3dspec.language.errors import BadArgument, unknown
    from x3dspec.language.identifiers import is_identifier
    from x3dspec.network.architecture import Resolved

    if form not in FORMS:
        raise BadArgument("form", unknown("form", form, FORMS, "the forms are"))
    if name is not None and not is_identifier(name):
        raise BadArgument("name", f"{name!r} cannot name a module")
    resolved = spec if isinstance(spec, Resolved) else _architecture(spec).resolve()
    return source(resolved, name, form)


def verify(path: str | PathLike[str], spec: str | None = None) -> Report:
    """Check an emitted file against its spec, by running it in a process of its own. Needs torch.

    Args:
        path: the file.
        spec: its spec; by default the one that its header names.

    Raises:
        SpecError: no such file, not an emitted file, a spec that is missing or wrong, or no torch.
    """
    from x3dspec.pytorch.verify import verify as verified

    return verified(path, spec)


def _architecture(spec: str | PathLike[str] | Architecture) -> Architecture:
    from x3dspec.network.architecture import Architecture, load

    return spec if isinstance(spec, Architecture) else load(str(spec))
