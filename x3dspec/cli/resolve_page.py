"""A network for people: its stage table, its factors, what it costs and what it takes."""

from __future__ import annotations

from x3dspec.cli import output
from x3dspec.cli.resolve_answer import Snapped, milliseconds, peak, saved
from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import Row, extent
from x3dspec.network.cost import CONVENTIONS
from x3dspec.network.memory import Batch
from x3dspec.network.stream import Memory
from x3dspec.network.units import binary


def page(
    resolved: Resolved, table: list[Row], near: Snapped, convention: str, form: str = "train"
) -> list[str]:
    """The whole page, as a pipe gets it."""
    identity = resolved.network.identity
    title = f"{identity.title or identity.name} ({resolved.architecture.source.display})"
    stages, factors = _stages(table, convention), _factors(resolved, near)
    return [title, "", *stages, "", *factors, "", *_totals(resolved, convention, form)]


def _stages(table: list[Row], convention: str) -> list[str]:
    unit = "MACs" if convention == "paper" else CONVENTIONS[convention].unit
    cells = [["stage", "filters", "repeat", "T x S^2" if table[0].frames else "S^2", unit, "share", "params"]]
    for row in table:
        first, *rest = row.filters or ("",)
        share = f"{100 * row.share:.1f}%"
        cells.append(
            [row.name, first, str(row.repeat), extent(row), f"{row.operations:,}", share, f"{row.params:,}"]
        )
        cells += [["", each, "", "", "", "", ""] for each in rest]
    return output.aligned(cells, right=(2, 3, 4, 5, 6))


def _factors(resolved: Resolved, near: Snapped) -> list[str]:
    declared = resolved.architecture.factors()
    if not declared:
        return ["no factors"]
    cells = [["factor", "value", "on its grid", ""]]
    for factor in declared:
        value = output.shown(resolved.factors[factor.name])
        cells.append([factor.name, value, output.shown(near[factor.name]), factor.doc])
    return output.aligned(cells)


def _totals(resolved: Resolved, convention: str, form: str) -> list[str]:
    """Clip, counts, and what they mean."""
    network, cost = resolved.network, resolved.cost(convention)
    counted = CONVENTIONS[convention]
    clip = f"{network.size} x {network.size}"
    if network.frames is not None:
        clip = f"{network.frames} frames x {clip}"
    if network.stride is not None:
        clip += f", frame stride {network.stride}"
    cells = [["clip", clip]]
    options = resolved.architecture.source.options
    if options:
        cells.append(["options", ", ".join(f"{name}={value}" for name, value in options.items())])
    if convention != "paper":
        operations = f"{cost.operations:,} ({output.short(cost.operations)})"
        cells.append([counted.unit, f"{operations}, {convention}: {counted.doc}"])
    cells += [
        ["MACs", f"{cost.macs:,} ({output.short(cost.macs)}), the paper's FLOPs"],
        ["parameters", f"{cost.params:,} ({output.short(cost.params)}), {cost.weights:,} of them weights"],
        ["activations", f"{cost.activations:,} ({output.short(cost.activations)})"],
        ["memory moved", f"{output.short(cost.bytes)}B, each layer by itself, fp32"],
        ["memory saved", f"{binary(saved(resolved))} for the backward pass of one clip, fp32"],
    ]
    most = peak(resolved, form)
    if most is not None:
        cells.append(["memory peak", f"{binary(most)} of activations of one clip at inference, fp32"])
    machine, time = resolved.architecture.source.machine, milliseconds(resolved)
    if machine is not None and time is not None:
        cells.append(["time", f"{time:.4g} ms; {machine.line}"])
    return output.aligned(cells)


def batch(fits: Batch | None) -> list[str]:
    """What fits, and what was counted for it."""
    if fits is None:
        return []
    with_what = f"fp32, {fits.optimizer}" + (", with checkpointing" if fits.checkpointing else "")
    counted = f"{binary(fits.fixed)}, and {binary(fits.clip)} a clip"
    return [f"at most {fits.clips:,} clips train in {binary(fits.limit)} ({with_what}): {counted}"]


def remembered(memory: Memory | None) -> list[str]:
    """What a stream remembers, for people."""
    if memory is None:
        return []
    size = f"{memory.numbers:,} numbers a sample ({output.short(4 * memory.numbers)}B in fp32)"
    parts = (
        f"{memory.convolutions:,} of convolutions, {memory.shortcuts:,} of shortcuts, {memory.head:,} head"
    )
    seen = f"answers {memory.delay} frames late, of {memory.frames} frames seen"
    return output.aligned([["remembers", size], ["", parts], ["stream", seen]])
