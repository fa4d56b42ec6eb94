"""Shell completion, asked as bash asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def completed(line: str, folder: Path) -> list[str]:
    """What bash would offer for the last word of a line."""
    environment = {
        **os.environ,
        "_X3DSPEC_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    program = "import sys; sys.argv = ['x3dspec']; from x3dspec.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, cwd=folder
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("x3dspec resolve x3d_x", ["x3d_xl", "x3d_xl_mmaction2", "x3d_xl_slowfast", "x3d_xs"]),
        ("x3dspec diff x3d_m specs/x2", ["specs/x2d.yaml"]),
        ("x3dspec check mi", ["mine.yaml"]),
        ("x3dspec budget ./mi", ["./mine.yaml"]),
        (
            "x3dspec report x2d --gamma-s 2 --gamma",
            ["--gamma-tau", "--gamma-t", "--gamma-w", "--gamma-b", "--gamma-d"],
        ),
        ("x3dspec formula efficientnet --ph", ["--phi"]),
        ("x3dspec resolve mine.yaml --gamma-q", []),
        ("x3dspec resolve x2d --gamma-s ", []),
        ("x3dspec resolve x2d --js", ["--json"]),
        ("x3dspec lis", ["list"]),
        ("x3dspec expand x3d_x", ["x3d_xl", "x3d_xl_mmaction2", "x3d_xl_slowfast", "x3d_xs"]),
        ("x3dspec search mob", ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"]),
        ("x3dspec resolve x2d --convention f", ["fvcore"]),
        (
            "x3dspec resolve x2d --set shortcut_norm=",
            ["shortcut_norm=always", "shortcut_norm=on_width_change"],
        ),
        ("x3dspec expand --judge round", ["round-robin"]),
        ("x3dspec expand x2d --axes fast,de", ["fast,depth"]),
        ("x3dspec expand efficientnet --axes c", ["compound"]),
        ("x3dspec search x2d --objective act", ["activations"]),
        ("x3dspec budget --fix gamma_t", ["gamma_tau", "gamma_t"]),
        ("x3dspec search efficientnet --grid p", ["phi"]),
        ("x3dspec solve efficientnet --for p", ["phi"]),
        ("x3dspec emit x2d --form str", ["stream", "stream_train"]),
        ("x3dspec resolve x2d --optimizer s", ["sgd"]),
        ("x3dspec export x2d.py --to o", ["onnx", "openvino"]),
        ("x3dspec export x2d.py --to onnx --dynamic batch,", ["batch,frames", "batch,height", "batch,width"]),
        ("x3dspec search x2d --pareto params,ma", ["params,macs"]),
        ("x3dspec convert-weights a.pt --from s", ["slowfast"]),
        ("x3dspec convert-weights a.pt --to m", ["mmaction2"]),
    ],
)
def test_what_is_offered(line: str, offered: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nnot a spec\n")
    assert completed(line, tmp_path) == offered


def test_factors_of_a_spec_of_ones_own_are_offered(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nbase: x2d\nfactors: {gamma_s: 2}\n")
    assert "--gamma-s" in completed("x3dspec resolve own.yaml --", tmp_path)
