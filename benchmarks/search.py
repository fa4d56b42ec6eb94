"""How fast networks are counted exactly, and searched, on one core; beside building them with torch.

python benchmarks/search.py            10**8 networks, and 10 modules on the meta device
python benchmarks/search.py --check    the same; exit 1 below the promises of the docs
"""

from __future__ import annotations

import os
import resource
import sys
import time
from fractions import Fraction

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import x3dspec
from x3dspec.codegen import module
from x3dspec.network.evaluator import Evaluator
from x3dspec.scaling.search.collectors import Best
from x3dspec.scaling.search.lattice import Lattice
from x3dspec.scaling.search.result import Range
from x3dspec.scaling.search.walk import Walk

LIMITS = {"macs": 4_730_000_000, "params": 4_000_000, "activations": 60_000_000}
#: From, to and step of each factor: 432 million combinations, 139 million different networks.
GRID = {
    "gamma_t": (1, 32, Fraction(1)),
    "gamma_s": (1, 4, Fraction(1, 14)),
    "gamma_w": (1, 2, Fraction(1, 100)),
    "gamma_b": (1, 4, Fraction(1, 20)),
    "gamma_d": (1, 6, Fraction(1, 10)),
}
#: What the docs promise.
PER_SECOND, SECONDS, GIBIBYTES = 10**6, 120, 2
MODULES = 10


def lattice() -> Lattice:
    ranges = [Range("gamma_tau", (Fraction(24),), "")]
    for name, (low, high, step) in GRID.items():
        count = int((high - low) / step) + 1
        ranges.append(Range(name, tuple(low + index * step for index in range(count)), ""))
    return Lattice(Evaluator.of(x3dspec.load("x2d")), ranges)


def walked(over: Lattice, bounding: bool) -> tuple[float, Walk, int]:
    best = Best(over, "macs", 1)
    walk = Walk(over, dict(LIMITS), [best], bounding)
    began = time.perf_counter()
    walk.run(lambda *_: None)
    return time.perf_counter() - began, walk, next(best.networks()).counts.macs


def built_per_second(over: Lattice) -> float:
    """Networks a second that torch counts when their modules are built on the meta device and run."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    architecture = over.evaluator.architecture
    chosen = [[(7 * index) % len(cluster) for cluster in over.clusters] for index in range(MODULES)]
    modules = []
    for combination in chosen:
        resolved = architecture.at(over.setting(combination))
        scope: dict[str, object] = {"__name__": "emitted"}
        exec(compile(module.source(resolved), "emitted", "exec"), scope)  # noqa: S102
        clip = [3, resolved.network.frames, resolved.network.size, resolved.network.size]
        modules.append((scope[resolved.network.identity.name], clip, resolved.cost().macs))
    began = time.perf_counter()
    for make, clip, macs in modules:
        with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
            make().eval()(torch.empty(1, *clip))  # type: ignore[operator]
        assert counter.get_total_flops() == 2 * macs
    return MODULES / (time.perf_counter() - began)


def main() -> int:
    began = time.perf_counter()
    over = lattice()
    print(
        f"{over.raw:,} combinations, {len(over):,} networks; prepared in {time.perf_counter() - began:.1f} s"
    )
    counting, every, first = walked(over, bounding=False)
    rate = len(over) / counting
    print(f"every one counted: {counting:.1f} s, {rate / 1e6:.1f} million a second; {every.fit:,} fit")
    searching, walk, best = walked(over, bounding=True)
    assert (walk.fit, best) == (every.fit, first)
    share = walk.counted / len(over)
    print(f"with bounds: {searching:.2f} s, {share:.1%} counted one by one, the same answer: {best:,} MACs")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.2f} GiB")
    modules = built_per_second(over)
    print(f"built and run on the meta device: {modules:.1f} a second, {rate / modules:,.0f} times slower")
    fair = rate >= PER_SECOND and counting < SECONDS and peak < GIBIBYTES
    return 0 if fair or "--check" not in sys.argv else 1


if __name__ == "__main__":
    sys.exit(main())
