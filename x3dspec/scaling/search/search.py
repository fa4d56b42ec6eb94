"""The best network under several limits at once, exactly: a lattice is walked, none of it is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from x3dspec.language.errors import BadArgument, Infeasible, SpecError, unknown
from x3dspec.language.numbers import Exact
from x3dspec.network.architecture import Architecture
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.quantities import LIMITED, Counts
from x3dspec.network.units import Target, figure
from x3dspec.scaling.judges import Candidate, Judge
from x3dspec.scaling.search.collectors import Best, Front
from x3dspec.scaling.search.lattice import Lattice
from x3dspec.scaling.search.ranges import ranges
from x3dspec.scaling.search.result import Far, Progress, Proof, Result
from x3dspec.scaling.search.walk import Walk

#: Networks that can be scored one by one.
MAX_SCORED = 20_000
#: Networks of a lattice. Bounds decide most of them in blocks, some 1e10 a second: so many take a day.
MAX_NETWORKS = 10**15


def search(
    architecture: Architecture,
    limits: Sequence[Target],
    fixed: Mapping[str, tuple[Exact, ...]] | None = None,
    grids: Mapping[str, tuple[Exact, ...]] | None = None,
    objective: str = "macs",
    top: int = 1,
    pareto: tuple[str, str] | None = None,
    progress: Progress = lambda _: None,
) -> Result:
    """The networks with the largest `objective` (macs, params or activations) within all limits.

    Of several with the same figure the one with more MACs, parameters and activations comes first,
    then the one with the smaller factors, in the order that the spec declares them.

    Args:
        fixed: factors with one value, and `grids` with several; see :func:`ranges` for the others.
        top: how many networks to find.
        pareto: two quantities: also find the networks that no other beats with less of the first and
            more of the second.
        progress: is told how far it is.

    Raises:
        Infeasible: no network is within the limits; it says which limit binds.
        SpecError: a factor without bounds, or a lattice that cannot be held.
    """
    for quantity in (objective, *(pareto or ())):
        if quantity not in LIMITED:
            raise BadArgument("objective", unknown("quantity", quantity, LIMITED, "the quantities are"))
    asked = (each.quantity for each in limits)
    evaluator = Evaluator.of(architecture, *asked, objective, *(pareto or ()))
    chosen = ranges(evaluator, limits, fixed or {}, grids or {})
    lattice = Lattice(evaluator, chosen, _tightest(limits), lambda names, n, of: progress(Far(names, n, of)))
    if lattice.size > MAX_NETWORKS:
        message = f"{lattice.size:.1e} networks, more than 1e15: --fix factors, or give a coarser --grid"
        raise SpecError.at(architecture.source.display, message)
    best = Best(lattice, objective, top)
    front = Front(lattice, *pareto) if pareto else None
    walk = Walk(lattice, _tightest(limits), [best, *([front] if front else [])])
    walk.run(lambda done, total, fit: progress(Far((), done, total, fit, best.figure)))
    networks = tuple(best.networks())
    if walk.complete and not networks:
        raise Infeasible(binding(lattice, limits))
    return Result(
        architecture,
        tuple(limits),
        objective,
        tuple(chosen),
        {name: len(values) for name, values in lattice.distinct.items()},
        _proof(lattice, walk, best.refused, networks[0].counts[objective] if networks else None),
        networks,
        pareto,
        tuple(front.networks()) if front else (),
    )


def _proof(lattice: Lattice, walk: Walk, refused: int, bound: int | None) -> Proof:
    complete = walk.covered == lattice.size
    return Proof(
        complete,
        combinations=lattice.raw,
        networks=lattice.size,
        covered=walk.covered,
        counted=walk.counted,
        within=walk.fit,
        refused=refused,
        bound=bound if complete else None,
    )


def judged(result: Result, judge: Judge, name: str, top: int) -> Result:
    """The same search with the networks within the limits ranked by a judge, which scores every one.

    Raises:
        Infeasible: they are too many to be scored one by one, or none of them has a score.
    """
    if result.proof.within > MAX_SCORED:
        raise Infeasible(
            f"{result.proof.within:,} networks are within the limits, and {name} scores them one by one: "
            f"at most {MAX_SCORED:,}. --fix factors, or give a coarser --grid"
        )
    asked = (each.quantity for each in result.limits)
    lattice = Lattice(Evaluator.of(result.architecture, *asked), result.ranges, _tightest(result.limits))
    every = Best(lattice, "macs", MAX_SCORED)
    Walk(lattice, _tightest(result.limits), [every]).run(lambda *_: None)
    networks = list(every.networks())
    candidates = [Candidate(result.architecture, "", each.setting) for each in networks]
    scores = dict(judge(candidates))
    ranked = sorted(
        (index for index, score in scores.items() if score.value is not None),
        key=lambda index: (-(scores[index].value or 0.0), index),
    )
    if not ranked:
        raise Infeasible(f"{name} gives none of the {len(networks):,} networks a score: {scores[0].note}")
    best = tuple(replace(networks[index], score=scores[index].value) for index in ranked[:top])
    return replace(result, objective=name, best=best, proof=replace(result.proof, bound=None))


def _tightest(limits: Sequence[Target]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in limits:
        found[each.quantity] = min(each.value, found.get(each.quantity, each.value))
    return found


def binding(lattice: Lattice, limits: Sequence[Target]) -> str:
    """Which limit nothing on the lattice is within, and the nearest figure that there is."""
    alone, joint = [], []
    for each in limits:
        least = _least(lattice, each.quantity, [])
        if least is not None and least[each.quantity] > each.value:
            alone.append(_beyond(each, least, ""))
    for each in limits if not alone else ():
        others = [other for other in limits if other.quantity != each.quantity]
        least = _least(lattice, each.quantity, others)
        if least is not None:
            listed = " and ".join(other.text for other in others)
            joint.append(_beyond(each, least, f" within {listed}" if listed else ""))
    found = alone or joint or ["no network on this grid can be built"]
    return "no network is within the limits: " + "; ".join(found)


def _beyond(limit: Target, least: Counts, others: str) -> str:
    count = least[limit.quantity]
    return f"{limit.text} binds, the least{others} is {figure(limit.quantity, count)} ({count:,})"


def _least(lattice: Lattice, quantity: str, limits: Sequence[Target]) -> Counts | None:
    least = Best(lattice, quantity, 1, sign=-1)
    walk = Walk(lattice, {each.quantity: each.value for each in limits}, [least])
    walk.run(lambda *_: None)
    return next((each.counts for each in least.networks()), None)
