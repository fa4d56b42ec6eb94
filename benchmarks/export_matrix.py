"""What an emitted module can be turned into, tried: the table of docs/recipes.md.

    python benchmarks/export_matrix.py generated/x3d_s.py

Every row is run, static and dynamic, and compared with torch; a row that fails says why.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from x3dspec.pytorch.export import TOLERANCE, Wish, export, module
from x3dspec.pytorch.formats import AXES, FORMATS

Maker = Callable[[nn.Module, bool], Callable[[Tensor], Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    network, clip = module(parser.parse_args().file)
    warnings.simplefilter("ignore")
    print("| to | static | any batch, frames, size |\n| --- | --- | --- |")
    for to, ending in FORMATS.items():
        _row(f"`{to}`", partial(_exported, network, to, ending, clip))
    for name, make in MAKERS.items():
        _row(name, partial(_called, network, make, clip))


def _row(name: str, attempt: Callable[[bool], float]) -> None:
    static = _tried(partial(attempt, False))
    dynamic = _tried(partial(attempt, True)) if static.startswith("yes") else "no"
    print(f"| {name} | {static} | {dynamic} |", flush=True)


def _tried(attempt: Callable[[], float]) -> str:
    """The largest difference from torch, over the largest logit, or why there is none."""
    try:
        difference = attempt()
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [""]
        said = re.sub(r" \(of Python compilation unit at: \w+\)", "", lines[0]).strip(" :")
        return f"no: {said[:110]}"
    return f"yes, {difference:.0e}" if difference <= TOLERANCE else f"no: logits differ by {difference:.0e}"


def _exported(network: nn.Module, to: str, ending: str, clip: tuple[int, ...], dynamic: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        found = export(network, to, Path(folder) / f"network{ending}", clip, Wish(AXES if dynamic else ()))
    return max(parity.difference for parity in found.parities)


def _called(network: nn.Module, make: Maker, clip: tuple[int, ...], dynamic: bool) -> float:
    run = make(network, dynamic)
    batch, channels, *sizes = clip
    shapes = [clip, (batch + 1, channels, *(size // 2 + 3 for size in sizes))] if dynamic else [clip]
    with torch.inference_mode():
        pairs = [(run(x), network(x)) for x in map(torch.rand, shapes)]
        return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def _compiled(network: nn.Module, dynamic: bool) -> Callable[[Tensor], Tensor]:
    torch.compiler.reset()
    return torch.compile(network, fullgraph=True, dynamic=dynamic)


def _compiled_anew(network: nn.Module, dynamic: bool) -> Callable[[Tensor], Tensor]:
    """For each shape by itself."""
    return _compiled(network, False)


def _traced(network: nn.Module, dynamic: bool) -> Callable[[Tensor], Tensor]:
    example = torch.rand(2, *network.default_cfg["input_size"])  # type: ignore[index,misc]
    return torch.jit.trace(network, example)  # type: ignore[no-any-return]


def _scripted(network: nn.Module, dynamic: bool) -> Callable[[Tensor], Tensor]:
    return torch.jit.script(network)  # type: ignore[return-value]


MAKERS = {
    "`torch.compile(fullgraph=True)`": _compiled,
    "`torch.compile(fullgraph=True, dynamic=False)`": _compiled_anew,
    "`torch.jit.trace`": _traced,
    "`torch.jit.script`": _scripted,
}

if __name__ == "__main__":
    main()
