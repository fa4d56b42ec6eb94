"""The section of LaTeX: it compiles, and it says what was derived."""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

import x3dspec
from x3dspec.cli import run
from x3dspec.formula.analysis import analyse
from x3dspec.formula.section import section
from x3dspec.network.units import parse_target

SPECS = ("x3d_s", "efficientnet", "mobilenet_v2", "resnet")
WEIGHTS = {"gamma_w": Fraction(9), "gamma_d": Fraction(4)}
DOCUMENT = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n%s\\end{document}\n"


@pytest.mark.parametrize("name", SPECS)
def test_its_structure(name: str) -> None:
    """Braces, environments, math and the columns of every table are closed and agree."""
    text = section(analyse(x3dspec.load(name)))
    assert text.isascii()
    assert text.count("{") == text.count("}")
    assert text.count(r"\left") == text.count(r"\right")
    assert text.count("$") % 2 == 0
    assert re.findall(r"\\begin\{(\w+)\}", text) == re.findall(r"\\end\{(\w+)\}", text)
    for columns, body in re.findall(r"\\begin\{tabular\}\{(l r*|lr*)\}\n(.*?)\n\\end", text, re.DOTALL):
        assert {row.count("&") + 1 for row in body.split("\\\\\n")} == {len(columns)}
    outside = re.sub(r"\$[^$]*\$|\\\[.*?\\\]|\\(begin|end)\{tabular\}(\{\w+\})?", "", text, flags=re.DOTALL)
    assert "_" not in outside.replace(r"\_", "")
    assert "^" not in outside


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="NO LATEX HERE: ITS STRUCTURE ALONE IS TESTED")
@pytest.mark.parametrize("name", SPECS)
def test_it_compiles(name: str, tmp_path: Path) -> None:
    goals = (parse_target("4GFLOPs"), WEIGHTS) if name == "x3d_s" else ()
    (tmp_path / "it.tex").write_text(DOCUMENT % section(analyse(x3dspec.load(name), None, *goals)))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "it.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode("latin-1")[-2000:]
    assert (tmp_path / "it.pdf").is_file()


def test_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scaling", "x3d_s", "--target", "4GFLOPs", "--weights", "gamma_w=9,gamma_d=4"]
    assert run([*words, "--format", "latex"]) == 0
    out = capsys.readouterr().out
    assert r"C_{\mathrm{macs}}\,\varepsilon_{\gamma_{t}} &= 9934848" in out
    assert r"pointwise convolution from $\gamma_{w} = \frac{80717}{488256}$" in out
    assert r"$n_{\mathrm{res2}}$ & 2.2 & 3 & +67,392,778" in out
    assert r"At $4\,000\,000\,000$ macs, by the weights $\gamma_{w}$ 9, $\gamma_{d}$ 4:" in out
