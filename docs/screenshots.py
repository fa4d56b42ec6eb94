"""The pictures of the page that README shows: ``python docs/screenshots.py``, with Chromium and selenium."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import chromium, sized  # noqa: E402

import x3dspec  # noqa: E402
from x3dspec.report.page import html  # noqa: E402


def main() -> None:
    """X3D-M as published, as it opens, in light and dark."""
    with tempfile.TemporaryDirectory() as name, chromium(Path(name)) as driver:
        page = Path(name) / "x3d_m.html"
        page.write_text(html(x3dspec.load("x3d_m").resolve()), encoding="utf-8")
        for picture, dark in (("report.png", False), ("report-dark.png", True)):
            sized(driver, 1280, 680, dark=dark, scale=2)
            driver.get(page.as_uri())
            time.sleep(2)  # the curves are drawn when the page rests
            driver.save_screenshot(str(ROOT / "docs" / picture))


if __name__ == "__main__":
    main()
