"""Panels for what a command answers: a front, bars of two networks, times by kind, a table of ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from x3dspec.network.breakdown import short
from x3dspec.report.charts import ROW, WIDTH, Panel, dot, rule, step_line, text, ticks

#: Where bars begin, and the room beside them for figures.
_LEFT, _RIGHT = 170, 190
#: Fills of parts of a bar, in turn.
_FILLS = ("fill", "second", "third", "fourth", "fifth", "sixth")
#: What the last of them stands for, where there are more kinds than fills.
_OTHER = "other"


def front(points: Sequence[tuple[int, int]], least: str, most: str) -> Panel:
    """The most of one quantity for the least of another; both scales are logarithmic.

    Args:
        points: (least, most) of every network that no other beats, the least first.
        least, most: what the axes are called.
    """
    height, left, right, top, bottom = 400, 76, 40, 34, 56
    (low_x, high_x), (low_y, high_y) = (_span([point[axis] for point in points]) for axis in (0, 1))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low_x) / (high_x - low_x)
        up = (math.log10(y) - low_y) / (high_y - low_y)
        return left + across * (WIDTH - left - right), height - bottom - up * (height - top - bottom)

    parts = [text(24, 18, f"{most}, logarithmic", "soft")]
    for tick in ticks(low_y, high_y):
        parts += rule(place(points[0][0], tick)[1], left, WIDTH - right, short(tick))
    for tick in ticks(low_x, high_x):
        parts.append(text(place(tick, points[0][1])[0], height - bottom + 20, short(tick), "soft", "middle"))
    parts.append(text(WIDTH - right, height - 12, f"{least}, logarithmic", "soft", "end"))
    places = [place(*point) for point in points]
    parts.append(step_line(places))
    parts += [dot(*each, 3.5) for each in places]
    return Panel(height, tuple(parts))


def _span(counts: Sequence[int]) -> tuple[float, float]:
    low, high = math.log10(max(1, min(counts))), math.log10(max(1, *counts))
    margin = max(0.06 * (high - low), 0.02)
    return low - margin, high + margin


def pairs(rows: Sequence[tuple[str, int, int]], before: str, after: str, unit: str) -> Panel:
    """Two bars for every stage, of the one network above that of the other."""
    most = max(max(first, second) for _, first, second in rows) or 1
    room = WIDTH - 24 - _LEFT - _RIGHT
    parts = [text(24, 18, unit, "soft")]
    parts += _legend([(before, "second"), (after, "fill")])
    for index, (name, first, second) in enumerate(rows):
        y = 34 + (ROW + 6) * index
        parts.append(text(24, y + 17, name[:25]))
        for offset, count, style in ((2, first, "second"), (14, second, "fill")):
            width = max(1.0, room * count / most) if count else 0.0
            parts.append(_bar(style, _LEFT, y + offset, width, 10))
        change = f"{100 * (second / first - 1):+.1f} %" if first else ""
        figures = short(second) if first == second else f"{short(first)} → {short(second)}  {change}"
        parts.append(text(WIDTH - 24, y + 17, figures.rstrip(), "soft small", "end"))
    return Panel(34 + (ROW + 6) * len(rows) + 10, tuple(parts))


def stacked(rows: Sequence[tuple[str, float, Mapping[str, float]]], unit: str) -> Panel:
    """A bar for every module, as long as its time, in parts by kind of operation.

    Args:
        rows: a name, its figure, and the share of each kind.
    """
    kinds = _largest(rows)
    most, room = max(figure for _, figure, _ in rows), WIDTH - 48 - 90
    parts = [text(24, 18, unit, "soft")]
    for index, (name, figure, shares) in enumerate(rows):
        y, x = 44 + 52 * index, 24.0
        parts.append(text(24, y, name))
        for kind, share in _parts(kinds, shares):
            width = room * figure / most * share
            if width:
                parts.append(_bar(_fill(kinds, kind), x, y + 8, width, 18))
            x += width
        parts.append(text(24 + room * figure / most + 8, y + 22, f"{figure:.1f}", "soft"))
    top = 44 + 52 * len(rows)
    for index, kind in enumerate(kinds):
        row, column = divmod(index, 3)
        x, y = 24 + column * 230, top + 20 * row
        parts += [_bar(_fill(kinds, kind), x, y - 10, 12, 12), text(x + 18, y, kind, "soft")]
    return Panel(top + 20 * math.ceil(len(kinds) / 3) + 6, tuple(parts))


def _largest(rows: Sequence[tuple[str, float, Mapping[str, float]]]) -> list[str]:
    """The kinds that take most of the time, and one for all others."""
    times: Counter[str] = Counter()
    for _, figure, shares in rows:
        times.update({kind: figure * share for kind, share in shares.items()})
    return [*(kind for kind, _ in times.most_common(len(_FILLS) - 1)), _OTHER]


def _parts(kinds: Sequence[str], shares: Mapping[str, float]) -> list[tuple[str, float]]:
    known = [(kind, shares.get(kind, 0.0)) for kind in kinds[:-1]]
    return [*known, (_OTHER, max(0.0, 1 - sum(share for _, share in known)))]


def ranks(rows: Sequence[tuple[str, Sequence[int | None]]], columns: Sequence[str], unit: str) -> Panel:
    """A table of ranks; the first place is darkest."""
    left, cell = 190, (WIDTH - 24 - 190) / max(1, len(columns))
    worst = max((rank for _, each in rows for rank in each if rank is not None), default=1)
    parts = [text(24, 18, unit, "soft")]
    for index, name in enumerate(columns):
        x, y = left + cell * (index + 0.5), 46 if index % 2 else 62
        parts.append(text(x, y, name, "soft small", "middle"))
    for row, (name, each) in enumerate(rows):
        y = 70 + (ROW + 4) * row
        parts.append(text(24, y + 18, name))
        for index, rank in enumerate(each):
            x = left + cell * index
            dark = 0 if rank is None else 0.75 * (worst - rank) / max(1, worst - 1)
            box = f'x="{x + 1:.1f}" y="{y}" width="{cell - 2:.1f}" height="{ROW + 2}" rx="2"'
            parts.append(f'<rect class="fill" opacity="{dark:.2f}" {box}/>')
            parts.append(text(x + cell / 2, y + 18, "-" if rank is None else str(rank), "", "middle"))
    return Panel(70 + (ROW + 4) * len(rows) + 12, tuple(parts))


def _legend(names: Sequence[tuple[str, str]]) -> list[str]:
    parts, x = [], WIDTH - 24.0
    for name, style in reversed(names):
        parts.append(text(x, 18, name[:30], "soft", "end"))
        x -= 7 * len(name[:30]) + 18
        parts.append(_bar(style, x, 8, 12, 12))
        x -= 14
    return parts


def _fill(kinds: Sequence[str], kind: str) -> str:
    return _FILLS[kinds.index(kind) % len(_FILLS)]


def _bar(style: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:g}" rx="2"/>'
