"""``x3dspec calibrate``: what layers take on this machine, as formulas in a file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typing_extensions import TypedDict

from x3dspec.cli import output
from x3dspec.cli.progress import Progress, duration
from x3dspec.language import text_file
from x3dspec.language.errors import SpecError, printable
from x3dspec.language.machine_file import Machine, text
from x3dspec.network.units import parse_tolerance

if TYPE_CHECKING:
    from x3dspec.pytorch.calibrate import Setting, Times

#: Seconds after which what was timed is kept for a run that goes on.
OFTEN = 3.0


class LawTerms(TypedDict):
    """Nanoseconds of a layer: `call`, and of `mac` for each MAC and `byte` for each byte the greater, or the
    sum where `added`. Channels count in multiples of `granularity`; `error` is the cross-validated median."""

    call: float
    mac: float
    byte: float
    granularity: int
    added: bool
    error: float
    samples: int


class CalibrateAnswer(output.Answer):
    """A machine, as its file has it. Errors are shares: 0.08 is 8 %."""

    file: str
    device: str
    processor: str
    torch: str
    threads: int
    dtype: str
    form: str
    batch: int
    clock: str
    error: float
    repeatability: float
    laws: dict[str, LawTerms]


def register(app: typer.Typer) -> None:
    app.command("calibrate")(command)


def command(
    out: Path = typer.Option(..., "-o", "--output", metavar="FILE", help="The machine file to write."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1 ..."),
    threads: int = typer.Option(None, min=1, max=1024, help="Of torch; by default as many as it takes."),
    dtype: str = typer.Option("float32", help="float32, bfloat16 or float16."),
    form: str = typer.Option("deploy", help="Whose layers are timed: train or deploy, at inference."),
    batch: int = typer.Option(1, min=1, max=4096, help="Clips at a time."),
    samples: int = typer.Option(48, min=10, max=500, help="Layers of each kind."),
    noise: str = typer.Option("10%", metavar="SHARE", help="Refuse a machine that repeats itself worse."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Time layers on this machine, and write what they take as formulas.

    With the file, ms is a quantity: resolve, formula, budget and search take --machine. Needs torch.
    One thread of a CPU is timed by its own CPU time, anything else by the clock on the wall.

    x3dspec calibrate -o machine.json --threads 1
    """
    try:
        from x3dspec.pytorch import calibrate
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        message = 'calibrate needs torch: pip install ".[torch]" in a clone of x3dspec'
        raise SpecError.at("", message) from None
    if form not in ("train", "deploy"):
        raise SpecError.at("--form", f"{form!r} cannot be timed layer by layer; train and deploy can")
    limit = parse_tolerance(noise, "noise")
    output.claim(("-o", out), force=force)
    setting = calibrate.Setting(device, threads, dtype, form, batch, samples)
    machine = calibrate.described(setting, _timed(setting, out))
    if machine.repeatability > limit:
        raise _Noisy(machine, float(limit))
    output.write({out: text(machine)})
    _partial(out).unlink(missing_ok=True)
    typer.echo(output.document(_answer(machine, out)) if as_json else "\n".join(_page(machine, out)))


class _Noisy(typer.Exit):
    """Exit 1: the machine was timed, and is too noisy to be described."""

    def __init__(self, machine: Machine, limit: float) -> None:
        super().__init__(1)
        share = float(machine.repeatability)
        typer.echo(
            f"a second timing differs by {share:.1%} (median), more than {limit:.0%}: nothing is written; "
            "close what else runs, or raise --noise",
            err=True,
        )


def _timed(setting: Setting, out: Path) -> Times:
    """Every timing; what a run before this one had timed already is not timed again."""
    from x3dspec.pytorch import calibrate

    key, partial = calibrate.key(setting), _partial(out)
    times = dict(_kept(partial, key))
    start = saved = time.monotonic()
    with Progress() as progress:
        for done, total, name, nanoseconds in calibrate.measure(setting, times):
            times[name] = nanoseconds
            now = time.monotonic()
            left = duration((now - start) / max(len(times), 1) * (total - done))
            progress.show(f"timing layers: {done} of {total}, about {left} left")
            if now - saved > OFTEN or done == total:
                output.write({partial: json.dumps({"x3dspec": "timings", "key": key, "times": times})})
                saved = now
    return times


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.timings")


def _kept(path: Path, key: str) -> Iterator[tuple[str, float]]:
    """The timings of a run that was interrupted; nothing of a file that is not exactly that."""
    with suppress(OSError, ValueError, RecursionError, SpecError):
        kept = json.loads(text_file.content(path, str(path)))
        if isinstance(kept, dict) and kept.get("key") == key and isinstance(kept.get("times"), dict):
            for name, value in kept["times"].items():
                if isinstance(value, float) and 0 < value < 1e12:
                    yield name, value


def _answer(machine: Machine, out: Path) -> CalibrateAnswer:
    return {
        "x3dspec": output.head("calibrate"),
        "file": str(out),
        "device": machine.device,
        "processor": machine.processor,
        "torch": machine.torch,
        "threads": machine.threads,
        "dtype": machine.dtype,
        "form": machine.form,
        "batch": machine.batch,
        "clock": machine.clock,
        "error": float(machine.error),
        "repeatability": float(machine.repeatability),
        "laws": {
            kind: {
                "call": float(law.call),
                "mac": float(law.mac),
                "byte": float(law.byte),
                "granularity": law.granularity,
                "added": law.added,
                "error": float(law.error),
                "samples": law.samples,
            }
            for kind, law in machine.laws
        },
    }


def _page(machine: Machine, out: Path) -> list[str]:
    cells = [["kind", "us a call", "GMACs/s", "GB/s", "channels", "both", "error"]]
    for kind, law in machine.laws:
        rates = [f"{1 / float(rate):.4g}" if rate else "-" for rate in (law.mac, law.byte)]
        step = f"in {law.granularity}s" if law.granularity > 1 else ""
        both = "sum" if law.added else "greater"
        cells.append([kind, f"{float(law.call) / 1e3:.3g}", *rates, step, both, f"{float(law.error):.1%}"])
    return [
        machine.line,
        "",
        *output.aligned(cells, right=(1, 2, 3, 6)),
        "",
        f"laws miss a layer that they were not fitted to by {float(machine.error):.1%} (median); a second "
        f"timing differs by {float(machine.repeatability):.1%}",
        f"written to {printable(str(out))}",
    ]
