"""The parts of the documentation that come from the code, so that they cannot drift from it.

    python docs/generate.py            rewrite them in place
    python docs/generate.py --check    exit 1 where a page is not what the code says

A page marks a part by ``<!-- generated: NAME -->`` and ``<!-- end -->``; NAME is a function below.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import x3dspec
from x3dspec import cost, spec, syntax
from x3dspec.published import compare

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
FAMILY = ("x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def keys(model: type[BaseModel]) -> str:
    """The keys of one mapping of the language."""
    rows = [
        (f"`{name}`", _default(field), field.description or "") for name, field in model.model_fields.items()
    ]
    return table(("key", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == "" or value == {} or value == []:
        return ""
    return f"`{_written(value)}`"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    if isinstance(value, syntax.Number):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def language_network() -> str:
    return keys(spec.NetworkFile)


def language_preset() -> str:
    return keys(spec.PresetFile)


def language_factor() -> str:
    return keys(spec.Factor)


def language_option() -> str:
    return keys(spec.Option)


def language_input() -> str:
    return keys(spec.Input)


def language_block() -> str:
    return keys(spec.Block)


def language_stage() -> str:
    return keys(spec.Stage)


def language_waypoint() -> str:
    return keys(spec.Waypoint)


def language_layers() -> str:
    """Every layer kind with its own keys."""
    rows = []
    for name, field in spec.LayerItem.model_fields.items():
        model = next(
            m for m in get_args(field.annotation) if isinstance(m, type) and issubclass(m, BaseModel)
        )
        own = [key for key in model.model_fields if key not in spec.Layer.model_fields]
        listed = "; ".join(_key(model, key) for key in own)
        rows.append((f"`{name}`", field.description or "", listed))
    return table(("layer", "what it is", "its keys"), rows)


def _key(model: type[BaseModel], key: str) -> str:
    field = model.model_fields[key]
    literal = get_args(field.annotation) if get_origin(field.annotation) is not None else ()
    choices = " or ".join(f"`{c}`" for c in literal if isinstance(c, str))
    default = _default(field)
    said = ", ".join(
        part for part in (choices, "" if default in ("", "required") else f"{default} by default") if part
    )
    return f"`{key}`: {field.description}" + (f" ({said})" if said else "")


def language_every_layer() -> str:
    return keys(spec.Layer)


def language_functions() -> str:
    meanings = {
        "sqrt": "the exact square root",
        "ceil": "the next whole number up",
        "floor": "the next whole number down",
        "round": "the nearest whole number, ties up",
        "round_to": "`round_to(x, step)`: the nearest multiple of `step`, ties up",
        "round_width": "`round_width(x)` or `round_width(x, 8)`: the nearest multiple of 8, ties up, "
        "at least 8, and 8 more where that lost more than 10 % of x",
        "min": "the least of its arguments",
        "max": "the greatest of its arguments",
        "cycle": "`cycle(a, b)`: a in the 1st, 3rd, 5th block of a stage, b in the others; "
        "any number of arguments",
    }
    return table(("function", "value"), [(f"`{name}`", meanings[name]) for name in syntax.FUNCTIONS])


def conventions() -> str:
    """What four tools report for one and the same network."""
    network = x3dspec.load("x3d_xs").choose(shortcut_norm="on_width_change")
    zoo = network.at_clip(4, 182)
    rows = [
        (
            f"`{name}`",
            convention.doc,
            f"{network.resolve().cost(name).operations:,}",
            f"{zoo.resolve().cost(name).operations:,}",
        )
        for name, convention in cost.CONVENTIONS.items()
    ]
    return table(
        ("convention", "what it counts", "X3D-XS at 4 x 160", "at 4 x 182, the zoo's test crop"), rows
    )


def family() -> str:
    """The X3D family, counted."""
    rows = []
    for name in FAMILY:
        network = x3dspec.load(name)
        resolved = network.resolve()
        theirs = network.choose(shortcut_norm="on_width_change").resolve().cost()
        count = resolved.cost()
        clip = f"{resolved.network.frames} x {resolved.network.size}"
        row = (name, clip, f"{count.macs:,}", f"{count.params:,}", f"{theirs.params:,}", f"{count.weights:,}")
        rows.append(row)
    head = (
        "spec",
        "frames x size",
        "MACs",
        "parameters",
        "with pytorchvideo's shortcuts",
        "conv and linear weights",
    )
    return table(head, rows)


def solved() -> str:
    """The paper's eleven steps, each solved for twice the cost, as its table has the network."""
    printed = compare(x3dspec.load("x2d").choose(squeeze_excite="none"))
    counted = compare(x3dspec.load("x2d"))
    rows = [
        (ours.axis, f"{ours.solved:.3f}", f"{with_se.solved:.3f}", f"{ours.published:.3f}")
        for ours, with_se in zip(printed, counted, strict=True)
    ]
    return table(("step", "solved for twice the MACs", "with squeeze-excitation", "published"), rows)


def rewritten(page: str) -> str:
    return PART.sub(lambda part: part[1] + _part(part[2]) + part[3], page)


def _part(name: str) -> str:
    make: Callable[[], str] = globals()[name]
    return make()


def main() -> int:
    stale = []
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        new = rewritten(page)
        if new != page:
            stale.append(path.relative_to(ROOT))
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'stale; run python docs/generate.py' if '--check' in sys.argv else 'rewritten'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
