"""The judge that runs a command once per candidate: train the module however you like, write a score.

The command is split into words once, as a shell would, and never given to one. In its words
``{module}``, ``{spec}`` and ``{out}`` become files of a folder made for that one run. It ends well if
it exits with 0 and has written ``{"score": NUMBER}`` to ``{out}``. Otherwise it is tried again, and
at last the candidate has no score. However scoring ends, no trainer is left behind.

``{weights}`` is where the network finds what to begin with: its parent's weights, grown, if its parent
left any at ``{weights_out}``. See ``inheritance``.
"""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from x3dspec.language.errors import BadArgument, SpecError
from x3dspec.network import preset
from x3dspec.network.architecture import Resolved
from x3dspec.scaling.attempt import Ended, Job, Local, Run, brief
from x3dspec.scaling.inheritance import Inheritance, Ungrown
from x3dspec.scaling.judges import Candidate, Judge, Score

#: Seconds between two looks at what runs.
TICK = 0.05


class Interrupted(Exception):
    """Scoring was asked to stop, and has stopped: no trainer runs."""


@dataclass(frozen=True)
class Running:
    """A candidate that is being scored, and the seconds since it began."""

    candidate: Candidate
    seconds: float


@dataclass(frozen=True)
class Trainer:
    """How candidates are scored by a command.

    Attributes:
        words: the command's, with places from :data:`attempt.PLACES`.
        limit: seconds that one run may take.
        retries: how often a run that failed is repeated.
        jobs: how many run at a time.
        emit: gives a network's module as Python text.
        start: starts a job, on this machine or elsewhere.
        stop: says whether to stop. Then what has a score is yielded, what runs is ended, and
            :class:`Interrupted` raised.
        watch: is shown what runs, and how many wait, now and then.
        inheritance: keeps weights, and grows them; without it every candidate begins from nothing.
    """

    words: tuple[str, ...]
    emit: Callable[[Resolved], str]
    limit: float = 3600.0
    retries: int = 0
    jobs: int = 1
    start: Callable[[Job], Run] = Local
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[Sequence[Running], int], None] = lambda running, waiting: None
    inheritance: Inheritance | None = None

    def judge(self) -> Judge:
        """The judge that scores by it."""
        return lambda candidates: _Scoring(self, candidates).scores()

    def begin(self, candidate: Candidate) -> Run:
        """Start a candidate's run, from its parent's weights where there are any.

        Raises:
            SpecError: weights that the journal knows of are gone, or others.
        """
        try:
            beginning = self.inheritance.beginning(candidate) if self.inheritance else None
        except Ungrown as error:
            return Ended(Score(None, brief(str(error))))
        return self.start(self.job(candidate, beginning.content if beginning else None))

    def scored(self, candidate: Candidate, score: Score, run: Run) -> Score:
        """A candidate's score, with the weights that its run left kept, and what it began with."""
        if self.inheritance is None or score.value is None:
            return score
        parent, left = self.inheritance.parent(candidate), run.left()
        try:
            weights = self.inheritance.keep(candidate, left) if left is not None else ""
        except SpecError as error:
            return Score(None, brief(f"the weights that it left: {error.problems[0]}"))
        return replace(score, weights=weights, origin=parent[1] if parent else None)

    def job(self, candidate: Candidate, weights: bytes | None = None) -> Job:
        """What one candidate's run needs, wherever it runs."""
        resolved = candidate.resolved
        source = resolved.architecture.source
        base = source.origins[-1].path
        beside = base.parent / f"{source.identity.name}_candidate.yaml"
        files = {
            f"{source.identity.name}.py": self.emit(resolved),
            beside.name: preset.text(resolved, beside),
            base.name: base.read_text(encoding="utf-8"),
        }
        return Job(self.words, source.identity.name, files, self.limit, self.retries, weights)


class _Scoring:
    """The candidates of one step on their way to their scores."""

    def __init__(self, trainer: Trainer, candidates: Sequence[Candidate]) -> None:
        self._trainer, self._candidates = trainer, candidates
        self._waiting = deque(range(len(candidates)))
        self._running: dict[int, tuple[Run, float]] = {}

    def scores(self) -> Iterator[tuple[int, Score]]:
        try:
            while self._waiting or self._running:
                self._fill()
                time.sleep(TICK)
                yield from self._done()
                self._show()
                if self._trainer.stop():
                    yield from self._done()
                    raise Interrupted
        finally:
            for run, _ in self._running.values():
                run.close()

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self._trainer.jobs and not self._trainer.stop():
            index = self._waiting.popleft()
            run = self._trainer.begin(self._candidates[index])
            self._running[index] = run, time.monotonic()

    def _done(self) -> Iterator[tuple[int, Score]]:
        for index, (run, _) in list(self._running.items()):
            score = run.poll()
            # What stops us may have stopped the trainer, too: that is no failure of its own.
            if score is None or (score.value is None and self._trainer.stop()):
                continue
            del self._running[index]
            try:
                score = self._trainer.scored(self._candidates[index], score, run)
            finally:
                run.close()
            yield index, score

    def _show(self) -> None:
        now = time.monotonic()
        running = [Running(self._candidates[i], now - began) for i, (_, began) in self._running.items()]
        self._trainer.watch(running, len(self._waiting))


def split(template: str) -> tuple[str, ...]:
    """The words of a command.

    Raises:
        SpecError: there are none, a quote is open, or the score has no place.
    """
    try:
        words = tuple(shlex.split(template))
    except ValueError as error:
        raise BadArgument("judge_command", str(error)) from None
    if not words:
        raise BadArgument("judge_command", "is empty; try 'python train.py {module} {spec} {out}'")
    if not any("{out}" in word for word in words):
        raise BadArgument("judge_command", "has no {out}, where the command shall write its score")
    if any("{weights}" in word for word in words) and not inherits(words):
        raise BadArgument("judge_command", "has {weights} and no {weights_out}, where a parent leaves them")
    return words


def inherits(words: Sequence[str]) -> bool:
    """Whether a command has a place for the weights that it leaves."""
    return any("{weights_out}" in word for word in words)
