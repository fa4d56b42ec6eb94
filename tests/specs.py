"""Specs that several tests share, and how one is written and loaded."""

from __future__ import annotations

from pathlib import Path

import x3dspec
from x3dspec import Architecture

COMPOUND = """
name: compound
factors:
  phi:   {start: 0, min: 0, grid: 1/4}
  depth: {start: (6/5) ** phi}
  width: {start: (11/10) ** phi}
  size:  {start: 1, grid: 1/8, max: 2}
axes:
  both:  {phi: phi + m}
  size:  {size: size * m}
input: {channels: 3, size: "round_to(64 * size, 8)"}
blocks:
  cell:
    arguments: [out, stride]
    layers: [conv: {out: out, kernel: 3, stride: stride}, norm, relu]
stages:
  - {name: stem, block: cell, out: round_width(32 * width), stride: 2}
  - {name: body, block: cell, out: round_width(64 * width), stride: 1, repeat: ceil(4 * depth)}
  - {name: pool, layers: [mean]}
  - {name: head, layers: [linear: {out: classes}]}
"""

#: A network that can be built at every fourth value of its grid alone.
GROUPED = """
name: grouped
factors:
  b: {start: 1, grid: 1/8}
axes:
  wide: {b: b * m}
input: {channels: 3, size: 32}
stages:
  - {name: stem, layers: [conv: {out: 32, kernel: 3, stride: 2}]}
  - name: body
    layers:
      - conv: {out: floor(8 * b), kernel: 3, groups: 4}
      - conv: {out: 64, kernel: 3, groups: 4}
  - {name: head, layers: [mean, linear: {out: classes}]}
"""


def written(folder: Path, text: str) -> Architecture:
    path = folder / "spec.yaml"
    path.write_text(text)
    return x3dspec.load(str(path))
