"""``x3dspec bench``: how fast emitted modules are, and against what."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from x3dspec.cli import output
from x3dspec.cli import plot as picture
from x3dspec.language.errors import SpecError, printable
from x3dspec.pytorch.measures import Machine, Measured, Result, Setting, Spread

_NOTE = "FLOPs are not latency: the bound's share above is all that these MACs explain of the time."


class BenchAnswer(output.Answer):
    """Timings. `ratio` is how many times longer the other module takes; null without one."""

    setting: Setting
    machine: Machine
    measured: tuple[Measured, ...]
    ratio: Spread | None
    note: str


def register(app: typer.Typer) -> None:
    app.command("bench")(command)


def command(
    file: Path = typer.Argument(metavar="FILE", help="An emitted module."),
    against: str = typer.Option(
        None, metavar="OTHER", help="Another emitted module, or FILE:FUNCTION that is given the clip."
    ),
    batch: int = typer.Option(1, min=1, max=4096, help="Clips at a time."),
    threads: int = typer.Option(None, min=1, max=1024, help="Of torch; by default as many as it takes."),
    dtype: str = typer.Option("float32", help="float32, bfloat16 or float16."),
    device: str = typer.Option("cpu", help="cpu, cuda, cuda:1 ..."),
    clip: str = typer.Option(None, metavar="TxS", help="Another clip than the module's own, e.g. 16x224."),
    rounds: int = typer.Option(20, min=1, max=10000, help="Each runs every module once, in turn."),
    train: bool = typer.Option(False, "--train", help="A training step: forward, loss, backward."),
    channels_last: bool = typer.Option(False, "--channels-last", help="FILE in channels-last memory."),
    compiled: bool = typer.Option(False, "--compile", help="FILE through torch.compile."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE", help="Draw the times: .svg or .png."),
    force: bool = typer.Option(False, "--force", help="Replace files that x3dspec did not write."),
) -> None:
    """Time an emitted module, alone or against another.

    Two are measured in turn. Needs torch.

    Importing a module runs its code: bench only what you would import.

    x3dspec bench generated/x3d_m.py --against benchmarks/peers.py:x3d_m
    """
    try:
        from x3dspec.pytorch import bench, contender, export
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise SpecError.at("", 'bench needs torch: pip install ".[torch]" in a clone of x3dspec') from None

    picture.expect(plot)
    output.claim(("--plot", plot), reads=[file], force=force)
    network, own = export.module(file)
    setting = Setting(
        clip=_clip(clip, own),
        batch=batch,
        threads=threads,
        dtype=dtype,
        device=device,
        rounds=rounds,
        train=train,
        channels_last=channels_last,
        compiled=compiled,
    )
    contenders = {str(file): network}
    if against is not None:
        other = (
            export.module(Path(against))[0]
            if against.endswith(".py")
            else contender.opened(against, setting.clip)
        )
        contenders[against if against != str(file) else f"{against} again"] = other
    found = bench.bench(contenders, setting, _progress)
    if plot is not None:
        output.write({plot: picture.drawn(plot, _plotted(found, train))})
    if as_json:
        typer.echo(output.document(_content(setting, found)))
    else:
        typer.echo("\n".join(_page(found, setting.clip, batch)))


def _plotted(found: Result, train: bool) -> str:
    from x3dspec.report import figures

    rows = [(printable(each.name), each.latency.median * 1e3, each.kinds) for each in found.measured]
    ratio = None if found.ratio is None else found.ratio.median
    return figures.times(rows, ratio, "a training step" if train else "a batch")


def _content(setting: Setting, found: Result) -> BenchAnswer:
    return {
        "x3dspec": output.head("bench"),
        "setting": setting,
        "machine": found.machine,
        "measured": found.measured,
        "ratio": found.ratio,
        "note": _NOTE,
    }


def _clip(given: str | None, own: tuple[int, ...]) -> tuple[int, ...]:
    if given is None:
        return own
    sizes = given.lower().replace("×", "x").split("x")
    wanted = len(own) - 3
    if len(sizes) != wanted or not all(size.isdecimal() and 0 < int(size) <= 8192 for size in sizes):
        form = "FRAMESxSIZE such as 16x224" if wanted == 2 else "SIZE such as 224"
        raise SpecError.at("--clip", f"{given!r} is not {form}")
    numbers = [int(size) for size in sizes]
    return (*own[:2], *numbers, numbers[-1])


def _progress(message: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{message}", end="", file=sys.stderr, flush=True)


def _page(found: Result, clip: tuple[int, ...], batch: int) -> list[str]:
    machine = found.machine
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    shape = " x ".join(map(str, (batch, *clip[1:])))
    lines = [
        f"torch {machine.torch}, {machine.threads} threads, {machine.processor}",
        f"bound {output.short(machine.bound)}MACs/s by a large matrix product; clips {shape}",
    ]
    for each in found.measured:
        lines += ["", *_measured(each)]
    if found.ratio is not None:
        first, second = (printable(each.name) for each in found.measured)
        spread = f"{found.ratio.median:.2f} x ({found.ratio.low:.2f} to {found.ratio.high:.2f})"
        lines += ["", f"{second} takes {spread} as long as {first}"]
    return [*lines, "", _NOTE]


def _measured(each: Measured) -> list[str]:
    latency = each.latency
    memory = "-" if each.memory is None else f"{output.short(each.memory)}B"
    milliseconds = f"{latency.median * 1e3:.1f} ms ({latency.low * 1e3:.1f} to {latency.high * 1e3:.1f})"
    rows = [
        ["latency", f"{milliseconds}, {each.clips:.3g} clips/s"],
        ["MACs", f"{output.short(each.macs)}, {each.share:.0%} of the bound"],
        ["peak memory", f"{memory} beyond what was in use"],
        *([f"  {kind}", f"{part:.0%}"] for kind, part in each.kinds.items() if part >= 0.005),
    ]
    return [printable(each.name), *output.aligned(rows)]
