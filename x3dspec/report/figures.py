"""Pictures without a browser: a network's charts, an expansion's trajectory, as SVG or PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

from x3dspec.language.errors import SpecError
from x3dspec.network import kinds
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import short
from x3dspec.network.quantities import Counts
from x3dspec.report import charts
from x3dspec.report.charts import Panel, Point
from x3dspec.report.curves import curves, expansions
from x3dspec.scaling.trajectory import Step

#: Pixels of a PNG for one of the SVG: sharp in a paper's column and on a dense screen.
ZOOM = 2
#: Bytes of a PNG's signature and header.
_HEADER = 33


def network(resolved: Resolved) -> str:
    """MACs by stage, by kind of layer, step by step and around the current factors."""
    said = f"MACs of {_title(resolved)}, by stage, kind of layer, step and factor"
    return charts.picture(said, list(_panels(resolved)))


def _panels(resolved: Resolved) -> Iterator[Panel]:
    total = resolved.cost().macs
    stages = [
        (stage.name, count.macs)
        for stage, count in zip(resolved.network.stages, resolved.stage_costs(), strict=True)
    ]
    by_kind = [(name, tally.macs) for name, tally in kinds.costs(resolved.network).items() if tally.macs]
    yield charts.heading(f"{_title(resolved)}: {short(total)} MACs")
    yield charts.bars("by stage", stages, total, "fill")
    yield charts.bars("by kind of layer", by_kind, total, "second")
    found = expansions(resolved.architecture)
    if found is not None:
        said, steps = ("as published", found.published) if found.published else ("solved", found.solved)
        yield charts.trajectory(points(found.start, steps, "macs"), f"step by step, {said}")
    around = list(curves(resolved))
    if around:
        yield charts.curves("what each factor costs from here", around, total)


def _title(resolved: Resolved) -> str:
    return resolved.network.identity.title or resolved.network.identity.name


def trajectory(name: str, start: Counts, steps: tuple[Step, ...], quantity: str, limit: int | None) -> str:
    """A cost after each step of an expansion, and the target where there is one."""
    title = f"{name}: {quantity} after each step"
    found = points(start, steps, quantity)
    said = f"{title}: {short(found[0].count)} to {short(found[-1].count)}"
    return charts.picture(said, [charts.heading(title), charts.trajectory(found, "", limit)])


def points(start: Counts, steps: tuple[Step, ...], quantity: str) -> list[Point]:
    taken = []
    for step in steps:
        named = step.cut.counts[quantity] if step.cut else 0
        taken.append(Point(step.axis, step.counts[quantity], step.reaches or "", named))
    return [Point("start", start[quantity]), *taken]


def png(svg: str) -> bytes:
    """The same picture as pixels.

    Raises:
        SpecError: as :func:`renderer`.
    """
    return _signed(renderer()(svg_string=svg, zoom=ZOOM))


def _signed(content: bytes) -> bytes:
    """With a chunk of text after the header, which says whose picture it is."""
    text = b"tEXtSoftware\0Drawn by x3dspec"
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return content[:_HEADER] + chunk + content[_HEADER:]


def renderer() -> Callable[..., bytes]:
    """What makes pixels of an SVG.

    Raises:
        SpecError: resvg is not installed, or this system has no font to write with.
    """
    try:
        from resvg_py import svg_to_bytes
    except ModuleNotFoundError:
        raise SpecError.at("", 'png needs resvg: pip install ".[png]" in a clone of x3dspec') from None

    # Without a font resvg draws everything but the words, and says nothing.
    blank, letter = (svg_to_bytes(svg_string=charts.picture("", [charts.heading(t)])) for t in ("", "M"))
    if blank == letter:
        raise SpecError.at("", "png needs a font on this system, such as DejaVu Sans")
    return svg_to_bytes
