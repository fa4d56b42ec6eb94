"""The page: one self-contained HTML file that recomputes a network as its factors are moved.

Python says once what is to be computed and shown (:func:`content`); the page's program is compiled
from the very expressions of the spec (:mod:`x3dspec.report.javascript`) and refers to its results by their
place. Text of a spec reaches the page only through jinja's escaping or through JSON in which no
character can end its element; a content security policy allows the page's own script and style by
their hashes, and nothing from anywhere.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from x3dspec.formula import printers
from x3dspec.formula.sympy_bridge import translate
from x3dspec.language import numbers as exact
from x3dspec.language.errors import SpecError
from x3dspec.language.expressions import Expr, lift, variable
from x3dspec.language.meaning import build
from x3dspec.language.numbers import Exact
from x3dspec.language.paths import Path
from x3dspec.network import cost, identity, kinds, preset
from x3dspec.network import layers as net
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.breakdown import filters, short
from x3dspec.network.conditions import Constraint
from x3dspec.network.constraints import constraints
from x3dspec.network.factors import complete
from x3dspec.network.quantities import ALWAYS, Counts
from x3dspec.report import equation, family, fit, initial, javascript
from x3dspec.report.accuracy import accuracies
from x3dspec.report.curves import Expansions, expansions
from x3dspec.report.html import asset, environment, policy

#: The page's program, in the order in which it is read; the last part starts it.
PROGRAM = (
    "report_charts.js",
    "report_glance.js",
    "report_sliders.js",
    "report_exports.js",
    "report_fit.js",
    "report.js",
)

_TALLIED = (*ALWAYS, "weights", "norm_elements", "bytes")


def html(resolved: Resolved, arguments: Sequence[str] = ()) -> str:
    """The page of a network.

    Args:
        resolved: the network, at the setting that the page shows first.
        arguments: what else a command line says that names this network: ``--set``, ``--clip``.

    Raises:
        SpecError: a factor whose grid or bounds are no rational number.
    """
    page = _Page(resolved, tuple(arguments))
    data = page.content()
    script = "\n".join(
        [
            '"use strict";',
            asset("report_exact.js"),
            f"const evaluate={page.program};",
            f"const starts=[{','.join(page.starts)}];",
            f"const axes=[{','.join(fit.programs(page.open.source))}];",
            *map(asset, PROGRAM),
        ]
    )
    style = asset("report.css")
    template = environment().get_template("report.html.jinja")
    return str(
        template.render(
            data=data,
            json=_embedded(data),
            script=script,
            style=style,
            policy=policy(script, style),
            identity=resolved.network.identity,
            initial=initial.numbers(resolved),
            summands=equation.summands(resolved),
        )
    )


def _embedded(data: Mapping[str, Any]) -> str:
    """JSON in which nothing can end the script element around it, or a line of JavaScript."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


class _Slots:
    """Expressions that the page's program computes; a slot is the place of one among the results."""

    def __init__(self) -> None:
        self.roots: dict[Expr, int] = {}

    def of(self, value: Expr | int) -> int:
        return self.roots.setdefault(lift(value), len(self.roots))


