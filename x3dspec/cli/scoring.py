"""While candidates are scored: what runs and for how long, what came of it, and how it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer

from x3dspec.cli.progress import Progress, duration
from x3dspec.language.errors import printable
from x3dspec.network.architecture import Architecture
from x3dspec.scaling.expand import Round
from x3dspec.scaling.inheritance import Inheritance
from x3dspec.scaling.judges import Candidate, Judge, Score
from x3dspec.scaling.trainer import Interrupted, Running

#: Ctrl-C, a scheduler's or system's wish, and a terminal that is gone.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether somebody wants us to stop."""

    def __init__(self) -> None:
        self.wanted = False

    def __call__(self) -> bool:
        return self.wanted

    def want(self, number: int, frame: object) -> None:
        self.wanted = True


@contextmanager
def stopping(stop: Stop) -> Iterator[None]:
    """Within it, a signal asks to stop and interrupts nothing: whoever is asked ends what it has begun.

    A signal that is ignored stays so (nohup). Where a stop was asked for, more signals
    change nothing until the process ends.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop.want)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if stop.wanted else handler)


class Narrator:
    """Tells of every score when it is there, and of what runs until then, on stderr."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._asked: Sequence[Candidate] = ()
        self._scored = self._recalled = self._ran = 0
        self._history: list[str] = []

    def narrated(self, judge: Judge) -> Judge:
        """The same judge, told of."""

        def score(candidates: Sequence[Candidate]) -> Iterator[tuple[int, Score]]:
            self._asked, self._scored = candidates, 0
            for index, score in judge(candidates):
                self._tell(candidates[index], score)
                yield index, score

        return score

    def _tell(self, candidate: Candidate, score: Score) -> None:
        self._scored += 1
        self._recalled += score.recalled
        self._ran += not score.recalled
        said = f"{score.value:.6g}" if score.value is not None else f"failed: {score.note}"
        origin = ", from the journal" if score.recalled else ""
        self.progress.say(f"step {len(candidate.history) + 1} {candidate.axis}: {said}{origin}")

    def watch(self, running: Sequence[Running], waiting: int) -> None:
        """What runs now, where a line of progress is due."""
        if self.progress.due and running:
            step = len(running[0].candidate.history) + 1
            runs = ", ".join(f"{each.candidate.axis} for {duration(each.seconds)}" for each in running)
            rest = f", {waiting} waiting" if waiting else ""
            self.progress.show(f"step {step}, {self._scored} of {len(self._asked)} scored: {runs}{rest}")

    def telling_of(
        self, architecture: Architecture, inheritance: Inheritance | None
    ) -> Callable[[Round], None]:
        """What is called of each decided step: tells of it, and lets the others' weights go."""

        def decided(step: Round) -> None:
            self.progress.say(f"kept {step.kept.axis}: {step.why}")
            kept = Candidate(architecture, step.kept.axis, step.kept.setting, tuple(self._history))
            self._history.append(step.kept.axis)
            if inheritance and (weights := inheritance.settle(kept)):
                self.progress.say(f"its weights: {printable(str(weights))}")

        return decided

    @contextmanager
    def telling(self, kept: bool) -> Iterator[None]:
        """Around an expansion: tells how it was interrupted, or what of it came from a journal.

        Raises:
            typer.Exit: with 130, where it was interrupted.
        """
        try:
            with self.progress:
                yield
        except Interrupted:
            self._interrupted(kept)
            raise typer.Exit(130) from None
        self._summary()

    def _interrupted(self, kept: bool) -> None:
        then = "the same command continues" if kept else "without --journal nothing of it is kept"
        self.progress.say(f"interrupted: {self._scored} of {len(self._asked)} scored; {then}")

    def _summary(self) -> None:
        if self._recalled:
            self.progress.say(f"{self._recalled} scores are from the journal, {self._ran} ran now")
