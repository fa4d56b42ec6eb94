"""Pictures without a browser: a network's charts, an expansion's trajectory, as SVG or PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from x3dspec.language.errors import SpecError
from x3dspec.network import kinds
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import short
from x3dspec.network.quantities import QUANTITIES, Counts
from x3dspec.report import charts, panels
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
    yield charts.bars("MACs by stage", stages, total, "fill")
    yield charts.bars("MACs by kind of layer", by_kind, total, "second")
    found = expansions(resolved.architecture)
    if found is not None:
        said, steps = ("as published", found.published) if found.published else ("solved", found.solved)
        title = f"MACs after each step, {said}, logarithmic"
        yield charts.trajectory(points(found.start, steps, "macs"), title)
    around = list(curves(resolved))
    if around:
        yield charts.curves("MACs that each factor costs from here", around, total)


def _title(resolved: Resolved) -> str:
    return resolved.network.identity.title or resolved.network.identity.name


def trajectory(name: str, start: Counts, steps: tuple[Step, ...], quantity: str, limit: int | None) -> str:
    """A cost after each step of an expansion, and the target where there is one."""
    found = points(start, steps, quantity)
    unit, last = _unit(quantity), f"{short(found[-1].count)} in {len(steps)} steps"
    title = f"{short(limit)} {unit} from {name}: {last}" if limit else f"{name}: {unit}, {last}"
    panel = charts.trajectory(found, f"{unit} after each step, logarithmic", limit)
    return charts.picture(f"{title}, from {short(found[0].count)}", [charts.heading(title), panel])


def front(points: Sequence[Counts], least: str, most: str, limits: Sequence[str]) -> str:
    """The networks that no other beats with less of one quantity and more of the other."""
    pairs = [(each[least], each[most]) for each in points]
    names = _unit(least), _unit(most)
    count = "one network" if len(pairs) == 1 else f"{len(pairs)} networks"
    title = f"{count} with the least {names[0]} for their {names[1]}"
    said = f"{title}, within {', '.join(limits)}"
    return charts.picture(said, [charts.heading(title), panels.front(pairs, *names)])


def difference(before: Resolved, after: Resolved) -> str:
    """The MACs of two networks, stage by stage; of stages that only one has, too."""
    counts = [_by_stage(each) for each in (before, after)]
    names = dict.fromkeys([*counts[0], *counts[1]])
    rows = [(name, counts[0].get(name, 0), counts[1].get(name, 0)) for name in names]
    first, second = (each.cost().macs for each in (before, after))
    names_of = before.network.identity.name, after.network.identity.name
    one, other = ("before", "after") if len({*names_of}) == 1 else names_of
    by = f" ({100 * (second / first - 1):+.1f} %)" if first != second else ""
    title = f"{_title(before)}: {short(first)} to {short(second)} MACs{by}"
    return charts.picture(title, [charts.heading(title), panels.pairs(rows, one, other, "MACs by stage")])


def times(rows: Sequence[tuple[str, float, Mapping[str, float]]], ratio: float | None, step: str) -> str:
    """Milliseconds a step of modules that were measured in turn, in parts by kind of operation."""
    name, latency, _ = rows[0]
    title = f"{name}: {latency:.1f} ms"
    if ratio is not None:
        title += f"; {rows[1][0]} takes {ratio:.2f} times as long"
    panel = panels.stacked(rows, f"milliseconds {step}, median, by kind of operation")
    return charts.picture(title, [charts.heading(title), panel])


def ranks(rows: Sequence[tuple[str, Sequence[int | None]]], steps: Sequence[str], best: str) -> str:
    """The place of the published axis in the ranking of every judge, at every published state."""
    title = f"{best} comes nearest to the published order"
    panel = panels.ranks(rows, steps, "place of the published axis among a step's candidates; 1 is first")
    return charts.picture(title, [charts.heading(title), panel])


def _by_stage(resolved: Resolved) -> dict[str, int]:
    stages = zip(resolved.network.stages, resolved.stage_costs(), strict=True)
    return {stage.name: cost.macs for stage, cost in stages}


def _unit(quantity: str) -> str:
    return QUANTITIES[quantity].title if quantity in QUANTITIES else quantity


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
