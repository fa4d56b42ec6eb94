"""`verify`: every shipped network passes, and each kind of tampering fails at the check that is for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from x3dspec.codegen import module
from x3dspec.codegen.header_reader import read_header
from x3dspec.language import shipped as assets
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved, load
from x3dspec.pytorch import emitted_file, observations, probe
from x3dspec.pytorch.checks import Report
from x3dspec.pytorch.verify import verify

torch.set_num_threads(1)

#: Those between the smallest and the largest of a family differ from them in numbers alone.
SHIPPED = [name for name in sorted(assets.shipped()) if not re.fullmatch("efficientnet_b[1-6]", name)]
NETWORKS = Path(__file__).parents[1] / "networks"
Edit = tuple[str, str]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run emitted files in this process, where torch is loaded: for files that are known."""

    def observed(name: str, text: str, request: dict[str, Any], timeout: float) -> Any:
        return json.loads(json.dumps(probe.observe({"text": text, "file": name, **request})))

    monkeypatch.setattr(observations, "probed", observed)
    monkeypatch.setattr(observations, "MAX_FORWARD", 10**9)


def written(folder: Path, resolved: Resolved, *edits: Edit) -> Path:
    text = module.source(resolved)
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / f"{resolved.network.identity.name}.py"
    path.write_text(text)
    return path


def failing(report: Report) -> list[str]:
    return [check.name for check in report.checks if not check.ok]


def small() -> Resolved:
    return load(str(NETWORKS / "small2d.yaml")).resolve()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_spec_verifies(name: str, tmp_path: Path) -> None:
    report = verify(written(tmp_path, load(name).resolve()))
    assert failing(report) == []
    assert report.ok


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", sorted(path.stem for path in NETWORKS.glob("*.yaml")))
def test_other_networks_verify(name: str, tmp_path: Path) -> None:
    spec = str(NETWORKS / f"{name}.yaml")
    assert failing(verify(written(tmp_path, load(spec).resolve()), spec)) == []


@pytest.mark.usefixtures("here")
def test_set_factors_options_and_classes_are_read_from_the_header(tmp_path: Path) -> None:
    architecture = load("x2d").choose(shortcut_norm="on_width_change", conv1_temporal_kernel=3, classes=12)
    report = verify(written(tmp_path, architecture.resolve(gamma_s="sqrt(2)", gamma_b="9/4")))
    assert failing(report) == []


def test_a_process_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, load("x2d").resolve())
    report = verify(path)
    assert failing(report) == []
    assert len(report.checks) == 15
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("edit", "first", "detail"),
    [
        pytest.param(
            ("BatchNorm3d(24)", "BatchNorm3d(48)"),
            "parameters",
            "running_mean should contain 24 elements not 48",
            id="width",
        ),
        pytest.param(
            ("stride=(1, 2, 2)", "stride=(1, 1, 1)"), "MACs by torch's counter", "", id="stride of the stem"
        ),
        pytest.param(("2048, num_classes)", "2048, num_classes, bias=False)"), "parameters", "", id="bias"),
        pytest.param(
            ("            Bottleneck(48, 48),\n", ""),
            "parameters",
            "operation 41 in res3: conv 96x1x14x14, kernel 1x1x1, ",
            id="removed block",
        ),
        pytest.param(
            ("F.silu(", "F.relu("),
            "layers at 3x1x112x112",
            "operation 16 in res2: relu 24x1x28x28 where the spec has swish 24x1x28x28",
            id="activation",
        ),
        pytest.param(
            ("x = y + self", "x = self"),
            "layers at 3x1x112x112",
            "operation 21 in res2: relu 24x1x28x28 where the spec has sum 24x1x28x28",
            id="residual sum",
        ),
        pytest.param(
            ("F.relu(self.fc1(x), inplace=True)", "self.fc1(x)"),
            "layers at 3x1x112x112",
            "operation 170 in fc1: linear 400, bias True where the spec has relu 2048",
            id="removed activation",
        ),
        pytest.param(("nn.Dropout(dropout)", "nn.Dropout(0.5)"), "built with ", "", id="ignored argument"),
        pytest.param(("        in_channels,\n", "        3,\n"), "built with ", "", id="ignored channels"),
        pytest.param(
            ("x = self._run(self.res2, x)", "x = self._run(self.res2, x.detach())"),
            "parameters that no gradient reaches",
            "",
            id="detached",
        ),
        pytest.param(("dropout: float = 0.5", "drop: float = 0.5"), "the factory's ", "", id="parameter"),
    ],
)
def test_tampered_networks(edit: Edit, first: str, detail: str, tmp_path: Path) -> None:
    report = verify(written(tmp_path, load("x2d").resolve(), edit))
    failed = failing(report)
    assert failed[0].startswith(first), failed
    assert any(detail in check.detail for check in report.checks if not check.ok)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("edit", "name", "found"),
    [
        (("# macs: ", "# macs: 1"), "header: macs", "15791680"),
        (("# params: 50936", "# params: 50935"), "header: params", "50935"),
        (("# activations: ", "# activations: 9"), "header: activations", "9158296"),
        (("# clip: 3 x 64", "# clip: 3 x 65"), "header: clip", "3 x 65 x 64 (channels x height x width)"),
        (("# res1   1^2, 8", "# res1   1^2, 9"), "header: stages", "1 of 9 lines differ"),
        (("sha256: ", "sha256: " + 64 * "0" + "\n# was: "), "spec small2d.yaml", "sha256 000000000000"),
        (("# factors: gamma_w = 1", "# factors: gamma_w = 3"), "header: macs", "5791680"),
        (("# factors: gamma_w = 1", "# factors: gamma_w = -3"), "factors", "others"),
        (("# factors: gamma_w = 1", "# factors: gamma_q = 1"), "factors", "others"),
    ],
)
def test_tampered_headers(edit: Edit, name: str, found: str, tmp_path: Path) -> None:
    path = written(tmp_path, small(), edit)
    report = verify(path, str(NETWORKS / "small2d.yaml"))
    first = next(check for check in report.checks if not check.ok)
    assert (first.name, first.found) == (name, found)


