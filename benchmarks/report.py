"""How long the page takes from a slider's move to a finished layout, in Chromium.

    python benchmarks/report.py [SPEC ...]

Prints a line for each spec: the page's size, the median and the worst of two hundred moves over all
factors (script, style and layout; a frame at 60 Hz is 16.7 ms), and the time until the last curve.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from browser import chromium, missing, sized  # noqa: E402

import x3dspec  # noqa: E402
from x3dspec.report import page as report  # noqa: E402

#: The family, the widest formula, and the longest of them.
SPECS = ("x2d", "x3d_xl", "csn_r101", "mobilenet_v3_large", "efficientnet")

_MOVES = """
const done = arguments[0];
const times = [];
const sliders = factors.map((factor) => byId(`slider${factor.index}`)).filter((slider) => !slider.disabled);
for (let move = 0; move < 200; move++) {
  const slider = sliders[move % sliders.length];
  const from = performance.now();
  slider.value = String(Number(slider.min) + ((move * 7) % (Number(slider.max) - Number(slider.min) + 1)));
  slider.dispatchEvent(new Event("input"));
  document.body.getBoundingClientRect();
  times.push(performance.now() - from);
}
reset();
const from = performance.now();
byId("live").textContent = "";
const wait = () => (byId("live").textContent ? done([times, performance.now() - from]) : setTimeout(wait, 5));
wait();
"""


def main() -> int:
    if missing():
        print(missing(), file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name, chromium(Path(name)) as driver:
        sized(driver, 1280, 900)
        print(f"{'spec':20} {'kB':>5} {'median ms':>10} {'worst ms':>9} {'all curves ms':>14}")
        for spec in sys.argv[1:] or SPECS:
            path = Path(name) / "page.html"
            path.write_text(report.html(x3dspec.load(spec).resolve()), encoding="utf-8")
            driver.get("about:blank")
            driver.get(path.as_uri())
            times, curves = driver.execute_async_script(_MOVES)
            size = path.stat().st_size / 1000
            print(f"{spec:20} {size:5.0f} {statistics.median(times):10.2f} {max(times):9.2f} {curves:14.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
