"""Charts as SVG text: cost by stage and by kind of layer, and an expansion step by step.

Pictures for papers and slides, where nothing can be moved; they follow the reader's light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from x3dspec import kinds
from x3dspec.architecture import Resolved
from x3dspec.table import short

WIDTH = 720
ROW = 24
_LABEL, _VALUE = 205, 90

_STYLE = """\
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1d2125 }
.soft { fill: #5a6169 } .title { font-weight: 600; font-size: 15px }
.page { fill: #fffefb } .fill { fill: #0a6a63 } .second { fill: #8a5a12 }
.axis { stroke: #dcd9d0 } .line { stroke: #0a6a63; stroke-width: 2; fill: none }
.limit { stroke: #b3261e; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e7e8e6 } .soft { fill: #a4abb2 } .page { fill: #1c2024 } .fill { fill: #63c5b9 }
.second { fill: #dba95a } .axis { stroke: #343a40 } .line { stroke: #63c5b9 } .limit { stroke: #ff9a90 }
}"""


@dataclass(frozen=True)
class Point:
    """A step of an expansion: what it is called under the axis, its count, its name if it has one."""

    label: str
    count: int
    name: str = ""


def cost(resolved: Resolved) -> str:
    """MACs of a network by stage and by kind of layer."""
    stages = [
        (stage.name, count.macs)
        for stage, count in zip(resolved.network.stages, resolved.stage_costs(), strict=True)
    ]
    by_kind = [(name, tally.macs) for name, tally in kinds.costs(resolved.network).items() if tally.macs]
    title = resolved.network.identity.title or resolved.network.identity.name
    total = resolved.cost().macs
    parts = [_text(24, 34, f"{title}: {short(total)} MACs", "title")]
    y = 62
    for heading, rows, style in (("by stage", stages, "fill"), ("by kind of layer", by_kind, "second")):
        parts.append(_text(24, y, heading, "soft"))
        parts += _bars(rows, y + 10, total, style)
        y += 10 + ROW * len(rows) + 34
    return _picture(y - 20, f"MACs of {title} by stage and by kind of layer", parts)


def _bars(rows: Sequence[tuple[str, int]], top: int, total: int, style: str) -> Iterator[str]:
    most = max((count for _, count in rows), default=0) or 1
    room = WIDTH - 24 - _LABEL - _VALUE - 80
    for index, (name, count) in enumerate(rows):
        y, width = top + ROW * index, max(1.0, room * count / most)
        yield _text(24, y + 16, name if len(name) <= 25 else f"{name[:24]}…")
        yield f'<rect class="{style}" x="{_LABEL}" y="{y + 4}" width="{width:.1f}" height="15" rx="2"/>'
        yield _text(_LABEL + width + 6, y + 16, f"{100 * count / (total or 1):.1f} %", "soft")
        yield _text(WIDTH - 24, y + 16, short(count), anchor="end")


def trajectory(points: Sequence[Point], title: str, limit: int | None = None) -> str:
    """A cost after every step of an expansion, on a logarithmic scale."""
    height, left, right, top, bottom = 380, 76, 30, 56, 50
    counts = [point.count for point in points] + ([limit] if limit else [])
    low, high = math.log10(min(counts)) - 0.1, math.log10(max(counts)) + 0.12
    step = (WIDTH - left - right) / max(len(points) - 1, 1)

    def place(index: int, count: float) -> tuple[float, float]:
        share = (math.log10(count) - low) / (high - low)
        return left + step * index, top + (height - top - bottom) * (1 - share)

    parts = [_text(24, 32, title, "title")]
    for power in range(math.ceil(low), math.floor(high) + 1):
        y = place(0, 10.0**power)[1]
        parts.append(f'<path class="axis" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        parts.append(_text(left - 10, y + 4, short(10.0**power), "soft", "end"))
    if limit:
        y = place(0, limit)[1]
        parts.append(f'<path class="limit" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        parts.append(_text(left + 6, y - 6, f"target {short(limit)}"))
    places = [place(index, point.count) for index, point in enumerate(points)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    parts.append(f'<path class="line" d="M{path}"/>')
    for point, (x, y) in zip(points, places, strict=True):
        parts.append(f'<circle class="fill" cx="{x:.1f}" cy="{y:.1f}" r="{5 if point.name else 3.5}"/>')
        parts.append(_text(x - 8, y - 8, point.name, "title", "end") if point.name else "")
    for index, point in enumerate(points):
        parts.append(_text(left + step * index, height - 28, str(index), "soft", "middle"))
        if len(points) <= 12:
            parts.append(_text(left + step * index, height - 11, point.label[:10], "soft", "middle"))
    return _picture(height, f"{title}: {short(points[0].count)} to {short(points[-1].count)}", parts)


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    anchored = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{styled}{anchored}>{escape(words)}</text>'


def _picture(height: int, said: str, parts: Iterable[str]) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(said)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        *filter(None, parts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
