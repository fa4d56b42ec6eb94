"""Fuzz the loader, the expression language or emit.

    python fuzz/run.py load --seconds 60           atheris where it is installed, else hypothesis
    python fuzz/run.py expression --seconds 600
    python fuzz/run.py emit --seconds 600
    python fuzz/run.py mutations --count 100000    mutations of the shipped specs, load and resolve

What fails is written to ``fuzz/found`` and the exit code is not 0; a fixed finding belongs into
``fuzz/corpus``, which every run starts from and ``tests/language/test_fuzz.py`` replays.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FOUND = FOLDER / "found"
sys.path[:0] = [str(FOLDER), str(FOLDER.parent / "tests")]


def corpus(target: str) -> list[bytes]:
    """The inputs that a run starts from: the kept ones, and for specs those of the tests too."""
    kept = [path.read_bytes() for path in sorted((FOLDER / "corpus" / target).iterdir())]
    if target == "expression":
        return kept
    root = FOLDER.parent
    folders = (root / "specs", root / "tests" / "networks")
    return [*kept, *(path.read_bytes() for folder in folders for path in sorted(folder.glob("*.yaml")))]


def with_atheris(target: str, seconds: int) -> int:
    import atheris

    with atheris.instrument_imports(include=["x3dspec"]):
        import targets

    seeds = FOUND / "seeds" / target
    seeds.mkdir(parents=True, exist_ok=True)
    for data in corpus(target):
        (seeds / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    arguments = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=65536"]
    atheris.Setup(
        [sys.argv[0], *arguments, f"-artifact_prefix={FOUND}/", str(seeds)],
        lambda data: targets.TARGETS[target](data) and None,
    )
    atheris.Fuzz()
    return 0


def with_hypothesis(target: str, seconds: int) -> int:
    import targets
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    seeds = corpus(target)
    until = time.monotonic() + seconds
    inputs = st.one_of(
        st.builds(targets.mutated, st.sampled_from(seeds), st.randoms(use_true_random=False)),
        st.binary(max_size=400),
    )

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs)
    def fuzz(data: bytes) -> None:
        targets.TARGETS[target](data)

    while time.monotonic() < until:
        fuzz()
    return 0


def mutations(count: int, seed: int) -> int:
    """Documents mutated as data and as text, each loaded, resolved and counted."""
    import targets
    import yaml

    chance = random.Random(seed)
    specs = sorted((FOLDER.parent / "specs").glob("*.yaml"))
    texts = {path: path.read_bytes() for path in specs}
    read = {path: yaml.load(text, yaml.CSafeLoader) for path, text in texts.items()}
    seen: Counter[str] = Counter()
    # Of processor time: wall time would be that of the machine's other work.
    signal.signal(signal.SIGPROF, _hang)
    for index in range(count):
        path = chance.choice(specs)
        data = _as_data(read[path], chance) if chance.random() < 0.7 else targets.mutated(texts[path], chance)
        signal.setitimer(signal.ITIMER_PROF, 10)
        try:
            seen[targets.load(data)] += 1
        except BaseException as error:
            seen["failed"] += 1
            _keep(data, error)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if (index + 1) % 10_000 == 0:
            print(f"{index + 1:,} documents: {dict(seen)}", flush=True)
    print(f"{count:,} documents: {dict(seen)}")
    return 1 if seen["failed"] else 0


def _hang(*_: object) -> None:
    raise TimeoutError("still running after 10 s")


def _as_data(data: object, chance: random.Random) -> bytes:
    """As JSON, which is YAML: what a mutation of the data means is then in the bytes."""
    import json

    from test_loading import mutated

    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        data = mutated(data, chance)
    return json.dumps(data, default=str).encode()


def _keep(data: bytes, error: BaseException) -> None:
    name = FOUND / f"{hashlib.sha256(data).hexdigest()[:16]}.yaml"
    FOUND.mkdir(exist_ok=True)
    name.write_bytes(data)
    print(f"{name}: {''.join(traceback.format_exception(error)[-2:])}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", choices=["load", "expression", "emit", "mutations"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=["atheris", "hypothesis"])
    given = parser.parse_args()
    if given.target == "mutations":
        return mutations(given.count, given.seed)
    try:
        import atheris  # noqa: F401

        engine = given.engine or "atheris"
    except ImportError:
        engine = "hypothesis"
    FOUND.mkdir(exist_ok=True)
    run = with_atheris if engine == "atheris" else with_hypothesis
    return run(given.target, given.seconds)


if __name__ == "__main__":
    sys.exit(main())
