"""Every ``--json`` answer has the envelope, and is what the published schema says, key for key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import x3dspec
from x3dspec.cli import answers, run
from x3dspec.cli.app import application
from x3dspec.cli.output import FORMAT
from x3dspec.cli.schema import answered

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = answers.json_schema(answered())

#: Every command that answers, at least once for every shape of its answer.
COMMANDS = [
    "resolve x3d_xs --gamma-s sqrt(2)",
    "resolve efficientnet_b0",
    "budget --target 100MFLOPs --fill",
    "budget --target 605.3MFLOPs --order published",
    "expand x2d --steps 2 --judge params",
    "search x2d --max 60MFLOPs --top 2 --pareto params,macs --fix gamma_b=2.25",
    "search x2d --max 60MFLOPs --grid gamma_t=1:2 --grid gamma_w=1:1.2 --objective entropy --fix gamma_b=2",
    "solve x3d_m --for gamma_s --target 3GFLOPs",
    "solve efficientnet --for phi --target 1GFLOPs",
    "scaling x3d_s",
    "judges",
    "judges --compare",
    "formula x2d --relaxed",
    "scaling efficientnet",
    "scaling x3d_s --target 4GFLOPs --weights gamma_w=9,gamma_d=4",
    "verify x2d.py",
    "convert-weights x2d.pt --spec x2d --to pytorchvideo -o theirs.pt",
    "convert-weights x2d.pt --to pytorchvideo -o again.pt",
    "identify x2d.pt",
    "grow x2d.pt --gamma-b 2 -o grown.pt",
    "export x2d.py --to torch-export --static -o x2d.pt2",
    "bench x2d.py --rounds 1 --threads 1",
    "bench x2d.py --rounds 1 --threads 1 --against x2d.py",
    "calibrate -o machine.json --threads 1 --samples 10 --noise 100%",
    "check x3d_s x2d",
    "diff x3d_s x3d_m",
    "diff x2d --set squeeze_excite=none",
    "list",
    "list presets",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where there is a module, and weights for it."""
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("answers")
    assert run(["emit", "x2d", "--out", str(path)]) == 0
    namespace: dict[str, Any] = {"__name__": "x2d"}
    exec((path / "x2d.py").read_text(), namespace)
    torch.save(namespace["x2d"]().state_dict(), path / "x2d.pt")
    return path


def closed(schema: Any) -> Any:
    """The same schema, which allows no keys but those that it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return (
        {**found, "additionalProperties": False} if "required" in found and "properties" in found else found
    )


@pytest.mark.parametrize("words", COMMANDS)
def test_an_answer_is_what_the_schema_says(
    words: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("x3dspec.pytorch.calibrate.LEAST", 1)
    monkeypatch.setattr("x3dspec.pytorch.calibrate.SECONDS", 0)
    capsys.readouterr()
    assert run([*words.split(), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMA).validate(answer)
    kind = SCHEMA["$defs"][answered()[words.split()[0]].__name__]
    Draft202012Validator(closed({**kind, "$defs": SCHEMA["$defs"]})).validate(answer)
    assert answer["x3dspec"] == {
        "version": x3dspec.__version__,
        "format": FORMAT,
        "command": words.split()[0],
    }
    assert next(iter(answer)) == "x3dspec"


def speaking() -> Iterator[str]:
    """The commands that have --json."""
    for command in application().registered_commands:
        assert command.callback is not None
        defaults = command.callback.__defaults__ or ()
        if any("--json" in (getattr(each, "param_decls", None) or ()) for each in defaults):
            yield command.name or command.callback.__name__


def test_every_command_that_answers_is_in_the_schema() -> None:
    assert set(speaking()) == set(answered()) == {words.split()[0] for words in COMMANDS}


def test_a_command_is_told_by_its_name() -> None:
    [network] = [each for each in SCHEMA["oneOf"] if each["$ref"].endswith("/ResolveAnswer")]
    assert network["properties"]["x3dspec"]["properties"]["command"] == {"const": "resolve"}
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_is_printed_and_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--answers"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
    assert json.loads((DOCS / "answers.schema.json").read_text()) == SCHEMA
