"""What ``x3dspec diff`` shows on a terminal: the answer first, a row a stage. A pipe gets it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from x3dspec.cli import style
from x3dspec.network.breakdown import short
from x3dspec.report.diff import Change, Difference, StageChange

#: What has a column of its own.
_COUNTS = ("operations", "params")
#: What follows from the others, and is behind --full.
_DERIVED = ("filters", "activations", *_COUNTS)


def screen(found: Difference, title: str, conclusion: str, unit: str) -> list[str]:
    """What is compared, by how much it costs more, the settings, the stages."""
    settings = [*found.factors, *found.options, *found.clip]
    lines = [*style.wrapped(title), *map(style.bold, style.wrapped(conclusion))]
    if settings:
        lines += [
            "",
            *style.wrapped(", ".join(f"{style.symbol(each.name)} {_move(each)}" for each in settings)),
        ]
    if found.stages:
        lines += ["", *_stages(found.stages, unit)]
    return [*lines, "", style.dim("--full shows every change, --json all of them as one document")]


def _stages(stages: Sequence[StageChange], unit: str) -> list[str]:
    return style.table(
        [
            style.Column("stage", [stage.name for stage in stages]),
            *(
                style.Column(head, [_count(stage, name) for stage in stages], right=True)
                for name, head in zip(_COUNTS, (unit, "params"), strict=True)
            ),
            style.Column("", [", ".join(_what(stage)) for stage in stages]),
        ]
    )


def _count(stage: StageChange, name: str) -> str:
    return next((_move(change) for change in stage.changes if change.name == name), "")


def _what(stage: StageChange) -> Iterator[str]:
    if stage.only:
        yield {"before": "removed", "after": "added"}[stage.only]
        return
    yield from (f"{each.name} {_move(each)}" for each in stage.changes if each.name not in _DERIVED)


def _move(change: Change) -> str:
    arrow = "→" if style.has_unicode() else "->"
    return f"{_shown(change.before)} {arrow} {_shown(change.after)}"


def _shown(value: int | str | None) -> str:
    if value is None:
        return "-"
    return short(value) if isinstance(value, int) else value
