"""How many of timm's networks the language can say, by the operations that they run.

    python benchmarks/census.py --record census.jsonl     every network, on the meta device: an hour or more
    python benchmarks/census.py census.jsonl              what is missing in how many of them

Recorded is what each operation is beside convolutions, batch norms, activations and poolings: a construct,
which the language has by now or lacks. A network counts as said if it lacks none. That is necessary and not
sufficient: which operation follows which is not looked at.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import family_peers

from x3dspec.network.layers import KINDS
from x3dspec.pytorch.operations import NAMES

#: Views, copies, and what a network computes of no tensor; none changes a number.
FREE = frozenset(
    (
        *(
            "t",
            "detach",
            "empty",
            "view",
            "_unsafe_view",
            "clone",
            "permute",
            "transpose",
            "reshape",
            "expand",
        ),
        *("contiguous", "alias", "squeeze", "unsqueeze", "as_strided", "_to_copy", "lift_fresh", "arange"),
        *("dropout", "native_dropout", "empty_like", "zeros", "ones", "full"),
    )
)
#: What else an operation is of, by the beginning of its name.
OF = {
    **dict.fromkeys(
        ("bmm", "baddbmm", "matmul", "_softmax", "_safe_softmax", "_scaled_dot", "_native_multi"),
        "attention and tokens",
    ),
    **dict.fromkeys(
        ("cat", "stack", "split", "chunk", "slice", "unbind", "select", "narrow"), "split and concatenate"
    ),
    **dict.fromkeys(("upsample", "_upsample", "grid_sampler", "pixel_shuffle"), "several resolutions"),
    **dict.fromkeys(("rms_norm", "_fused_rms_norm"), "RMS norm"),
    "native_layer_norm": "layer norm",
    **dict.fromkeys(("roll", "im2col", "col2im", "index"), "windows and relative positions"),
    **dict.fromkeys(("amax", "max", "adaptive_max"), "global maximum"),
    "native_group_norm": "group norm",
}
#: Constructs that a kind of layer gives the language, once it has it.
GIVEN = {"layer norm": "layer_norm", "group norm": "group_norm", "a learned scale": "scale"}


class Recorder(TorchDispatchMode):
    """The constructs that a forward needs beside the language."""

    def __init__(self) -> None:
        super().__init__()
        self.needs: Counter[str] = Counter()
        self.weights: set[int] = set()
        self.kept: list[Tensor] = []

    def __torch_dispatch__(self, op: Any, kinds: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = op(*args, **(kwargs or {}))
        name = op._schema.name.removeprefix("aten::").removesuffix("_")
        tensors = [each for each in _flat((*args, *(kwargs or {}).values())) if isinstance(each, Tensor)]
        of_weights = bool(tensors) and all(self._is_weight(each) for each in tensors)
        if of_weights:
            for each in _flat([result]):
                if isinstance(each, Tensor):
                    self.weights.add(id(each))
                    self.kept.append(each)  # an id is another tensor's once this one is gone
        need = self._need(name, op, args, tensors, result, of_weights)
        if need:
            self.needs[need] += 1
        return result

    def _is_weight(self, tensor: Tensor) -> bool:
        return isinstance(tensor, nn.Parameter) or id(tensor) in self.weights

    def _need(
        self, name: str, op: Any, args: Any, tensors: list[Tensor], result: Any, of_weights: bool
    ) -> str:
        if name in FREE:
            ranks = [each.dim() for each in _flat([result]) if isinstance(each, Tensor)]
            return "channel shuffle or windows" if ranks and ranks[0] > 4 and not of_weights else ""
        if of_weights:
            return "weights that are computed"
        ours = NAMES["operators"].get(name, name)
        if name == "convolution":
            return _convolution(args)
        if ours in ("sum", "product"):
            return self._pair(ours, tensors)
        if ours == "mean" or name.startswith("adaptive_avg_pool"):
            return ""
        if (ours in KINDS and ours not in GIVEN.values()) or name == "constant_pad_nd":
            return ""
        return next((of for start, of in OF.items() if name.startswith(start)), f"operation {name}")

    def _pair(self, ours: str, tensors: list[Tensor]) -> str:
        """Of a sum or a product: of one tensor and a number, of a weight, of two branches."""
        if any(self._is_weight(each) for each in tensors):
            return "a learned scale" if ours == "product" else "a learned position or shift"
        if ours == "sum" or len(tensors) < 2:
            return ""
        one, other = (each.numel() // each.shape[0] if each.dim() else 1 for each in tensors[:2])
        channels = {each.shape[1] if each.dim() > 1 else 1 for each in tensors[:2]}
        gate = min(one, other) in channels and len(channels) == 1
        return "" if gate else "product of two branches"


def _convolution(args: Any) -> str:
    weight, transposed = args[1], args[6]
    if transposed:
        return "transposed convolution"
    return "" if weight.dim() in (4, 5) else "convolution over channels (ECA)"


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


def needs(name: str) -> dict[str, int]:
    """What a network of timm needs beside the language: constructs, and how often."""
    timm = family_peers._timm()
    with torch.device("meta"):
        model = timm.create_model(name).eval()
    size = model.default_cfg.get("input_size", (3, 224, 224))
    with torch.no_grad(), Recorder() as recorder:
        model(torch.empty(2, *size, device="meta"))
    return dict(recorder.needs)


def record(path: Path) -> None:
    """Every network that the file does not have yet, a line each."""
    known = {json.loads(line)["name"] for line in path.read_text().splitlines()} if path.exists() else set()
    names = [name for name in family_peers._timm().list_models() if name not in known]
    random.Random(0).shuffle(names)  # so that a record that was ended early is a sample
    with path.open("a", encoding="utf-8") as file:
        for index, name in enumerate(names, 1):
            try:
                line: dict[str, Any] = {"name": name, "needs": needs(name)}
            except Exception as error:
                line = {"name": name, "error": f"{type(error).__name__}: {error}"[:200]}
            print(json.dumps(line), file=file, flush=True)
            print(f"\r{index} of {len(names)}: {name:50s}", end="", file=sys.stderr)


def report(path: Path) -> None:
    """How many are said, and what would unlock how many more."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    given = {construct for construct, kind in GIVEN.items() if kind in KINDS}
    ran = {line["name"]: set(line["needs"]) - given for line in lines if "needs" in line}
    said = [name for name, missing in ran.items() if not missing]
    print(f"{len(said)} of {len(lines)} recorded networks of timm, by their operations")
    print(f"{len(lines) - len(ran)} do not run on the meta device")
    alone = Counter(next(iter(missing)) for missing in ran.values() if len(missing) == 1)
    uses = Counter(need for missing in ran.values() for need in missing)
    print("| what | networks that use it | that lack it alone |\n| --- | --- | --- |")
    for need, count in uses.most_common():
        print(f"| {need} | {count} | {alone[need]} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the networks of timm that the language can say.")
    parser.add_argument("path", type=Path, help="the record, a line of JSON a network")
    parser.add_argument("--record", action="store_true", help="run the networks that it does not have yet")
    given = parser.parse_args()
    if given.record:
        record(given.path)
    report(given.path)


if __name__ == "__main__":
    main()
