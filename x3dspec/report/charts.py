"""Charts as SVG text: bars, an expansion step by step, curves; stacked into one picture.

Pictures for papers and slides, where nothing can be moved; they follow the reader's light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from x3dspec.network.breakdown import short
from x3dspec.report.curves import Curve

WIDTH = 720
ROW = 24
_LABEL, _VALUE = 205, 90
COLUMNS, CURVE = 3, 150

_STYLE = """\
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1d2125 }
.soft { fill: #5a6169 } .title { font-weight: 600; font-size: 15px }
.page { fill: #fffefb } .fill { fill: #0a6a63 } .second { fill: #8a5a12 } .third { fill: #5b6fa8 }
.fourth { fill: #9a4f6b } .fifth { fill: #7d8a3a } .sixth { fill: #8b9096 }
.axis { stroke: #dcd9d0 } .line { stroke: #0a6a63; stroke-width: 2; fill: none }
.limit { stroke: #b3261e; stroke-dasharray: 4 3 } .small { font-size: 11px }
@media (prefers-color-scheme: dark) {
text { fill: #e7e8e6 } .soft { fill: #a4abb2 } .page { fill: #1c2024 } .fill { fill: #63c5b9 }
.second { fill: #dba95a } .third { fill: #94a7dd } .fourth { fill: #d68aa6 } .fifth { fill: #b9c66c }
.axis { stroke: #343a40 } .line { stroke: #63c5b9 } .limit { stroke: #ff9a90 }
}"""

#: Says whose picture it is, so that another one is not replaced by it.
SIGN = "<!-- Drawn by x3dspec -->"


@dataclass(frozen=True)
class Point:
    """A step of an expansion: what it is called under the axis, its count, its name if it has one.

    `named` is what the network of that name costs, where the step was cut to it.
    """

    label: str
    count: int
    name: str = ""
    named: int = 0


@dataclass(frozen=True)
class Panel:
    """Some height of a picture, and what is drawn in it from its own top."""

    height: int
    parts: tuple[str, ...]


def heading(title: str) -> Panel:
    return Panel(44, (text(24, 34, title, "title"),))


def bars(title: str, rows: Sequence[tuple[str, int]], total: int, style: str) -> Panel:
    """A bar for every count, and its share of the total."""
    return Panel(34 + ROW * len(rows) + 10, (text(24, 18, title, "soft"), *_bars(rows, 28, total, style)))


def _bars(rows: Sequence[tuple[str, int]], top: int, total: int, style: str) -> Iterator[str]:
    most = max((count for _, count in rows), default=0) or 1
    room = WIDTH - 24 - _LABEL - _VALUE - 80
    for index, (name, count) in enumerate(rows):
        y, width = top + ROW * index, max(1.0, room * count / most)
        yield text(24, y + 16, name if len(name) <= 25 else f"{name[:24]}…")
        yield f'<rect class="{style}" x="{_LABEL}" y="{y + 4}" width="{width:.1f}" height="15" rx="2"/>'
        yield text(_LABEL + width + 6, y + 16, f"{100 * count / (total or 1):.1f} %", "soft")
        yield text(WIDTH - 24, y + 16, short(count), anchor="end")


def trajectory(points: Sequence[Point], title: str, limit: int | None = None) -> Panel:
    """A cost after every step of an expansion, on a logarithmic scale; `title` says which."""
    height, left, right, top, bottom = 330, 76, 46, 36, 50
    counts = [point.count for point in points] + ([limit] if limit else [])
    low, high = math.log10(min(counts)) - 0.1, math.log10(max(counts)) + 0.12
    step = (WIDTH - left - right) / max(len(points) - 1, 1)

    def place(index: int, count: float) -> tuple[float, float]:
        share = (math.log10(count) - low) / (high - low)
        return left + step * index, top + (height - top - bottom) * (1 - share)

    parts = [text(24, 18, title, "soft")]
    for tick in ticks(low, high):
        parts += rule(place(0, tick)[1], left, WIDTH - right, short(tick))
    if limit:
        y = place(0, limit)[1]
        parts.append(f'<path class="limit" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        parts.append(text(left + 6, y - 6, f"target {short(limit)}"))
    places = [place(index, point.count) for index, point in enumerate(points)]
    parts.append(_line(places))
    for index, (point, (x, y)) in enumerate(zip(points, places, strict=True)):
        if not point.name or point.named:
            parts.append(dot(x, y, 3.5))
        if point.name:
            end = place(index, point.named or point.count)[1]
            parts.append(f'<path class="axis" d="M{x:.1f} {y:.1f}V{end:.1f}"/>' if point.named else "")
            parts.append(dot(x, end, 5))
            parts.append(text(x - 8, y - 8, point.name, "title", "end"))
    parts.append(text(24, height - 28, "step", "soft"))
    for index, point in enumerate(points):
        parts.append(text(left + step * index, height - 28, str(index), "soft", "middle"))
        if len(points) <= 12:
            parts.append(text(left + step * index, height - 11, point.label[:10], "soft", "middle"))
    return Panel(height, tuple(filter(None, parts)))


def ticks(low: float, high: float) -> Iterator[float]:
    """Round counts between two powers of ten: 1, 2, 3, 5 of each, fewer of many, or even steps."""
    if high - low < 0.7:
        step = _even((10.0**high - 10.0**low) / 4)
        first = math.ceil(10.0**low / step)
        yield from (step * index for index in range(first, math.floor(10.0**high / step) + 1))
        return
    marks = (1,) if high - low > 2.5 else (1, 3) if high - low > 1.2 else (1, 2, 3, 5)
    for power in range(math.floor(low), math.ceil(high)):
        yield from (mark * 10.0**power for mark in marks if low <= math.log10(mark * 10.0**power) <= high)


def _even(step: float) -> float:
    """1, 2 or 5 times a power of ten, at least so large."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(mark * power for mark in (1, 2, 5, 10) if mark * power >= step)


def curves(title: str, found: Sequence[Curve], now: int) -> Panel:
    """A small chart for every factor, three in a row, all with the same scale of cost."""
    most = max(count for curve in found for _, count in curve.points)
    parts = [text(24, 18, title, "soft")]
    for index, curve in enumerate(found):
        row, column = divmod(index, COLUMNS)
        x, y = 24 + column * (WIDTH - 24) // COLUMNS, 28 + row * CURVE
        parts += [f'<g transform="translate({x} {y})">', *_curve(curve, now, most), "</g>"]
    return Panel(28 + CURVE * math.ceil(len(found) / COLUMNS) + 8, tuple(parts))


def _curve(curve: Curve, now: int, most: int) -> Iterator[str]:
    left, right, top, bottom = 46, (WIDTH - 24) // COLUMNS - 26, 26, CURVE - 34
    low, high = curve.points[0][0], curve.points[-1][0]

    def place(value: float, count: float) -> tuple[float, float]:
        return left + (right - left) * (value - low) / (high - low), bottom - (bottom - top) * count / most

    yield text(0, 12, f"{curve.factor} {curve.value:.4g}")
    for tick in (0, most / 2, most):
        said = short(float(f"{tick:.2g}")) if tick else "0"
        yield from rule(place(low, tick)[1], left, right, said, "soft small")
    yield text(left, bottom + 16, f"{low:.4g}", "soft small")
    yield text(right, bottom + 16, f"{high:.4g}", "soft small", "end")
    yield step_line([place(*point) for point in curve.points])
    yield dot(*place(curve.value, now), 4)


def rule(y: float, left: float, right: float, said: str, style: str = "soft") -> tuple[str, str]:
    """A line across the chart at a round count, and the count."""
    rule = f'<path class="axis" d="M{left} {y:.1f}H{right}"/>'
    return rule, text(left - (10 if style == "soft" else 5), y + 4, said, style, "end")


def _line(places: Iterable[tuple[float, float]]) -> str:
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return f'<path class="line" d="M{path}"/>'


def step_line(places: Sequence[tuple[float, float]]) -> str:
    """A line that keeps its height until the next place, as rounding does."""
    path = "".join(f"H{x:.1f}V{y:.1f}" for x, y in places[1:])
    return f'<path class="line" d="M{places[0][0]:.1f} {places[0][1]:.1f}{path}"/>'


def dot(x: float, y: float, radius: float) -> str:
    return f'<circle class="fill" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"/>'


def text(x: float, y: float, words: str, style: str = "", anchor: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{styled}{anchored}>{escape(words)}</text>'


def picture(said: str, panels: Sequence[Panel]) -> str:
    """One SVG of panels, from top to bottom; `said` is for those who cannot see it."""
    height = sum(panel.height for panel in panels)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        SIGN,
        f"<title>{escape(said)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
    ]
    top = 0
    for panel in panels:
        lines += [f'<g transform="translate(0 {top})">', *panel.parts, "</g>"]
        top += panel.height
    return "\n".join([*lines, "</svg>"]) + "\n"
