"""What an emitted module can be turned into, tried: the tables of docs/export.md.

    python benchmarks/export_matrix.py generated/x3d_s.py [--write docs/export.md]

Every entry is run and compared with torch; one that fails says why. A target whose libraries are not
installed is tried, too: then the entry names them. --write puts the tables between the page's marks.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from x3dspec.pytorch.export import TARGETS, TOLERANCE, Wish, export, in_form, module, target

Maker = Callable[[nn.Module, bool], Callable[[Tensor], Tensor]]
FORMS = ("train", "deploy", "flat", "stream")
BEGIN, END = "<!-- matrix -->\n", "<!-- end of matrix -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = []
    for line in (*_exports(given.file), "", *_compilers(given.file)):
        print(line, flush=True)
        lines.append(line)
    if given.write:
        before, rest = given.write.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        table = "\n".join(lines) + "\n"
        given.write.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")


class Inspected(Exception):
    """What was found in a file that nothing here runs."""


def _exports(file: Path) -> Iterator[str]:
    """A row a target, a column a form, the clip's sizes fixed; then the sizes open, where they can be."""
    yield f"| to | {' | '.join(FORMS)} | any batch, frames, size |"
    yield f"| --- |{' --- |' * (len(FORMS) + 1)}"
    for to in TARGETS:
        cells = [_tried(partial(_exported, file, to, form, False)) for form in FORMS]
        form = target(to).form("train")
        cells.append(_tried(partial(_exported, file, to, form, True)) if target(to).open else "no")
        yield f"| `{to}` | {' | '.join(cells)} |"


def _compilers(file: Path) -> Iterator[str]:
    """torch's own, of the train form."""
    network, clip = module(file)
    yield "| train form by | static | any batch, frames, size |"
    yield "| --- | --- | --- |"
    for name, make in MAKERS.items():
        static = _tried(partial(_called, network, make, clip, False))
        dynamic = _tried(partial(_called, network, make, clip, True)) if static.startswith("yes") else "no"
        yield f"| {name} | {static} | {dynamic} |"


def _tried(attempt: Callable[[], float]) -> str:
    """The largest difference from torch, over the largest logit, or why there is none."""
    try:
        difference = attempt()
    except Inspected as found:
        return f"written, {found}"
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [""]
        said = re.sub(r" \(of Python compilation unit at: \w+\)", "", lines[0]).strip(" :")
        return f"no: {said[:160]}"
    return f"yes, {difference:.0e}" if difference <= TOLERANCE else f"no: logits differ by {difference:.0e}"


def _exported(file: Path, to: str, form: str, dynamic: bool) -> float:
    runtime = target(to)
    runtime.form(form, form)
    network, clip = in_form(file, form)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"network{runtime.ending}"
        found = export(network, to, out, clip, Wish(None if dynamic else ()))
    if found.inspected:
        raise Inspected(found.inspected)
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
