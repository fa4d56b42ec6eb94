"""The attributes that layers become in the emitted module."""

from __future__ import annotations

from collections import Counter

from x3dspec.language.layer_keys import LayerItem, layer_items
from x3dspec.language.paths import Path


def layer_names(items: list[LayerItem], origin: Path, stage: str | None) -> dict[Path, str]:
    """An attribute name for every layer: its own, or its kind's, numbered where there are several.

    In a stage of layers (`stage` is its name) a convolution or linear layer is called as the stage.
    """
    placed = list(layer_items(items, origin))
    bases = [item.body.name or _default_name(item.kind, path, stage) for path, item in placed]
    several = Counter(bases)
    own = {item.body.name for _, item in placed}
    taken: Counter[str] = Counter()
    names: dict[Path, str] = {}
    for (path, item), base in zip(placed, bases, strict=True):
        taken[base] += 1
        while item.body.name is None and f"{base}{taken[base]}" in own:
            taken[base] += 1
        numbered = several[base] > 1 and item.body.name is None
        names[path] = f"{base}{taken[base]}" if numbered else base
    return names


def _default_name(kind: str, path: Path, stage: str | None) -> str:
    if stage is None:
        return f"shortcut_{kind}" if "shortcut" in path else kind
    return stage if kind in ("conv", "linear") else f"{stage}_{kind}"
