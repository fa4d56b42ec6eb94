"""``x3dspec search``: the best network under several limits, exactly."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, output
from x3dspec.language import numbers
from x3dspec.language.errors import BadArgument, SpecError, unknown
from x3dspec.network import preset
from x3dspec.network.evaluator import QUANTITIES, Counts, meter
from x3dspec.network.units import Target, parse_target
from x3dspec.scaling.judges import BUILT_IN, CLOSED_FORMS, WARNING, Judge, judge

if TYPE_CHECKING:
    from x3dspec.scaling.search.search import Found, Progress, Result

#: Seconds before progress is worth a line, and between two of them; and where nobody watches a line move.
QUIET, OFTEN, SELDOM = 2.0, 0.5, 10.0
MAX_TOP = 1000


class Limit(TypedDict):
    """A limit as typed and read."""

    text: str
    quantity: str
    value: int
    meaning: str


class Candidate(TypedDict):
    """A network within the limits; its score where a judge was asked."""

    factors: dict[str, int | float]
    factors_exact: dict[str, str]
    cost: Counts
    score: float | None


class Proof(TypedDict):
    """How much of the grid was covered. `complete` is false for a search that was interrupted.

    `bound` is the most there is of the objective, where that is a quantity and the search is complete.
    """

    complete: bool
    combinations: int
    networks: int
    covered: int
    counted: int
    within: int
    refused: int
    bound: int | None


#: A factor's values: how many there are, how many of them roundings tell apart, why these.
Values = TypedDict(
    "Values", {"factor": str, "from": str, "to": str, "values": int, "distinct": int, "why": str}
)


class Pareto(TypedDict):
    """The networks that no other beats with less of one quantity and more of the other."""

    least: str
    most: str
    front: list[Candidate]


class SearchAnswer(output.Answer):
    """The best networks within all limits, the best one first, and the proof."""

    limits: list[Limit]
    objective: str
    best: list[Candidate]
    proof: Proof
    ranges: list[Values]
    pareto: Pareto | None


def register(app: typer.Typer) -> None:
    app.command("search")(command)


def command(
    spec: str = typer.Argument("specs/x2d.yaml", help="The spec whose grid is searched."),
    limits: list[str] = typer.Option(..., "--max", metavar="FIGURE", help="4.73GFLOPs, '4M params', ..."),
    fix: list[str] = typer.Option([], "--fix", metavar="FACTOR=VALUE", help="Keep a factor at a value."),
    grid: list[str] = typer.Option(
        [], "--grid", metavar="FACTOR=FROM:TO[:STEP]", help="The values of a factor, instead of all that fit."
    ),
    objective: str = typer.Option("macs", help="macs, params, activations, or a judge."),
    pareto: str = typer.Option(None, metavar="X,Y", help="Also the networks with least X and most Y."),
    top: int = typer.Option(1, min=1, max=MAX_TOP, help="How many networks."),
    options: list[str] = typer.Option([], "--set", metavar="NAME=VALUE", help="Choose an option."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="Write the best as a spec again."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Find the largest network within several limits.

    It makes most of them over every combination of factor values.

    The answer is proved: every network of the grid is counted, or ruled out by a bound. Without
    --grid a factor goes from the spec's own value as far as the limits reach.

    x3dspec search x2d --max 4.73GFLOPs --max '4M params' --max '60M activations' --fix gamma_b=2.25
    """
    from x3dspec.scaling.search.ranges import parse_fix, parse_grid
    from x3dspec.scaling.search.search import judged, search

    targets = [parse_target(each, "limits") for each in limits]
    chosen = _judge(objective)
    axes = _pareto(pareto)
    architecture = arguments.opened(spec, options)
    output.claim_spec(architecture, ("-o", out), force=force)
    gauge = meter(architecture)
    found = search(
        architecture,
        targets,
        parse_fix(gauge, fix),
        parse_grid(gauge, grid),
        "macs" if chosen else objective,
        top,
        axes,
        _progress(),
    )
    if chosen and found.complete:
        found = judged(found, chosen, objective, top)
    if out is not None and found.best:
        output.write({out: preset.text(found.resolved(), out)})
    if objective in CLOSED_FORMS and objective in BUILT_IN and objective not in QUANTITIES:
        print(f"warning: {WARNING}", file=sys.stderr)
    typer.echo(output.document(_content(found)) if as_json else "\n".join(_page(found)))
    if not found.complete:
        raise KeyboardInterrupt


def _judge(objective: str) -> Judge | None:
    """The judge that an objective names, where it is no quantity."""
    if objective in QUANTITIES:
        return None
    if objective == "command":
        raise BadArgument("objective", "a command scores the steps of an expansion: x3dspec expand")
    try:
        return judge(objective)
    except BadArgument as error:
        raise BadArgument("objective", error.message) from None