class _Page:
    def __init__(self, resolved: Resolved, arguments: tuple[str, ...]) -> None:
        self.resolved = resolved
        self.arguments = arguments
        self.architecture = resolved.architecture
        self.source = self.architecture.source
        self.factors = self.architecture.factors()
        derived = frozenset(name for name in self.source.network.factors if self.source.derived(name))
        self.derived = derived
        # A derived factor is a variable here too: the page computes it unless it is set by hand.
        self.network = self.architecture.symbolic(derived)
        self.slots = _Slots()
        # Without what a preset sets: the networks with names are not to be told by this one's factors.
        self.open = Architecture(replace(self.source, factors={}))

    @property
    def program(self) -> str:
        """The function of all factors that gives every slot's value. Ask for it after the content."""
        return javascript.function(self.slots.roots, [factor.name for factor in self.factors])

    @property
    def starts(self) -> list[str]:
        """For every factor that follows from others the function that says how; ``null`` for others."""
        names = [factor.name for factor in self.factors]
        scope = {name: variable(name) for name in names}
        declared = self.source.network.factors
        return [
            javascript.function([build(declared[name].start, scope)], names)
            if name in self.derived
            else "null"
            for name in names
        ]

    def content(self) -> dict[str, Any]:
        """All that the page shows."""
        network = self.network
        return {
            "name": self.architecture.name,
            "title": self.source.identity.title,
            "source": self.source.identity.source,
            "chosen": dict(self.source.chosen),
            "counts": self._own_counts(),
            "accuracy": None if (found := accuracies(self.architecture)) is None else asdict(found),
            "factors": [self._factor(factor) for factor in self.factors],
            "input": {
                "frames": self._slot(network.frames),
                "size": self.slots.of(network.size),
                "stride": self._slot(network.stride),
                "symbolic": self._symbolic_input(),
            },
            "stages": list(self._stages()),
            "kinds": self._kinds(),
            "totals": self._tally(network.cost()),
            "conventions": [asdict(convention) for convention in cost.CONVENTIONS.values()],
            "constraints": [self._constraint(each) for each in constraints(network)],
            "presets": self._presets(),
            "trajectory": self._trajectory(),
            "fit": None
            if self._expansion is None
            else fit.content(self.open.source, self._expansion, ALWAYS),
            "spec": self._spec(),
            "command": shlex.join(["x3dspec", "resolve", self.source.display, *self.arguments]),
            "options": {**self.source.options, "classes": self.source.classes},
            "display": self.source.display,
        }

    def _own_counts(self) -> dict[str, int] | None:
        """What the spec's own network costs; None where it cannot be built."""
        try:
            cost = self.architecture.resolve().cost()
        except SpecError:
            return None
        return {quantity: getattr(cost, quantity) for quantity in ALWAYS}

    def _slot(self, value: Expr | None) -> int | None:
        return None if value is None else self.slots.of(value)

    def _tally(self, tally: cost.Cost[Expr]) -> dict[str, int]:
        return {name: self.slots.of(getattr(tally, name)) for name in _TALLIED}

    def _constraint(self, constraint: Constraint) -> dict[str, Any]:
        return {
            "stage": constraint.stage,
            "message": constraint.message,
            "when": self.slots.of(constraint.when),
            "holds": self.slots.of(constraint.holds),
            "values": [self.slots.of(value) for value in constraint.values],
        }

    def _factor(self, factor: net.Factor) -> dict[str, Any]:
        """`value` is what the page starts with, `own` what the spec says; None where it follows."""
        name = factor.name
        own = complete(self.source, {})[name]
        follows = name in self.derived
        given = name in self.resolved.setting
        start = self.source.network.factors[name].start
        return {
            "name": name,
            "doc": factor.doc,
            "grid": exact.text(_rational(factor.grid, name)),
            "low": None if factor.low is None else exact.text(_rational(factor.low, name)),
            "high": None if factor.high is None else exact.text(_rational(factor.high, name)),
            "top": exact.text(self._top(factor)),
            "follows": self._written(("factors", name, "start"), build(start, self._scope))
            if follows
            else None,
            "own": None if follows and name not in self.source.factors else exact.text(own),
            "value": None
            if follows and not given and name not in self.source.factors
            else exact.text(self.resolved.factors[name]),
        }

    @cached_property
    def _scope(self) -> dict[str, Expr]:
        return {factor.name: variable(factor.name) for factor in self.factors}

    def _top(self, factor: net.Factor) -> Fraction:
        """Where the slider ends: on the grid, within the domain, beyond all that has a name."""
        settings = [self.resolved.factors, *(values for _, values in self._named)]
        return family.last_rung(factor, settings) * _rational(factor.grid, factor.name)

    def _symbolic_input(self) -> list[str]:
        """How the clip follows from the factors, as the spec says it."""
        parts = [("T", "frames", self.network.frames), ("S", "size", self.network.size)]
        return [
            f"{letter} = {self._written(('input', key), node)}"
            for letter, key, node in parts
            if node is not None
        ]

    def _written(self, path: Path, node: Expr) -> str:
        """The spec's own words for an expression; ours where a clip has replaced them."""
        if path[0] == "input" and self.source.clip is not None:
            return _spelled(node, {})
        found: Any = self.source.document.data
        for part in path:
            known = found if isinstance(found, dict) else dict(enumerate(found))
            if part not in known:
                return _spelled(node, {})
            found = known[part]
        return found if isinstance(found, str) else _spelled(node, {})

    def _stages(self) -> Iterator[dict[str, Any]]:
        rows: list[net.Shape[Expr]] = [self.network.inputs]
        for stage in self.network.stages:
            yield {
                "name": stage.name,
                "repeat": self.slots.of(stage.repeat),
                "width": self.slots.of(stage.outputs.channels),
                "inner": self._slot(stage.argument("inner")),
                "frames": self._slot(_frames(stage.outputs)),
                "size": self._slot(_size(stage.outputs)),
                "filters": [
                    {
                        "window": _window(window),
                        "channels": self._slot(channels),
                        "when": self.slots.of(layer.when),
                        "symbol": None
                        if channels is None
                        else self._written((*layer.origin, "out"), channels),
                    }
                    for layer, window, channels in filters(stage.first)
                ],
                "arguments": self._arguments(stage),
                "times": self._written((*stage.origin, "repeat"), stage.repeat) if stage.sequence else "1",
                "output": _output(rows[-1], stage.outputs),
                "cost": self._tally(stage.cost()),
            }
            rows.append(stage.outputs)

    def _arguments(self, stage: net.Stage[Expr]) -> list[tuple[str, str]]:
        return [
            (name, self._written((*stage.origin, name), value))
            for name, value in stage.arguments
            if name in ("width", "inner")
        ]

    def _kinds(self) -> list[dict[str, Any]]:
        """What each kind of layer costs, in the order in which they appear."""
        costs = {
            kind: {q: lift(getattr(t, q)) for q in ALWAYS} for kind, t in kinds.costs(self.network).items()
        }
        return [
            {"name": kind, "cost": {name: self.slots.of(node) for name, node in each.items()}}
            for kind, each in costs.items()
            if any(node.value != 0 for node in each.values())
        ]

    @cached_property
    def _named(self) -> list[family.Named]:
        return family.presets(self.open)

    def _presets(self) -> list[dict[str, Any]]:
        found = []
        defaults = {name: option.default for name, option in self.source.network.options.items()}
        for other, values in self._named:
            if other.source.options not in (defaults, self.source.options):
                continue  # it sets options that this page does not have: with these it is another network
            given = {n: v for n, v in values.items() if n not in self.derived or n in other.source.factors}
            try:
                counts = self.open.at(given).cost()
            except SpecError:
                continue  # with this page's options it cannot be built
            found.append(
                {
                    "name": other.name,
                    "title": other.source.identity.title,
                    "label": f"{_called(other)} · {short(counts.macs)}",
                    "values": {name: exact.text(value) for name, value in given.items()},
                    **{quantity: getattr(counts, quantity) for quantity in ALWAYS},
                }
            )
        return sorted(found, key=lambda entry: int(entry["macs"]))

    def _fit(self) -> dict[str, Any] | None:
        if self._expansion is None:
            return None
        return fit.content(self.open.source, self._expansion, ALWAYS)

    @cached_property
    def _expansion(self) -> Expansions | None:
        return expansions(self.architecture)

    def _trajectory(self) -> dict[str, Any] | None:
        """Cost after each step, solved and recorded, from the spec's start."""
        found = self._expansion
        if found is None:
            return None
        start = {"axis": "start", "name": None, **_counted(found.start)}
        return {
            "solved": [start, *map(_step, found.solved)],
            "published": [start, *map(_step, found.published)] if found.published else [],
        }

    def _spec(self) -> dict[str, str] | None:
        """The preset to download, in the two parts between which the factors stand."""
        file = f"{self.architecture.name}_custom.yaml"
        try:
            changed = replace(self.resolved.network, identity=identity.changed(self.source.identity))
            shown = replace(self.resolved, network=changed)
            text = preset.text(shown, self.source.origins[-1].path.parent / file)
        except SpecError:
            return None
        lines = text.splitlines()
        at = next(index for index, line in enumerate(lines) if line.startswith("factors: {"))
        before, after = lines[:at], lines[at + 1 :]
        return {"file": file, "before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n"}


