"""Calibration: laws that are known are found again; what is timed is what is emitted; noise is refused.

Nothing here asserts how long anything took: clocks are made up.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import machines
import pytest
import torch

from x3dspec.cli.app import run
from x3dspec.language import machine_file
from x3dspec.pytorch import calibrate
from x3dspec.pytorch.law_fit import GRANULARITIES, Timing, fit
from x3dspec.pytorch.layer_samples import Builder, kinds_of, samples


def _timings(law: Callable[[Timing], float]) -> list[Timing]:
    chance = random.Random(1)
    timings = []
    for _ in range(60):
        channels, positions = chance.randint(3, 200), 2 ** chance.randint(4, 16)
        macs = {g: float(positions * (-(-channels // g) * g) ** 2) for g in GRANULARITIES}
        timing = Timing(macs, 8.0 * positions * channels, 1.0)
        timings.append(Timing(macs, timing.bytes, law(timing)))
    return timings


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("added", [False, True], ids=["greater", "sum"])
def test_a_known_law_is_found_again(granularity: int, added: bool) -> None:
    def known(timing: Timing) -> float:
        parts = 3e-2 * timing.macs[granularity], 0.3 * timing.bytes
        return 7000 + (sum(parts) if added else max(parts))

    law, misses = fit(_timings(known))
    assert (law.granularity, law.added) == (granularity, added)
    assert [float(law.call), float(law.mac), float(law.byte)] == pytest.approx([7000, 3e-2, 0.3], rel=1e-3)
    assert max(misses) < 0.01


def test_no_coefficient_is_negative() -> None:
    law, _ = fit(_timings(lambda timing: max(50.0, 0.2 * timing.bytes - 1e3)))
    assert min(law.call, law.mac, law.byte) >= 0


@pytest.mark.parametrize("form", ["train", "deploy"])
def test_samples_are_layers_as_torch_runs_them(form: str) -> None:
    """Every kind gives the shape that its layer says, in both forms, twice in a row."""
    drawn = samples(form, 3)
    assert [sample.kind for sample in drawn[: len(kinds_of(form))]] == list(kinds_of(form))
    builder = Builder(form, 1, torch.float32, torch.device("cpu"))
    with torch.inference_mode():
        for sample in drawn:
            steps = builder.steps(sample)
            for _ in range(2):
                steps.before()
                result = steps.run()
                assert isinstance(result, torch.Tensor)
                assert torch.isfinite(result).all()
            wanted = sample.layer.outputs.numbers if sample.layer else sample.inputs
            assert tuple(result.shape[1:]) == wanted
            assert all(size > 0 for size in sample.work(8, 1, "float32")[1:])


def test_samples_are_the_same_everywhere() -> None:
    assert samples("deploy", 5) == samples("deploy", 5)


def _clock() -> Callable[[], float]:
    """A second, then two, by turns: as if every run took one of them."""
    ticks = itertools.count()
    return lambda: float(next(ticks))


def test_a_run_goes_on_where_another_stopped() -> None:
    setting = calibrate.Setting(threads=1, count=10)
    total = calibrate.PASSES * len(samples("deploy", 10))
    names = [f"{number}:{index}" for number in range(2) for index in range(total // 2)]
    rest = names[-3:]
    before = {name: 5e5 for name in names if name not in rest}
    measured = list(calibrate.measure(setting, before, _clock()))
    assert [name for _, _, name, _ in measured] == rest
    assert measured[-1][:2] == (total, total)
    assert {nanoseconds for *_, nanoseconds in measured} == {1e9}


def _made_up(noise: float) -> Callable[..., object]:
    def measure(setting: calibrate.Setting, before: dict[str, float]) -> object:
        total = calibrate.PASSES * len(samples(setting.form, setting.count))
        for index in range(total):
            number, which = divmod(index, total // 2)
            yield index + 1, total, f"{number}:{which}", (1000.0 + which) * (1 + noise * number)

    return measure


def test_the_file_says_what_was_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "machine.json"
    monkeypatch.setattr(calibrate, "measure", _made_up(0.02))
    assert run(["calibrate", "-o", str(path), "--samples", "10", "--threads", "1", "--json"]) == 0
    machine = machine_file.read(str(path))
    answer = json.loads(capsys.readouterr().out)
    assert (machine.form, machine.dtype, machine.batch) == ("deploy", "float32", 1)
    assert float(machine.repeatability) == answer["repeatability"] == pytest.approx(0.02)
    assert set(answer["laws"]) == {kind for kind, _ in machine.laws} == set(kinds_of("deploy"))
    assert [each.name for each in tmp_path.iterdir()] == ["machine.json"]


def test_a_machine_that_does_not_repeat_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "machine.json"
    monkeypatch.setattr(calibrate, "measure", _made_up(0.3))
    assert run(["calibrate", "-o", str(path), "--samples", "10"]) == 1
    assert "a second timing differs by 30.0%" in capsys.readouterr().err
    assert not path.exists()
    assert run(["calibrate", "-o", str(path), "--samples", "10", "--noise", "40%"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--form", "stream"], "cannot be timed layer by layer"),
        (["--dtype", "int8"], "unknown number type"),
        (["--device", "cuda:99"], "--device"),
        (["--noise", "lots"], "is no share"),
    ],
)
def test_what_cannot_be_timed_is_said(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "-o", str(tmp_path / "machine.json"), "--samples", "10", *words]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "machine.json"
    path.write_text(machine_file.text(machines.machine()))
    return str(path)


def test_commands_take_a_machine(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["resolve", "x3d_s", "--machine", file, "--json"]) == 0
    milliseconds = json.loads(capsys.readouterr().out)["cost"]["ms"]
    assert run(["formula", "x3d_s", "--quantity", "ms", "--machine", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(milliseconds * 1e6)
    target = f"{milliseconds / 2:.3f}ms"
    assert run(["budget", "--target", target, "--machine", file, "--json"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["cost"]["ms"] <= milliseconds / 2


def test_another_form_is_refused(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["resolve", "x3d_s", "--machine", file, "--form", "flat"]) == 2
    assert "has timed the deploy form, not flat" in capsys.readouterr().err


def test_time_needs_a_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["budget", "--target", "30ms"]) == 2
    assert "needs a machine" in capsys.readouterr().err
