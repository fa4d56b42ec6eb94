"""The page: one self-contained HTML file that recomputes a network as its factors are moved.

Python says once what is to be computed and shown (:func:`content`); the page's program is compiled
from the very expressions of the spec (:mod:`x3dspec.report.javascript`) and refers to its results by their
place. Text of a spec reaches the page only through jinja's escaping or through JSON in which no
character can end its element; a content security policy allows the page's own script and style by
their hashes, and nothing from anywhere.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from x3dspec.network import cost
from x3dspec.network.architecture import Resolved
from x3dspec.network.conditions import Constraint
from x3dspec.network.constraints import constraints
from x3dspec.network.quantities import ALWAYS
from x3dspec.report import equation, fit, initial, page_factors, page_networks, page_stages
from x3dspec.report.accuracy import accuracies
from x3dspec.report.html import asset, environment, policy
from x3dspec.report.subject import Subject

#: The page's program, in the order in which it is read; the last part starts it.
PROGRAM = (
    "report_charts.js",
    "report_glance.js",
    "report_sliders.js",
    "report_exports.js",
    "report_fit.js",
    "report.js",
)


def html(resolved: Resolved, arguments: Sequence[str] = ()) -> str:
    """The page of a network.

    Args:
        resolved: the network, at the setting that the page shows first.
        arguments: what else a command line says that names this network: ``--set``, ``--clip``.

    Raises:
        SpecError: a factor whose grid or bounds are no rational number.
    """
    subject = Subject(resolved)
    data = _content(subject, arguments)
    script = "\n".join(
        [
            '"use strict";',
            asset("report_exact.js"),
            f"const evaluate={subject.program()};",
            f"const starts=[{','.join(page_factors.starts(subject))}];",
            f"const axes=[{','.join(fit.programs(subject.open.source))}];",
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


def _content(subject: Subject, arguments: Sequence[str]) -> dict[str, Any]:
    """All that the page shows."""
    source, network, accuracy = subject.source, subject.network, accuracies(subject.architecture)
    return {
        "name": subject.architecture.name,
        "title": source.identity.title,
        "source": source.identity.source,
        "chosen": dict(source.chosen),
        "counts": page_networks.own_counts(subject),
        "accuracy": None if accuracy is None else asdict(accuracy),
        "factors": page_factors.factors(subject),
        "input": page_factors.clip(subject),
        "stages": page_stages.stages(subject),
        "kinds": page_stages.costs(subject),
        "totals": subject.counts(network.cost()),
        "conventions": [asdict(convention) for convention in cost.CONVENTIONS.values()],
        "constraints": [_constraint(subject, constraint) for constraint in constraints(network)],
        "presets": page_networks.presets(subject),
        "trajectory": page_networks.trajectory(subject),
        "fit": _fit(subject),
        "spec": page_networks.download(subject),
        "command": shlex.join(["x3dspec", "resolve", source.display, *arguments]),
        "options": {**source.options, "classes": source.classes},
        "display": source.display,
    }


def _fit(subject: Subject) -> dict[str, Any] | None:
    expansion = subject.expansion
    return None if expansion is None else fit.content(subject.open.source, expansion, ALWAYS)


def _constraint(subject: Subject, constraint: Constraint) -> dict[str, Any]:
    return {
        "stage": constraint.stage,
        "message": constraint.message,
        "when": subject.slot(constraint.when),
        "holds": subject.slot(constraint.holds),
        "values": [subject.slot(value) for value in constraint.values],
    }
