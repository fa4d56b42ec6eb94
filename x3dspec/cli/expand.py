"""``x3dspec expand``: the paper's loop, with a judge of one's choice."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any

import typer

from x3dspec.cli import arguments, completion, output, style
from x3dspec.cli import plot as picture
from x3dspec.cli.expand_answer import content
from x3dspec.cli.expand_page import page
from x3dspec.cli.scoring import Narrator, Stop, stopping
from x3dspec.language.errors import Infeasible, SpecError
from x3dspec.network import preset
from x3dspec.network.architecture import Architecture
from x3dspec.network.units import Target, parse_target
from x3dspec.scaling.expand import RULES, Expansion, expand, published_steps
from x3dspec.scaling.inheritance import Inheritance
from x3dspec.scaling.journal import Journal, digest, journaled
from x3dspec.scaling.judges import BUILT_IN, CLOSED_FORMS, WARNING, judge
from x3dspec.scaling.trainer import Trainer, inherits, split

#: Candidates that a cluster is given at a time: all of any step.
MAX_ON_CLUSTER = 256

Rule = Enum("Rule", {name: name for name in RULES}, type=str)  # type: ignore[misc]


def register(app: typer.Typer) -> None:
    app.command("expand")(command)


def command(
    spec: str = typer.Argument("specs/x2d.yaml", help="The spec to expand.", autocompletion=completion.specs),
    name: str = typer.Option(
        "published", "--judge", autocompletion=completion.judges, help="A judge, or package.module:function."
    ),
    target: str = typer.Option(None, metavar="FIGURE", help="Contract the step that passes it: 4.7GFLOPs."),
    steps: int = typer.Option(None, min=1, max=64, help="How many steps; the published number by default."),
    rule: Rule = typer.Option("double-cost", help="How far a step goes."),
    axes: str = typer.Option(
        None, metavar="A,B", autocompletion=completion.axes, help="The axes to try; all by default."
    ),
    template: str = typer.Option(
        None,
        "--judge-command",
        metavar="COMMAND",
        help="With --judge command: {module}, {spec}, {out}, {weights}, {weights_out}.",
    ),
    jobs: int = typer.Option(1, min=1, max=256, help="Commands at a time."),
    limit: float = typer.Option(3600.0, "--time-limit", min=0.1, help="Seconds that one command may take."),
    retries: int = typer.Option(1, min=0, max=100, help="How often a command that failed is run again."),
    dask: str = typer.Option(
        None, metavar="ADDRESS", help="Run commands on a Dask cluster: tcp://host:8786."
    ),
    log: Path = typer.Option(None, "--journal", metavar="FILE", help="Keep scores, and continue from them."),
    keep_failures: bool = typer.Option(
        False, "--keep-failures", help="A failure in the journal is final; otherwise it is tried again."
    ),
    decide_with_failures: bool = typer.Option(
        False, "--decide-with-failures", help="Decide a step in which some candidates failed."
    ),
    options: list[str] = typer.Option(
        [], "--set", metavar="NAME=VALUE", autocompletion=completion.choices, help="Choose an option."
    ),
    candidates: bool = typer.Option(False, "-v", "--candidates", help="Also every candidate of each step."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    out: Path = typer.Option(None, "-o", "--output", metavar="FILE", help="Write it as a spec again."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw the trajectory: .svg or .png."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Expand a spec axis by axis, as a judge scores them.

    Every axis is tried from the same state, and the one that the judge scores highest is kept.

    x3dspec expand x2d --judge published

    x3dspec expand x2d --judge command --judge-command 'python train.py {module} {spec} {out}'
    --target 1GFLOPs --journal expansion.jsonl
    """
    architecture = arguments.opened(spec, options)
    picture.expect(plot)
    output.claim_spec(architecture, ("-o", out), ("--plot", plot), reads=[log] if log else [], force=force)
    asked = None if target is None else parse_target(target)
    if asked is None and steps is None:
        steps = published_steps(architecture)
        if steps is None:
            raise SpecError.at("x3dspec expand", "needs --target or --steps: nothing is published")
    if rule.value == "recorded" and name != "published":
        raise SpecError.at("--rule", "recorded replays the published steps: it goes with --judge published")
    names = None if axes is None else [axis.strip() for axis in axes.split(",")]
    stop, narrator = Stop(), Narrator()
    trainer = _trainer(name, template, limit, retries, jobs, dask)
    _needs_journal(trainer, log)
    journal = None if log is None else Journal(log, _subject(architecture, name, template, rule.value, names))
    inheritance = _inheritance(trainer, journal)
    chooser = (
        replace(trainer, stop=stop, watch=narrator.watch, inheritance=inheritance).judge()
        if trainer
        else judge(name)
    )
    if journal is not None:
        chooser = journaled(chooser, journal, keep_failures)
    told = trainer is not None or log is not None
    if told:
        chooser = narrator.narrated(chooser)
    if name in CLOSED_FORMS:
        style.warn(WARNING)
    tell = narrator.telling_of(architecture, inheritance) if trainer is not None else lambda _: None
    decides = decide_with_failures or name in BUILT_IN
    with narrator.telling(log is not None), nullcontext() if trainer is None else stopping(stop):
        found = expand(architecture, chooser, steps, asked, rule.value, names, tell, decides)
    _answer(found, name, as_json, candidates, _files(found, asked, out, plot))
    if found.undecided:
        raise Infeasible(_undecided(found, told, log is not None))
    if not found.trajectory.steps:
        raise Infeasible(f"no factor was moved: {found.trajectory.ended}")


