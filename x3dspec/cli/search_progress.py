"""How far a search is, while it runs."""

from __future__ import annotations

import time

from x3dspec.cli import output
from x3dspec.cli.progress import Progress, duration
from x3dspec.network.units import figure
from x3dspec.scaling.search.result import Far


class SearchProgress:
    """How far a search is: what is prepared, then how many networks are done, how fast, and the best."""

    def __init__(self, progress: Progress, objective: str) -> None:
        self._progress, self._objective = progress, objective
        self._began: float | None = None

    def __call__(self, far: Far) -> None:
        now = time.monotonic()
        if self._began is None and not far.preparing:
            self._began = now
        if self._progress.due:
            self._progress.show(self._line(far, now - (self._began or now)))

    def _line(self, far: Far, seconds: float) -> str:
        share = f"{far.done / max(1, far.total):6.1%}"
        if far.preparing:
            return f"preparing {' x '.join(far.preparing)}: {share}"
        rate = far.done / seconds if seconds else 0
        left = duration((far.total - far.done) / rate) if rate else ""
        speed = f", {output.short(int(rate))}/s, {left} left" if rate else ""
        best = "none" if far.best is None else figure(self._objective, far.best)
        return f"{share} of {output.short(far.total)} networks{speed}, best {best}"