def _called(architecture: Architecture) -> str:
    title = architecture.source.identity.title.split(",")[0]
    return title if 0 < len(title) <= 20 else architecture.name


def _rational(value: Exact, name: str) -> Fraction:
    if isinstance(value, Fraction):
        return value
    raise SpecError.at("x3dspec report", f"the grid and the bounds of {name} must be rational for a slider")


def _step(step: Any) -> dict[str, Any]:
    return {"axis": step.axis, "name": step.reaches, "named": _counted(step.named), **_counted(step.counts)}


def _counted(counts: Counts) -> dict[str, int]:
    return {quantity: counts[quantity] for quantity in ALWAYS}


def _frames(shape: net.Shape[Expr]) -> Expr | None:
    return shape.sizes[0] if len(shape.sizes) == 3 else None


def _size(shape: net.Shape[Expr]) -> Expr | None:
    return shape.sizes[-1] if shape.sizes else None


def _spelled(node: Expr, known: Mapping[Expr, str]) -> str:
    """An expression as a spec would say it, where some parts of it have names."""
    return known.get(node) or printers.text(translate([node], known).values[0])


def _output(before: net.Shape[Expr], after: net.Shape[Expr]) -> str | None:
    """A stage's output in the sizes of its input, T and S; nothing to say behind the global mean."""
    if not before.sizes:
        return None
    if not after.sizes:
        return "1"
    known = dict(zip(before.sizes, "TSS" if len(before.sizes) == 3 else "SS", strict=True))
    spelled = [_spelled(size, known) for size in after.sizes]
    side = spelled[-1]
    *frames, _, _ = spelled
    squared = f"{side}²" if side == "S" or side.isdigit() or side.endswith(")") else f"({side})²"
    return " × ".join([*frames, squared])


def _window(text: str) -> str:
    """1x3^2 with the characters that a page has."""
    return re.sub(r"(?<=\d)x(?=\d)", "×", text).replace("^2", "²")
