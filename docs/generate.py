"""The parts of the documentation that come from the code, so that they cannot drift from it.

    python docs/generate.py            rewrite them in place
    python docs/generate.py --check    exit 1 where a page is not what the code says
    python docs/generate.py --consoles run the consoles too, and rewrite what they show (docs/consoles.py)

A page marks a part by ``<!-- generated: NAME -->`` and ``<!-- end -->``; NAME is a function below, or an
equation of docs/equations.py.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import consoles
import equations
import reference
import wings
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import x3dspec
from x3dspec.cli import answers
from x3dspec.cli.schema import answered
from x3dspec.codegen import files
from x3dspec.codegen.module import counted
from x3dspec.language import (
    fields,
    grammar,
    layer_keys,
    literals,
    loading,
    nodes,
    syntax,
    text_file,
    values,
    wording,
    yaml_events,
)
from x3dspec.language import numbers as exact
from x3dspec.language import schema as spec
from x3dspec.network import builder, conditions, cost, lower
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.memory import largest_batch
from x3dspec.network.units import binary
from x3dspec.pytorch import emitted_file, verify
from x3dspec.scaling import journal, solving
from x3dspec.scaling.expand import expand
from x3dspec.scaling.judge_ranking import standings
from x3dspec.scaling.judges import judge
from x3dspec.scaling.published import comparisons

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "docs" / "answers.schema.json"
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


#: What docs/api.md shows, part by part.
_API = {
    "x3dspec": "resolve cost budget expand search solve emit verify",
    "x3dspec.formula": "of",
    "x3dspec.network.architecture": "load Architecture Resolved Cost",
    "x3dspec.language.errors": "SpecError BadArgument Problem Infeasible",
    "x3dspec.formula.closed_form": "Formula",
    "x3dspec.formula.elasticity": "elasticities",
    "x3dspec.network.units": "parse_target Target",
    "x3dspec.scaling.budget": "Budget",
    "x3dspec.scaling.trajectory": "Trajectory Step",
    "x3dspec.scaling.expand": "Expansion",
    "x3dspec.scaling.judges": "Candidate judge",
    "x3dspec.scaling.search.result": "Result",
    "x3dspec.scaling.unknowns": "Solved Unknown Point",
    "x3dspec.pytorch.checks": "Report",
    "x3dspec.pytorch.checkpoint": "read write",
    "x3dspec.pytorch.convert": "convert Conversion",
    "x3dspec.pytorch.export": "export",
}


def _reference(*homes: str) -> str:
    return "\n" + "\n".join(
        reference.entry(f"{home}.{name}") for home in homes for name in _API[home].split()
    )


def api_functions() -> str:
    return _reference("x3dspec", "x3dspec.formula")


def api_classes() -> str:
    return _reference("x3dspec.network.architecture", "x3dspec.language.errors")


def api_answers() -> str:
    return _reference(
        "x3dspec.formula.closed_form",
        "x3dspec.formula.elasticity",
        "x3dspec.network.units",
        *(home for home in _API if home.startswith("x3dspec.scaling")),
    )


def api_weights() -> str:
    return _reference(*(home for home in _API if home.startswith("x3dspec.pytorch")))


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


def language_accuracy() -> str:
    return keys(spec.Accuracy)


def language_layers() -> str:
    """Every layer kind with its own keys."""
    rows = []
    for name, field in layer_keys.LayerItem.model_fields.items():
        model = next(
            m for m in get_args(field.annotation) if isinstance(m, type) and issubclass(m, BaseModel)
        )
        own = [key for key in model.model_fields if key not in layer_keys.Layer.model_fields]
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
    return keys(layer_keys.Layer)


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
    return table(("function", "value"), [(f"`{name}`", meanings[name]) for name in grammar.FUNCTIONS])


def conventions() -> str:
    """What four tools report for one and the same network."""
    network = x3dspec.load("x3d_xs").choose(shortcut_norm="on_width_change")
    zoo = network.choose(head="window").at_clip(4, 182)
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


MEMORY = ("x3d_s", "x3d_m", "x3d_l", "i3d_r50", "slow_r50", "csn_r101", "efficientnet_b0")


def peaks() -> str:
    """The greatest live activations at inference, of both forms."""
    rows = []
    for name in MEMORY:
        resolved = x3dspec.load(name).resolve()
        train, deploy = resolved.peak(), counted(resolved, "deploy").peak("deploy")
        rows.append([name, f"{train:,}", binary(train), f"{deploy:,}", binary(deploy)])
    return table(["spec", "train form, bytes at peak", "", "deploy form", ""], rows)


def memory() -> str:
    """What training keeps of one clip, and the largest batch in 24 GiB."""
    rows = []
    for name in MEMORY:
        resolved = x3dspec.load(name).resolve()
        kept, less = resolved.saved(), resolved.saved(checkpointing=True)
        batches = [
            largest_batch(resolved.network, 24 * 2**30, checkpointing=on).clips for on in (False, True)
        ]
        figures = (f"{resolved.cost().macs / 1e9:.2f}", f"{kept.one_clip:,}", binary(kept.one_clip))
        rows.append((name, *figures, binary(less.one_clip), *batches))
    head = (
        "spec",
        "GMACs",
        "bytes kept for one clip",
        "",
        "with checkpointing",
        "clips in 24 GiB",
        "with it",
    )
    return table(head, rows)


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
    printed = comparisons(x3dspec.load("x2d").choose(squeeze_excite="none"))
    counted = comparisons(x3dspec.load("x2d"))
    rows = [
        (ours.axis, f"{ours.solved:.3f}", f"{with_se.solved:.3f}", f"{ours.published:.3f}")
        for ours, with_se in zip(printed, counted, strict=True)
    ]
    return table(("step", "solved for twice the MACs", "with squeeze-excitation", "published"), rows)


def bounds() -> str:
    """Every bound on untrusted input, from the room that holds it, with its reason."""
    several = "several times what the largest sensible spec needs"
    crawl = "exact arithmetic on more would crawl"
    rows: list[tuple[str, int, str]] = [
        ("bytes of a document", text_file.MAX_BYTES, f"{several}; the worst within it takes about a second"),
        (
            "nodes of a document, aliases as what they stand for",
            nodes.MAX_NODES,
            "a bomb of aliases is refused before it grows",
        ),
        ("nesting of a document", yaml_events.MAX_DEPTH, "later stages walk it recursively"),
        ("characters of one text", nodes.MAX_SCALAR, several),
        ("characters of a title, source, note or doc", fields.MAX_TEXT, "it is wrapped into a docstring"),
        ("digits of a number", literals.MAX_DIGITS, "counts of MACs need 15; " + crawl),
        ("exponent of a number", literals.MAX_EXPONENT, crawl),
        ("bases in a row", loading.MAX_BASES, "a preset of a preset of a preset is hard to follow already"),
        ("problems reported of a document", wording.MAX_PROBLEMS, "nobody reads more"),
        ("characters of an expression", grammar.MAX_LENGTH, "more is not read in a table"),
        (
            "operations of a document, as written and again as its stages use them",
            grammar.MAX_OPERATIONS,
            "X2D has 637; every one is bounded, this bounds them together",
        ),
        ("nesting of an expression", grammar.MAX_DEPTH, "every walk of it may recurse"),
        ("stages", spec.MAX_STAGES, several),
        ("layers of one block", layer_keys.MAX_LAYERS_PER_BLOCK, several),
        ("period of a block's cycles", lower.MAX_PERIOD, "each phase is lowered by itself"),
        ("layers of all distinct blocks", builder.MAX_LAYERS, "X2D has 168; cycles could ask for millions"),
        ("repeats of a block", conditions.MAX_REPEAT, "each is a line of the generated file"),
        ("blocks in all", conditions.MAX_BLOCKS, "as before, over all stages"),
        ("frames, height, width", conditions.MAX_SIZE, "products of sizes stay numbers of 20 digits"),
        ("channels, groups, hidden widths", conditions.MAX_CHANNELS, "likewise"),
        (
            "size of a factor, its inverse",
            values.MAX_FACTOR,
            "products of a few are floats, for the solvers",
        ),
        ("bits of an exact number", exact.MAX_BITS, "1200 digits, printed and multiplied at once"),
        ("exponent of a power", exact.MAX_EXPONENT, "2 to more is over the bits"),
        ("degree of a root", exact.MAX_DEGREE, "(6/5)**phi where phi has two decimals"),
        (
            "bytes of a file under verify",
            emitted_file.MAX_BYTES,
            "emitted files are smaller",
        ),
        ("seconds of a file under verify", int(verify.TIMEOUT), "it may compute anything"),
        ("bytes of a journal", journal.MAX_BYTES, "one holds a few hundred lines"),
        ("seconds after which a leftover is stale", files.STALE_SECONDS, "no run takes so long to write"),
    ]
    return table(("what", "at most", "why"), [(what, f"{most:,}", why) for what, most, why in rows])


def expansion_waypoints() -> str:
    """The solved waypoints beside the published networks."""
    found = expand(x3dspec.load("x2d"), judge("published"), steps=11).trajectory.steps
    theirs = expand(x3dspec.load("x2d"), judge("published"), steps=11, rule="recorded").trajectory.steps
    rows, before = [], float(solving.relaxed(Evaluator.of(x3dspec.load("x2d")), {}))
    for index, (step, published) in enumerate(zip(found, theirs, strict=True), 1):
        name, relaxed = published.reaches, float(step.relaxed or 0)
        cost = x3dspec.load(name).resolve().cost().macs if name else 0
        beside = (f"`{name}`", f"{cost:,}", f"{relaxed / cost:.3f}") if name else ("", "", "")
        solved = (f"x {float(step.multiplier):.3f}", f"{relaxed / 1e9:.3f} G", f"{relaxed / before:.2f}")
        rows.append((index, step.axis, *solved, f"{step.counts.macs:,}", *beside))
        before = relaxed
    head = ("step", "axis", "solved", "MACs", "times the last", "as built", "published", "its MACs", "ratio")
    return table(head, rows)


def expansion_judges() -> str:
    """Every built-in judge against the published order."""
    rows = [
        (
            f"`{each.judge}`",
            each.matches,
            each.merged,
            f"{each.mean_rank:.2f}",
            " ".join("-" if rank is None else str(rank) for rank in each.ranks),
        )
        for each in standings(x3dspec.load("x2d"))
    ]
    return table(("judge", "matches", "Fast = Temporal", "mean rank", "rank at each published state"), rows)


def json_answers() -> str:
    """The answer of every command, with its own keys."""
    commands = answered()
    schema = answers.json_schema(commands)
    rows = []
    for command, place in zip(commands, schema["oneOf"], strict=True):
        answer = schema["$defs"][place["$ref"].rpartition("/")[2]]
        own = ", ".join(f"`{key}`" for key in answer["properties"] if key != "x3dspec")
        rows.append((f"`{command}`", answer["description"], own))
    return table(("command", "what it answers", "keys"), rows)


def wings_table() -> str:
    """Every wing with its files."""
    return table(("wing", "what it does", "files"), wings.rows())


def rewritten(page: str) -> str:
    return PART.sub(lambda part: part[1] + _part(part[2]) + part[3], page)


def _part(name: str) -> str:
    if name in equations.EQUATIONS:
        return equations.latex(name)
    make: Callable[[], str] = globals()[name]
    return make()


def _run(page: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return consoles.rerun(page, Path(folder))


def made() -> Iterator[tuple[Path, str]]:
    """Every file that comes from the code, in whole or in part, as it should be."""
    yield ROOT / "docs" / "wings.svg", wings.picture()
    yield SCHEMA, json.dumps(answers.json_schema(answered()), indent=2) + "\n"
    for path in PAGES:
        page = rewritten(path.read_text(encoding="utf-8"))
        runs = "--consoles" in sys.argv and path.parent.name == "docs" and path.name in consoles.PAGES
        yield path, _run(page) if runs else page


def main() -> int:
    stale = []
    for path, text in made():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.relative_to(ROOT))
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'stale; run python docs/generate.py' if '--check' in sys.argv else 'rewritten'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
