"""The site: what is copied from a console, and the report that runs in a page. Needs the docs extra."""

from __future__ import annotations

import html
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("material", reason="THE SITE IS NOT TESTED: pip install -e '.[docs]'")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_a_console_is_copied_without_its_prompt_and_answers(site: Path) -> None:
    page = html.unescape((site / "tutorial/index.html").read_text(encoding="utf-8"))
    assert 'data-copy="x3dspec resolve x3d_s"' in page
    assert 'data-copy="$ ' not in page


def test_a_console_is_no_shell_session(site: Path) -> None:
    """``#`` in a table's head is no prompt of root, and ``4`` in ``4.7GFLOPs`` no number."""
    page = (site / "tutorial/index.html").read_text(encoding="utf-8")
    console = page.partition('class="language-x3dspec-console highlight"')[2].partition("</div>")[0]
    assert '<span class="gp">$ </span>' in console
    assert console.count('class="gp"') == 1
    assert 'class="m' not in console


def test_live_pages_are_part_of_it(site: Path) -> None:
    assert 'src="live/x3d_m.html"' in (site / "index.html").read_text(encoding="utf-8")
    assert 'id="accuracies"' in (site / "live/x3d_m.html").read_text(encoding="utf-8")


def test_equations_are_typeset_without_a_program(site: Path) -> None:
    """MathML, from the expressions that the repository shows as LaTeX."""
    page = (site / "expansion/index.html").read_text(encoding="utf-8")
    shown = (ROOT / "docs/expansion.md").read_text(encoding="utf-8").count("```math")
    assert page.count('<math display="block">') == shown == 7
    assert "begin{aligned}" not in page
    assert "<mfrac><mn>9543113</mn><mn>4618740</mn></mfrac>" in page
    assert "<msqrt><mn>224883457845</mn></msqrt>" in page
