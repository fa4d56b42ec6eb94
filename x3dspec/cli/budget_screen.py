"""What ``x3dspec budget`` shows on a terminal: the answer first, on one screen. A pipe gets it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from x3dspec.cli import style
from x3dspec.language import numbers
from x3dspec.network import units
from x3dspec.network.breakdown import short
from x3dspec.network.quantities import QUANTITIES, Counts
from x3dspec.network.units import figure
from x3dspec.scaling.budget import Budget, Next
from x3dspec.scaling.trajectory import Step

_NOTES = {"contraction": "cut to fit", "fill": "fill"}


def screen(found: Budget, command: str) -> list[str]:
    """The answer, the steps with a bar each, the network in a line, the next grid step, what to type next."""
    return [
        _answer(found),
        "",
        *_steps(found),
        "",
        *style.wrapped(_network(found)),
        *([] if not found.fixed else style.wrapped(_fixed(found))),
        *style.wrapped(_following(found)),
        "",
        *_next(found, command),
    ]


def _answer(found: Budget) -> str:
    target = found.target
    share = 100 * found.achieved / target.value
    sign = style.green("✔" if style.has_unicode() else "ok")
    asked = figure(target.quantity, target.value)
    achieved = figure(target.quantity, found.achieved)
    name = found.resolved.architecture.name
    return f"{style.bold(f'{asked} from {name}')}  {sign} {style.bold(achieved)}, {share:.2f} % of the target"


def _steps(found: Budget) -> list[str]:
    path, quantity = found.trajectory, found.target.quantity
    counts = [path.counts, *(step.counts for step in path.steps)]
    most = max(each[quantity] for each in counts)
    return style.table(
        [
            style.Column("step", [str(index) for index in range(len(counts))], right=True),
            style.Column("axis", ["start", *(step.axis for step in path.steps)]),
            style.Column("factor", ["", *_moves(found)]),
            style.Column("MACs", [short(each.macs) for each in counts], right=True),
            style.Column("", style.bars([each[quantity] / most for each in counts]), drop=2),
            style.Column("params", [short(each.params) for each in counts], right=True),
            *_asked(counts),
            style.Column("", ["", *(_note(step) for step in path.steps)], drop=1),
        ]
    )


def _asked(counts: Sequence[Counts]) -> Iterator[style.Column]:
    """A column for each quantity that is counted because the target is about it."""
    for quantity in counts[0].asked:
        figures = [units.short(quantity, count[quantity]) for count in counts]
        yield style.Column(QUANTITIES[quantity].title, figures, right=True)


def _moves(found: Budget) -> Iterator[str]:
    """From where to where each step took the factor that drives its axis."""
    values = dict(found.resolved.architecture.at(found.trajectory.start).factors)
    arrow = "→" if style.has_unicode() else "->"
    for step in found.trajectory.steps:
        before, values[step.factor] = values[step.factor], step.snapped
        yield f"{style.symbol(step.factor)} {_brief(before)} {arrow} {_brief(step.snapped)}"


def _note(step: Step) -> str:
    return _NOTES.get(step.kind) or step.reaches or ""


def _brief(value: numbers.Exact) -> str:
    text = numbers.text(value)
    return text if len(text) <= 5 else f"{float(value):.3g}"


def _network(found: Budget) -> str:
    network, counts = found.resolved.network, found.counts
    times, square = ("×", "²") if style.has_unicode() else ("x", "^2")
    frames = "" if network.frames is None else f"{network.frames} {times} "
    stride = "" if network.stride is None else f" stride {network.stride}"
    figures = (f"{units.short(name, count)} {QUANTITIES[name].title}" for name, count in counts.items())
    return "   ".join([f"{frames}{network.size}{square}{stride}", *figures])


def _fixed(found: Budget) -> str:
    kept = ", ".join(f"{style.symbol(name)} {_brief(value)}" for name, value in found.fixed.items())
    return f"Fixed: {kept}."


def _following(found: Budget) -> str:
    """How far over the target the next network of each axis is, and what of it is left."""
    beyond = [_beyond(found, each) for each in found.following if each.excess > 0]
    left = found.achieved / found.target.value
    said = f"The next grid step passes the target: {', '.join(beyond)}." if beyond else ""
    unfilled = left < 0.99 and not any(step.kind == "fill" for step in found.trajectory.steps)
    hint = f" {100 * (1 - left):.1f} % is left: --fill spends it." if unfilled else ""
    near = f" {found.near.name} is within 2 % of the target." if found.near else ""
    return f"{said}{hint}{near}".strip()


def _beyond(found: Budget, each: Next) -> str:
    share = 100 * each.excess / found.target.value
    return f"{style.symbol(each.factor)} {_brief(each.value)} by {share:.2g} %"


def _next(found: Budget, command: str) -> Sequence[str]:
    further = [("--emit net.py", "the module"), ("-o net.yaml", "the spec"), ("--stages", "its stage table")]
    commands = [f"{command} {style.bold(option)}" for option, _ in further]
    reasons = [reason for _, reason in further]
    heads = ["next:", "", ""]
    return style.table(
        [style.Column("", heads), style.Column("", commands), style.Column("", reasons, drop=1)]
    )