@pytest.mark.usefixtures("here")
def test_an_edited_spec_is_another_spec(tmp_path: Path) -> None:
    spec = tmp_path / "small2d.yaml"
    spec.write_text((NETWORKS / "small2d.yaml").read_text())
    path = written(tmp_path, load(str(spec)).resolve())
    assert verify(path).ok
    spec.write_text(spec.read_text() + "# edited\n")
    assert failing(verify(path)) == ["spec small2d.yaml"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("folder", ["beside", ".", "specs"])
def test_where_a_spec_is_looked_for(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("beside", "specs"):
        Path(name).mkdir()
    spec = Path(folder) / "small2d.yaml"
    spec.write_text((NETWORKS / "small2d.yaml").read_text())
    assert verify(written(Path("beside"), load(str(spec)).resolve())).ok


@pytest.mark.parametrize(
    ("statement", "strange"),
    [
        ("import os", "import os"),
        ("from os.path import join", "from os.path import join"),
        ("from . import torch", "from . import torch"),
        ("print('x')", "print('x')"),
        ("try:\n    import torch\nfinally:\n    pass", "try:"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_no_emitted_file_does_is_not_run(statement: str, strange: str, tmp_path: Path) -> None:
    edit = ("from torch import Tensor, nn", f"{statement}\nfrom torch import Tensor, nn")
    report = verify(written(tmp_path, small(), edit), str(NETWORKS / "small2d.yaml"))
    (check,) = [check for check in report.checks if not check.ok]
    assert check is report.checks[-1]
    assert re.fullmatch(r"line \d+: " + re.escape(strange), check.found)


INIT = "        self.num_classes = num_classes\n        self.grad"


def spoiled(line: str) -> Callable[[Path], Path]:
    """The small network, with a line that runs when it is built."""
    edit = (INIT, f"        self.num_classes = num_classes\n        {line}\n        self.grad")
    return lambda folder: written(folder, small(), edit)


@pytest.mark.parametrize(
    ("line", "name", "found", "detail"),
    [
        ("raise SystemExit(3)", "the factory's parameters", "an error", "SystemExit: 3"),
        ("raise KeyError", "the factory's parameters", "an error", "KeyError: "),
        ("__import__('os')._exit(7)", "run", "ended with status 7", ""),
        ("__import__('time').sleep(60)", "run", "still running", ""),
    ],
)
def test_files_that_stop_or_hang(line: str, name: str, found: str, detail: str, tmp_path: Path) -> None:
    timeout = 4 if "sleep" in line else 100
    report = verify(spoiled(line)(tmp_path), str(NETWORKS / "small2d.yaml"), timeout)
    check = report.checks[-1]
    assert (check.name, check.found, check.detail, check.ok) == (name, found, detail, False)


def test_output_and_secrets_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X3DSPEC_SECRET", "1")
    line = "print({}); assert 'X3DSPEC_SECRET' not in __import__('os').environ"
    assert verify(spoiled(line)(tmp_path), str(NETWORKS / "small2d.yaml")).ok


@pytest.mark.parametrize("answer", ["", "7", "[1", '{"params": 1}', "[" * 100_000])
def test_answers_that_are_none(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, answer.encode(), b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    report = verify(written(tmp_path, small()), str(NETWORKS / "small2d.yaml"))
    assert report.checks[-1].found == "ended with status 0"
    assert not report.ok


def test_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "probe.py"
    start = "import sys\nsys.modules['torch'] = None\n"
    text = Path(probe.__file__).read_text()
    future = "from __future__ import annotations\n"
    script.write_text(text.replace(future, future + start))
    monkeypatch.setattr(probe, "__file__", str(script))
    with pytest.raises(SpecError) as caught:
        verify(written(tmp_path, small()), str(NETWORKS / "small2d.yaml"))
    assert str(caught.value).startswith('verify needs torch: pip install ".[torch]"')


def test_this_process_needs_no_torch() -> None:
    code = "import sys, x3dspec.pytorch.verify; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


HEADER = "# Generated by x3dspec 0.1.0; edit the spec, not this file.\n#\n"
COUNTS = "# clip: 3 x 8\n# macs: 1\n# params: 2\n# activations: 3\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an emitted file: no '# Generated by x3dspec ...' in line 1"),
        ("import torch\n", "is not an emitted file: no '# Generated by x3dspec ...' in line 1"),
        (HEADER, "its header has no clip"),
        (HEADER + "# clip: 3 x 8\n", "its header has no macs"),
        (HEADER + COUNTS.replace("2", "two"), "its header does not read a count, but 'two'"),
        (HEADER + COUNTS.replace("2", "9" * 50), f"its header does not read a count, but '{'9' * 50}'"),
        (
            HEADER + "# spec: a.yaml\n#   sha256: 12\n" + COUNTS,
            "its header does not read 'spec: LABEL' and 'sha256: DIGITS', but 'a.yaml sha256: 12'",
        ),
        (HEADER + "# factors: a\n" + COUNTS, "its header does not read 'name = value', but 'a'"),
        (HEADER + COUNTS, "its header has no spec: give its own"),
        (
            HEADER + f"# spec: ../../etc/passwd\n#   sha256: {64 * '0'}\n" + COUNTS,
            "its spec 'passwd' is neither shipped, nor beside it, here or in specs: give its own",
        ),
    ],
)
def test_files_that_are_not_emitted(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        verify(path)
    assert str(caught.value).removeprefix("spec: ") == f"{path}: {message}"


def test_what_is_no_readable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("binary").write_bytes(b"\xff\xfe\x00")
    Path("large").write_bytes(b"#" * (emitted_file.MAX_BYTES + 1))
    os.mkfifo("pipe")
    expected = {
        "none": "no such file",
        ".": "is not a file",
        "pipe": "is not a file",
        "binary": "is not an emitted file: not UTF-8 text",
        "large": "is larger than 4194304 bytes, so no emitted file",
    }
    for name, message in expected.items():
        with pytest.raises(SpecError) as caught:
            verify(name)
        assert str(caught.value) == f"{name}: {message}"


def test_the_header_of_a_shipped_network() -> None:
    header = read_header(module.source(load("x3d_m").resolve()), "f")
    assert [label for label, _ in header.origins] == ["specs/x3d_m.yaml", "specs/x2d.yaml"]
    assert header.factors == {
        "gamma_tau": "5",
        "gamma_t": "16",
        "gamma_s": "2",
        "gamma_w": "1",
        "gamma_b": "2.25",
        "gamma_d": "2.2",
    }
    assert header.options == {name: str(value) for name, value in load("x3d_m").source.options.items()}
    assert header.counts == {"macs": 4732468736, "params": 3794322, "activations": 87914520}
    assert len(header.table) == 10
