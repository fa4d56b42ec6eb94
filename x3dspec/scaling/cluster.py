"""Trainers on the workers of a Dask cluster, which need the command and nothing of ours but x3dspec."""

from __future__ import annotations

import time
import uuid
from importlib import import_module
from typing import Any

from x3dspec.language.errors import BadArgument
from x3dspec.scaling.attempt import Job, Local, Run, brief
from x3dspec.scaling.judges import Score

#: Seconds between two looks of a worker at whether its run is still wanted.
LOOK = 1.0


class Cluster:
    """Starts jobs on a cluster.

    Raises:
        SpecError: distributed is not installed, or no scheduler answers.
    """

    def __init__(self, address: str) -> None:
        try:
            self._client = _distributed().Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise BadArgument("dask", f"{address}: {brief(str(error))}") from None

    def __call__(self, job: Job) -> Run:
        return _Remote(self._client, job)


class _Remote:
    """A job on some worker; if that dies, on another."""

    def __init__(self, client: Any, job: Job) -> None:
        name = f"x3dspec-{uuid.uuid4()}"
        self._stop = _distributed().Event(name, client=client)
        self._future = client.submit(on_worker, job, name, pure=False)
        self._weights: bytes | None = None

    def poll(self) -> Score | None:
        if not self._future.done():
            return None
        error = self._future.exception()
        if error is not None:
            return Score(None, brief(str(error)))
        score, self._weights = self._future.result()
        assert isinstance(score, Score)
        return score

    def left(self) -> bytes | None:
        return self._weights

    def close(self) -> None:
        # Dask itself does not end a task that has begun.
        if not self._future.done():
            self._stop.set()
            self._future.cancel()


def on_worker(job: Job, name: str) -> tuple[Score, bytes | None]:
    """Run a job where this is called, until it ends or the event of that name is set; what it left."""
    stop, looked = _distributed().Event(name), time.monotonic()
    run = Local(job)
    try:
        while (score := run.poll()) is None:
            time.sleep(LOOK / 20)
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                if stop.is_set():
                    return Score(None, "interrupted"), None
        return score, None if score.value is None else run.left()
    finally:
        run.close()


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        message = "needs dask.distributed: pip install '.[dask]' in a clone of x3dspec"
        raise BadArgument("dask", message) from None