def _pareto(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or names[0] == names[1]:
        raise SpecError.at("--pareto", f"{text!r} is not two different quantities, such as params,macs")
    for name in names:
        if name not in QUANTITIES:
            raise SpecError.at("--pareto", unknown("quantity", name, QUANTITIES, "the quantities are"))
    return names[0], names[1]


def _progress() -> Progress:
    """One line that is written over on a terminal; elsewhere a line of its own now and then."""
    terminal = sys.stderr.isatty()
    began = time.monotonic()
    last = began + QUIET - OFTEN if terminal else began

    def told(covered: int, total: int, fit: int) -> None:
        nonlocal last
        now = time.monotonic()
        done = terminal and covered == total and last > began + QUIET
        if done or now - last >= (OFTEN if terminal else SELDOM):
            last = now
            end = "\r" if terminal and not done else "\n"
            print(f"{covered / total:6.1%} of {total:,} networks, {fit:,} within the limits", end=end,
                  file=sys.stderr, flush=True)  # fmt: skip

    return told


def _content(found: Result) -> SearchAnswer:
    return {
        "x3dspec": output.head("search"),
        "limits": [_limit(each) for each in found.limits],
        "objective": found.objective,
        "best": [_network(each) for each in found.best],
        "proof": {
            "complete": found.complete,
            "combinations": found.raw,
            "networks": found.total,
            "covered": found.covered,
            "counted": found.counted,
            "within": found.fit,
            "refused": found.refused,
            "bound": None if found.objective not in QUANTITIES else _bound(found),
        },
        "ranges": [
            {
                "factor": each.factor,
                "from": numbers.text(each.values[0]),
                "to": numbers.text(each.values[-1]),
                "values": len(each.values),
                "distinct": found.distinct[each.factor],
                "why": each.chosen,
            }
            for each in found.ranges
        ],
        "pareto": None
        if found.pareto is None
        else {"least": found.pareto[0], "most": found.pareto[1], "front": [_network(e) for e in found.front]},
    }


def _bound(found: Result) -> int | None:
    return found.best[0].counts.of(found.objective) if found.best and found.complete else None


def _limit(each: Target) -> Limit:
    return {"text": each.text, "quantity": each.quantity, "value": each.value, "meaning": each.meaning}


def _network(each: Found) -> Candidate:
    return {
        "factors": {name: output.number(value) for name, value in each.setting.items()},
        "factors_exact": {name: numbers.text(value) for name, value in each.setting.items()},
        "cost": each.counts,
        "score": each.score,
    }


def _page(found: Result) -> list[str]:
    lines = [f"limit      {each.value:,} {each.quantity}: {each.meaning}" for each in found.limits]
    lines += [f"objective  the most {found.objective}", "", *_table(found.best), ""]
    if found.pareto is not None:
        least, most = found.pareto
        lines += [f"{len(found.front)} networks with the least {least} for their {most}", ""]
        lines += [*_table(found.front), ""]
    return [*lines, *_ranges(found), "", *_proof(found)]


def _table(networks: tuple[Found, ...]) -> list[str]:
    if not networks:
        return ["no network yet"]
    scored = networks[0].score is not None
    head = ["#", *networks[0].setting, "MACs", "params", "activations", *(["score"] if scored else [])]
    cells = [head]
    for index, each in enumerate(networks, 1):
        figures = [f"{value:,}" for value in (each.counts.macs, each.counts.params, each.counts.activations)]
        score = [f"{each.score:.6g}"] if each.score is not None else []
        cells.append([str(index), *map(numbers.text, each.setting.values()), *figures, *score])
    return output.aligned(cells, right=range(len(head)))


def _ranges(found: Result) -> list[str]:
    cells = [["factor", "from", "to", "values", "distinct", ""]]
    for each in found.ranges:
        ends = [numbers.text(each.values[0]), numbers.text(each.values[-1])]
        cells.append(
            [each.factor, *ends, f"{len(each.values):,}", f"{found.distinct[each.factor]:,}", each.chosen]
        )
    return output.aligned(cells, right=(1, 2, 3, 4))


def _proof(found: Result) -> list[str]:
    lines = [
        f"{found.raw:,} combinations are {found.total:,} networks: {found.covered:,} covered, "
        f"{found.counted:,} of them counted one by one, the others by the bounds of their block",
        f"{found.fit:,} are within the limits",
    ]
    if found.refused:
        lines.append(f"{found.refused:,} of those were better and cannot be built")
    if not found.complete:
        return [*lines, "interrupted: this is the best so far, and not proved"]
    bound = _bound(found) if found.objective in QUANTITIES else None
    proved = "" if bound is None else f", so that {bound:,} is the most there is"
    return [*lines, f"proved: every network of the grid was covered{proved}"]
