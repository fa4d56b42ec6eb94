"""``x3dspec search``: the best network under several limits, exactly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from typing_extensions import TypedDict

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli import plot as picture
from x3dspec.cli.progress import Progress, duration
from x3dspec.language import numbers
from x3dspec.language.errors import BadArgument, SpecError, unknown
from x3dspec.network import preset
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.quantities import LIMITED, QUANTITIES, Counts
from x3dspec.network.units import Target, figure, in_form, parse_target, short
from x3dspec.scaling.judges import CLOSED_FORMS, WARNING, Judge, judge
from x3dspec.scaling.search.result import Far, Found, Proof, Result

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
    spec: str = typer.Argument(
        "specs/x2d.yaml", help="The spec whose grid is searched.", autocompletion=completion.specs
    ),
    limits: list[str] = typer.Option(..., "--max", metavar="FIGURE", help="4.73GFLOPs, '4M params', ..."),
    fix: list[str] = typer.Option(
        [],
        "--fix",
        metavar="FACTOR=VALUE",
        autocompletion=completion.factors,
        help="Keep a factor at a value.",
    ),
    grid: list[str] = typer.Option(
        [],
        "--grid",
        metavar="FACTOR=FROM:TO[:STEP]",
        autocompletion=completion.factors,
        help="The values of a factor, instead of all that fit.",
    ),
    objective: str = typer.Option(
        "macs",
        autocompletion=completion.objectives,
        help="What to have the most of: macs, params, activations, or a judge's score.",
    ),
    form: str = typer.Option("train", "--form", help="Whose MACs limits are: train, or stream, a step's."),
    pareto: str = typer.Option(None, metavar="X,Y", help="Also the networks with least X and most Y."),
    top: int = typer.Option(1, min=1, max=MAX_TOP, help="How many networks."),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    exact: bool = typer.Option(False, "--exact", help="Every value and count in full."),
    details: bool = typer.Option(False, "-v", "--ranges", help="Also which values each factor took."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="Write the best as a spec again."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw --pareto: .svg or .png."),
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

    targets = [in_form(parse_target(each, "limits"), form) for each in limits]
    chosen = _judge(objective)
    axes = _pareto(pareto)
    architecture = arguments.opened(spec, options)
    if plot is not None and axes is None:
        raise SpecError.at("--plot", "draws what --pareto finds")
    picture.expect(plot)
    output.claim_spec(architecture, ("-o", out), ("--plot", plot), force=force)
    evaluator = Evaluator.of(architecture)
    with Progress() as progress:
        found = search(
            architecture,
            targets,
            parse_fix(evaluator, fix),
            parse_grid(evaluator, grid),
            "macs" if chosen else objective,
            top,
            axes,
            _Telling(progress, "macs" if chosen else objective),
        )
        if chosen and found.proof.complete:
            found = judged(found, chosen, objective, top)
    if as_json:
        typer.echo(output.document(_content(found)))
    else:
        style.show(_page(found, exact, details))
    for warning in _warnings(found):
        style.warn(warning)
    files: dict[Path, str | bytes] = {}
    if out is not None and found.best:
        files[out] = preset.text(found.resolved(), out)
    if plot is not None and found.pareto and found.front:
        files[plot] = picture.drawn(plot, _plotted(found, *found.pareto))
    output.write(files)
    if not found.proof.complete:
        raise KeyboardInterrupt


def _plotted(found: Result, least: str, most: str) -> str:
    from x3dspec.report import figures

    limits = [each.text for each in found.limits]
    return figures.front([each.counts for each in found.front], least, most, limits)


def _warnings(found: Result) -> Iterator[str]:
    from x3dspec.scaling.search.lopsided import odd

    if found.objective in CLOSED_FORMS and found.objective not in QUANTITIES:
        yield WARNING
    factors = odd(found)
    free = [f"{each.factor} ({numbers.text(each.value)})" for each in factors if each.free]
    far = [_far(each.factor, each.value, each.most) for each in factors if not each.free]
    if free:
        yield f"what costs nothing stays where it is: {', '.join(free)}; --fix FACTOR=VALUE chooses it"
    if far:
        yield f"lopsided: {', '.join(far)}; --fix FACTOR=VALUE or --grid FACTOR=FROM:TO holds it"


def _far(factor: str, value: numbers.Exact, most: numbers.Exact | None) -> str:
    why = "the end of its range" if most is None else f"published networks have at most {output.brief(most)}"
    return f"{factor} = {output.brief(value)} ({why})"


def _judge(objective: str) -> Judge | None:
    """The judge that an objective names, where it is no quantity."""
    if objective in LIMITED:
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
        if name not in LIMITED:
            raise SpecError.at("--pareto", unknown("quantity", name, LIMITED, "the quantities are"))
    return names[0], names[1]


class _Telling:
    """How far a search is: what is prepared, then how many networks are done, how fast, and the best."""

    def __init__(self, progress: Progress, objective: str) -> None:
        self._progress, self._objective = progress, objective
        self._began: float | None = None

    def __call__(self, far: Far) -> None:
        now = time.monotonic()
        if self._began is None and not far.preparing:
            self._began = now
        if self._progress.due:
            self._progress.show(self._line(far, now - (self._began or now)))

    def _line(self, far: Far, seconds: float) -> str:
        share = f"{far.done / max(1, far.total):6.1%}"
        if far.preparing:
            return f"preparing {' x '.join(far.preparing)}: {share}"
        rate = far.done / seconds if seconds else 0
        left = duration((far.total - far.done) / rate) if rate else ""
        speed = f", {output.short(int(rate))}/s, {left} left" if rate else ""
        best = "none" if far.best is None else figure(self._objective, far.best)
        return f"{share} of {output.short(far.total)} networks{speed}, best {best}"


def _content(found: Result) -> SearchAnswer:
    return {
        "x3dspec": output.head("search"),
        "limits": [_limit(each) for each in found.limits],
        "objective": found.objective,
        "best": [_network(each) for each in found.best],
        "proof": found.proof,
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


def _limit(each: Target) -> Limit:
    return {"text": each.text, "quantity": each.quantity, "value": each.value, "meaning": each.meaning}


def _network(each: Found) -> Candidate:
    return {
        "factors": {name: output.number(value) for name, value in each.setting.items()},
        "factors_exact": {name: numbers.text(value) for name, value in each.setting.items()},
        "cost": each.counts,
        "score": each.score,
    }


def _title(objective: str) -> str:
    """A quantity as people write it; a judge by its name."""
    return QUANTITIES[objective].title if objective in QUANTITIES else objective


def _page(found: Result, exact: bool, details: bool) -> list[str]:
    limits = ", ".join(each.text for each in found.limits)
    title = style.wrapped(f"The most {_title(found.objective)} within {limits}")
    lines = [*map(style.bold, title), "", *_table(found, found.best, exact)]
    if found.pareto is not None:
        least, most = found.pareto
        lines += [
            "",
            f"{len(found.front)} networks with the least {_title(least)} for their {_title(most)}",
            "",
        ]
        lines += _table(found, found.front, exact)
    if details:
        lines += ["", *_ranges(found), ""]
        meanings = [f"{each.value:,} {_title(each.quantity)}: {each.meaning}" for each in found.limits]
        lines += [line for each in meanings for line in style.wrapped(each)]
    return [*lines, "", *_proof(found, details)]


def _table(found: Result, networks: tuple[Found, ...], exact: bool) -> list[str]:
    if not networks:
        return ["no network yet"]
    full = _cells(found, networks, numbers.text, lambda _, count: f"{count:,}")
    lines = style.table(full)
    if exact or max(map(style.length, lines)) <= style.width():
        return lines
    return style.table(_cells(found, networks, output.brief, short))


def _cells(
    found: Result,
    networks: tuple[Found, ...],
    value: Callable[[numbers.Exact], str],
    count: Callable[[str, int], str],
) -> list[style.Column]:
    """A column for each factor that was free to move, and for each figure."""
    columns = [style.Column("#", [str(index) for index, _ in enumerate(networks, 1)], right=True)]
    for each in found.ranges:
        if len(each.values) > 1 or each.chosen == "costs nothing":
            values = [value(network.setting[each.factor]) for network in networks]
            columns.append(style.Column(style.symbol(each.factor), values, right=True))
    for quantity in networks[0].counts:
        counts = [count(quantity, network.counts[quantity]) for network in networks]
        columns.append(style.Column(_title(quantity), counts, right=True))
    if networks[0].score is not None:
        scores = [f"{network.score:.6g}" for network in networks]
        columns.append(style.Column("score", scores, right=True))
    return columns


def _ranges(found: Result) -> list[str]:
    ends = [(output.brief(each.values[0]), output.brief(each.values[-1])) for each in found.ranges]
    return style.table(
        [
            style.Column("factor", [each.factor for each in found.ranges]),
            style.Column("from", [first for first, _ in ends], right=True),
            style.Column("to", [last for _, last in ends], right=True),
            style.Column("values", [f"{len(each.values):,}" for each in found.ranges], right=True),
            style.Column("distinct", [f"{found.distinct[e.factor]:,}" for e in found.ranges], right=True),
            style.Column("", [each.chosen for each in found.ranges]),
        ]
    )


def _proof(found: Result, details: bool) -> list[str]:
    within = f"{found.proof.within:,} of {found.proof.networks:,} different networks are within the limits"
    lines = style.wrapped(f"{within}, of {found.proof.combinations:,} combinations of values")
    if details:
        counted = f"{found.proof.counted:,} of them one by one, the others by bounds"
        lines += style.wrapped(f"{found.proof.covered:,} covered, {counted}")
    if found.proof.refused:
        lines += style.wrapped(f"{found.proof.refused:,} of those were better and cannot be built")
    if not found.proof.complete:
        share = f"{found.proof.covered / found.proof.networks:.1%} of them"
        return [*lines, style.yellow(f"interrupted after {share}: the best so far, and not proved")]
    bound = found.proof.bound
    proved = "" if bound is None else f": {bound:,} is the most there is"
    return [*lines, style.green(f"proved{proved}")]
