"""Layers that take the clip as one, in the forms that give a layer a frame at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from specs import written
from x3dspec.codegen.module import source
from x3dspec.language.errors import SpecError

LAYERS = {
    "conv: {out: 8, kernel: 3, padding: same}": "padding that follows from the size",
    "conv: {out: 8, kernel: 3, dilation: [1, 2, 2]}": "dilated kernel",
    "max_pool: {kernel: [1, 3, 3], ceil_mode: true}": "window beyond its padding",
    "avg_pool: {kernel: [1, 3, 3], padding: [0, 1, 1], count_include_pad: false}": "mean that leaves padding",
}


@pytest.mark.parametrize("form", ["flat", "stream"])
@pytest.mark.parametrize("layer", LAYERS)
def test_they_are_refused_by_name_and_in_their_place(tmp_path: Path, layer: str, form: str) -> None:
    resolved = written(
        tmp_path,
        "name: tiny\ninput: {frames: 4, size: 16}\nstages:\n"
        f"  - {{name: stem, layers: [conv: {{out: 8, kernel: 1}}, {layer}]}}\n"
        "  - {name: head, layers: [mean, linear: {out: classes}]}\n",
    ).resolve()
    assert "class Tiny" in source(resolved, form="deploy"), "the forms of a whole clip have them"
    with pytest.raises(SpecError, match=f"takes no {LAYERS[layer]}") as caught:
        source(resolved, form=form)
    assert caught.value.problems[0].line == 4
