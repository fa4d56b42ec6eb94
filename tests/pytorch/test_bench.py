"""bench: what is measured and how it is told. How long anything takes is no test's affair."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from x3dspec.cli.app import run
from x3dspec.codegen.module import source
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import load
from x3dspec.pytorch import bench, timing


@pytest.fixture(autouse=True, scope="module")
def _small_bound() -> Iterator[None]:
    threads, size = torch.get_num_threads(), timing.gemm_bound.__defaults__
    timing.gemm_bound.__defaults__ = (64,)
    yield
    timing.gemm_bound.__defaults__ = size
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("modules")
    resolved = load("x2d").resolve(gamma_t=2, gamma_d="1/5", gamma_s="4/14")
    (folder / "x2d.py").write_text(source(resolved))
    (folder / "x2d_deploy.py").write_text(source(resolved, form="deploy"))
    (folder / "peers.py").write_text(
        "from torch import nn\n"
        "def flat(clip): return nn.Sequential(nn.Flatten(), nn.LazyLinear(4))\n"
        "def nothing(clip): return None\n"
    )
    return folder


def test_steps_take_turns() -> None:
    order: list[str] = []
    times = timing.interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert order == ["a", "b"] * 5  # two rounds warm up
    assert {name: len(each) for name, each in times.items()} == {"a": 3, "b": 3}


def test_ratios_are_paired() -> None:
    assert timing.ratio([2.0, 40.0, 6.0], [1.0, 10.0, 2.0]) == timing.Spread(3.0, 2.5, 3.5)
    assert timing.spread([2.0]) == timing.Spread(2.0, 2.0, 2.0)


def test_what_is_measured(files: Path) -> None:
    clip = (1, 3, 2, 32, 32)
    modules = {"linear": nn.Sequential(nn.Flatten(), nn.Linear(3 * 2 * 32 * 32, 8)), "other": nn.Flatten()}
    found = bench.bench(modules, bench.Setting(clip=clip, batch=4, rounds=2))
    linear, other = found.measured
    assert linear.macs == 4 * 3 * 2 * 32 * 32 * 8
    assert other.macs == 0
    assert linear.clips == pytest.approx(4 / linear.latency.median)
    assert linear.share == pytest.approx(linear.macs / linear.latency.median / found.machine.bound)
    assert sum(linear.kinds.values()) == pytest.approx(1, abs=0.01)
    assert "linear" in linear.kinds
    assert found.ratio is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ["x2d.py"],
        ["x2d_deploy.py", "--against", "x2d.py", "--dtype", "bfloat16", "--clip", "1x32"],
        ["x2d.py", "--against", "x2d.py", "--train", "--channels-last", "--batch", "2"],
        ["x2d_deploy.py", "--against", "peers.py:flat", "--threads", "1"],
    ],
)
def test_command(
    files: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    assert run(["bench", *arguments, "--rounds", "1"]) == 0
    page = capsys.readouterr().out
    assert arguments[0] in page
    assert ("as long as" in page) == ("--against" in arguments)
    assert run(["bench", *arguments, "--rounds", "1", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["machine"]["torch"] == torch.__version__
    assert len(content["measured"]) == 1 + ("--against" in arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py"], "missing.py: no such file"),
        (["peers.py"], "is not an emitted file"),
        (["x2d.py", "--against", "peers.py:missing"], "peers.py:missing: gives no module"),
        (["x2d.py", "--against", "peers.py:nothing"], "gives no module"),
        (["x2d.py", "--against", "nowhere"], "gives no module"),
        (["x2d.py", "--dtype", "int8"], "unknown number type"),
        (["x2d.py", "--device", "abacus"], "--device"),
        (["x2d.py", "--clip", "224"], "is not FRAMESxSIZE"),
        (["x2d_deploy.py", "--train"], "inference alone"),
    ],
)
def test_mistakes_in_one_line(
    files: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    assert run(["bench", *arguments, "--rounds", "1"]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_another_devices_absence_is_told() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(SpecError, match="cuda"):
        bench.bench({"a": nn.Flatten()}, bench.Setting(clip=(1, 3, 8, 8), device="cuda"))