def _answer(
    found: Expansion, name: str, as_json: bool, candidates: bool, files: dict[Path, str | bytes]
) -> None:
    # First what was found, which may have taken days, then what may yet go wrong.
    if as_json:
        typer.echo(output.document(content(found, name)))
    else:
        style.show(page(found, name, candidates))
    if found.trajectory.steps and not found.undecided:
        output.write(files)


def _undecided(found: Expansion, told: bool, kept: bool) -> str:
    """Why a step was not decided, where every failure has been `told` without its reason again."""
    lost = ", ".join(each.option.axis for each in found.lost)
    why = f"step {len(found.rounds) + 1} is not decided: {lost} failed" if told else found.failed
    again = "; the same command tries them again" if kept else ""
    return f"{why}{again}; --decide-with-failures decides without them"


def _files(
    found: Expansion, target: Target | None, out: Path | None, plot: Path | None
) -> dict[Path, str | bytes]:
    files: dict[Path, str | bytes] = {}
    if out is not None:
        files[out] = preset.text(found.resolved(), out)
    if plot is not None:
        files[plot] = picture.drawn(plot, _plotted(found, target))
    return files


def _plotted(found: Expansion, target: Target | None) -> str:
    """The trajectory as a picture, in the quantity of the target; without one, in MACs."""
    from x3dspec.report import figures

    path, quantity = found.trajectory, target.quantity if target else "macs"
    limit = target.value if target else None
    return figures.trajectory(found.architecture.name, path.counts, path.steps, quantity, limit)


def _trainer(
    name: str, template: str | None, limit: float, retries: int, jobs: int, dask: str | None
) -> Trainer | None:
    """How a command scores, where one is the judge."""
    if name != "command":
        if template is not None or dask is not None:
            option = "--dask" if template is None else "--judge-command"
            raise SpecError.at(option, "goes with --judge command")
        return None
    if template is None:
        raise SpecError.at("--judge", "command needs --judge-command 'python train.py {module} {spec} {out}'")
    from x3dspec.codegen.module import source as emit

    trainer = Trainer(split(template), emit, limit, retries, jobs)
    if dask is None:
        return trainer
    from x3dspec.scaling.cluster import Cluster

    return replace(trainer, start=Cluster(dask), jobs=MAX_ON_CLUSTER)


def _needs_journal(trainer: Trainer | None, log: Path | None) -> None:
    if trainer and inherits(trainer.words) and log is None:
        raise SpecError.at(
            "--judge-command", "{weights_out} needs --journal FILE, beside which weights are kept"
        )


def _inheritance(trainer: Trainer | None, journal: Journal | None) -> Inheritance | None:
    """What keeps and grows weights, where the command has places for them."""
    if trainer is None or journal is None or not inherits(trainer.words):
        return None
    try:
        from x3dspec.pytorch import inherit
    except ModuleNotFoundError:
        message = '{weights_out} needs torch: pip install ".[torch]" in a clone of x3dspec'
        raise SpecError.at("--judge-command", message) from None
    return Inheritance(journal, inherit.check, inherit.grown)


def _subject(
    architecture: Architecture, name: str, template: str | None, rule: str, names: list[str] | None
) -> dict[str, Any]:
    """What a journal is of: two searches with the same subject give the same scores."""
    source = architecture.source
    text = b"".join(origin.path.read_bytes() for origin in source.origins)
    return {
        "spec": digest(text),
        "options": {**source.options, "classes": source.classes},
        "judge": name,
        "command": template,
        "rule": rule,
        "axes": names,
    }
