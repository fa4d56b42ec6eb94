"""An expansion for people: where it arrived, a line a step, and every candidate where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from x3dspec.cli import output, style
from x3dspec.cli.budget_page import solved
from x3dspec.language import numbers
from x3dspec.scaling.expand import Expansion, Option, Round
from x3dspec.scaling.trajectory import Step

#: Judges whose scores are turns: their numbers say nothing.
TURNS = ("published", "round-robin")


def page(found: Expansion, judge: str, candidates: bool) -> list[str]:
    """The answer first; the tables of all steps after it, with `candidates`."""
    lines = [*map(style.bold, style.wrapped(_title(found, judge))), "", *_steps(found, judge), ""]
    lines += _arrival(found)
    if candidates:
        lines += [line for index, each in enumerate(found.rounds, 1) for line in _round(index, each)]
    elif found.rounds:
        lines.append(style.dim("-v shows every candidate of each step"))
    return lines


def _title(found: Expansion, judge: str) -> str:
    path = found.trajectory
    counts = path.steps[-1].counts if path.steps else path.counts
    steps = "1 step" if len(path.steps) == 1 else f"{len(path.steps)} steps"
    cost = f"{output.short(counts.macs)} MACs, {output.short(counts.params)} params"
    return f"{found.architecture.name} in {steps}, judge {judge}: {cost}"


def _steps(found: Expansion, judge: str) -> list[str]:
    path = found.trajectory
    macs = [path.counts.macs, *(step.counts.macs for step in path.steps)]
    params = [path.counts.params, *(step.counts.params for step in path.steps)]
    columns = [
        style.Column("", [str(index) for index in range(len(macs))], right=True),
        style.Column("axis", ["start", *(step.axis for step in path.steps)]),
        style.Column("factor", ["", *_moves(found)]),
        style.Column("MACs", [f"{count:,}" for count in macs], right=True),
        style.Column("", style.bars([count / max(macs) for count in macs]), drop=3),
        style.Column("params", [f"{count:,}" for count in params], right=True, drop=2),
    ]
    if judge not in TURNS:
        columns.append(style.Column("score", ["", *_scores(found)], right=True))
    columns.append(style.Column("", ["", *_remarks(found)], drop=1))
    return style.table(columns)


def _moves(found: Expansion) -> Iterator[str]:
    """What each step did to the factor that drives it."""
    arrow = "→" if style.is_terminal() and style.has_unicode() else "to"
    values = dict(found.architecture.at(found.trajectory.start).factors)
    for step in found.trajectory.steps:
        before, after = values[step.factor], step.setting[step.factor]
        yield f"{style.symbol(step.factor)} {output.brief(before)} {arrow} {output.brief(after)}"
        values |= step.setting


def _scores(found: Expansion) -> Iterator[str]:
    for _, each in zip(found.trajectory.steps, found.rounds, strict=False):
        yield next(_score(option) for option in each.options if option.option is each.kept)


def _remarks(found: Expansion) -> Iterator[str]:
    for step, each in zip(found.trajectory.steps, found.rounds, strict=False):
        tied = each.why if each.why != "the highest score" else ""
        yield "cut to fit" if step.kind == "contraction" else tied


def _arrival(found: Expansion) -> list[str]:
    """The network in exact figures, and why there are no more steps."""
    path = found.trajectory
    counts = path.steps[-1].counts if path.steps else path.counts
    cost = f"{counts.macs:,} MACs, {counts.params:,} params, {counts.activations:,} activations"
    factors = ", ".join(f"{name} = {numbers.text(value)}" for name, value in path.state.setting.items())
    network = found.resolved().network
    frames = "" if network.frames is None else f"{network.frames} x "
    clip = f"{frames}{network.size} x {network.size}"
    lines = [factors or "no factor was moved", f"{clip}: {cost}", *([path.ended] if path.ended else [])]
    return [line for each in lines for line in style.wrapped(each)]


def _round(index: int, each: Round) -> list[str]:
    """All candidates of a step."""
    past = ", past the target" if each.overshoots else ""
    title = f"step {index}, kept {each.kept.axis}: {each.why}{past}"
    rows = [_option(option, each.kept) for option in each.options]
    kept, axis, factor, raw, snapped, macs, params, score, exact = map(list, zip(*rows, strict=True))
    table = [
        style.Column("", kept),
        style.Column("axis", axis),
        style.Column("factor", factor),
        style.Column("raw", raw, right=True, drop=2),
        style.Column("snapped", snapped, right=True),
        style.Column("MACs", macs, right=True),
        style.Column("params", params, right=True, drop=1),
        style.Column("score", score, right=True),
        style.Column("solved", exact, drop=3),
    ]
    return ["", *map(style.bold, style.wrapped(title)), *style.table(table)]


def _option(each: Option, kept: Step) -> list[str]:
    step = each.option
    if not isinstance(step, Step):
        return ["", step.axis, "-", "", "", "", "", _note(step.reason), ""]
    figures = [f"{float(step.raw):.4g}", f"{float(step.snapped):.4g}"]
    figures += [f"{step.counts.macs:,}", f"{step.counts.params:,}"]
    mark = "*" if step is kept else ""
    return [mark, step.axis, style.symbol(step.factor), *figures, _score(each), solved(step)]


def _score(each: Option) -> str:
    value = each.score.value
    if value is None:
        return _note(each.score.note)
    return f"{int(value):,}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _note(text: str) -> str:
    return f"- ({text})"
