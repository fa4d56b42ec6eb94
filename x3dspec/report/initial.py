"""The numbers that the page has before its program runs, and without it."""

from __future__ import annotations

from x3dspec.network.architecture import Resolved
from x3dspec.network.breakdown import short
from x3dspec.network.layers import Shape


def numbers(resolved: Resolved) -> dict[str, str]:
    """Text by the id of the element that it stands in."""
    cost, network = resolved.cost(), resolved.network
    texts = {"clip": extent(network.inputs), "input-output": extent(network.inputs)}
    texts["clip-stride"] = "" if network.stride is None else f"frame stride {network.stride}"
    for name, count in (
        ("operations", cost.macs),
        ("params", cost.params),
        ("activations", cost.activations),
    ):
        texts |= {f"total-{name}": short(count), f"exact-{name}": f"{count:,}"}
    texts["description"] = (
        f"{short(cost.macs)} MACs, {short(cost.params)} parameters, {short(cost.activations)} activations "
        f"at {texts['clip']}"
    )
    for index, (stage, part) in enumerate(zip(network.stages, resolved.stage_costs(), strict=True)):
        texts[f"output{index}"] = extent(stage.outputs)
        texts |= {
            f"operations{index}": f"{part.macs:,}",
            f"params{index}": f"{part.params:,}",
            f"activations{index}": f"{part.activations:,}",
        }
    return texts


def extent(shape: Shape[int]) -> str:
    """``16 × 224²``, ``224²``, or 1 behind the global mean."""
    if not shape.sizes:
        return "1"
    *frames, _, size = shape.sizes
    return " × ".join([*map(str, frames), f"{size}²"])
