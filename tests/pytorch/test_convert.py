"""Checkpoints across code bases: the same tensors, the same function, or a refusal that names every key.

``data/x3d_s.keys.json`` holds every key of X3D-S with its shape, as each code base's own module lists them.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import emitted
import numpy as np
import peers
import pytest
import torch
from torch import Tensor, nn

import x3dspec
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Resolved
from x3dspec.pytorch import checkpoint, key_rules, key_rules_reader
from x3dspec.pytorch import convert as weights
from x3dspec.pytorch.convert import Conversion
from x3dspec.pytorch.identify import identify

SHIPPED = ("x2d", "x3d_xs", "x3d_s", "x3d_m", "x3d_l", "x3d_xl")
DIALECTS = ("always", "on_width_change")
CODE_BASES = ("slowfast", "pytorchvideo", "mmaction2")
REFERENCE: dict[str, dict[str, list[int]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "x3d_s.keys.json").read_text()
)
State = dict[str, Tensor]


@cache
def network(name: str, dialect: str = "always") -> Resolved:
    return x3dspec.load(name).choose(shortcut_norm=dialect).resolve()


@cache
def module(name: str, dialect: str = "always") -> nn.Module:
    return emitted.build(network(name, dialect)).eval()


@cache
def rules() -> key_rules.Rules:
    return key_rules_reader.load_rules(network("x3d_s").architecture)


def convert(
    state: State, source: str, target: str, name: str = "x3d_s", dialect: str = "always", **more: Any
) -> Conversion:
    return weights.convert(state, source, target, rules(), network(name, dialect), **more)


def reference(code_base: str) -> State:
    """X3D-S in a code base's own names, with random values."""
    shapes = REFERENCE[code_base].items()
    return peers.randomised({k: torch.empty(s) if s else torch.tensor(0) for k, s in shapes}, seed=2)


def ours(name: str = "x3d_s", dialect: str = "always") -> State:
    return peers.randomised(module(name, dialect).state_dict(), seed=3)


def logits(state: State, name: str = "x3d_s", dialect: str = "always") -> Tensor:
    """Of our module in double precision: what differs is then more than rounding."""
    model = emitted.build(network(name, dialect)).double().eval()
    model.load_state_dict(state)
    clip = torch.randn(1, 3, 2, 64, 64, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        output = model(clip.double())
    assert isinstance(output, Tensor)
    return output


def same(first: State, second: State) -> bool:
    """The same tensors by the same names in the same order."""
    return list(first) == list(second) and all(torch.equal(first[key], second[key]) for key in first)


def problems(state: State, source: str = "auto", **more: Any) -> dict[str, str]:
    """What a refused checkpoint is refused for, by key."""
    with pytest.raises(SpecError) as caught:
        convert(state, source, "x3dspec", **more)
    assert all(problem.source == "checkpoint" for problem in caught.value.problems)
    return {problem.path: problem.message for problem in caught.value.problems}


# The rules


@pytest.mark.parametrize("code_base", CODE_BASES)
def test_names_shapes_and_order_are_those_of_the_code_base(code_base: str) -> None:
    state = convert(ours(), "x3dspec", code_base).state
    assert [(key, list(tensor.shape)) for key, tensor in state.items()] == [*REFERENCE[code_base].items()]


@pytest.mark.parametrize("code_base", CODE_BASES)
def test_every_rule_is_used_by_every_shipped_spec(code_base: str) -> None:
    for name in SHIPPED:
        modules = {key.rpartition(".")[0] for key in module(name).state_dict()}
        for group in rules().code_bases[code_base].groups:
            used = {ours for ours, _ in group.renamed(modules)} & modules
            assert used, group.ours
            for leaf, _ in group.modules:
                assert any(name.endswith(leaf) for name in used), (group.ours, leaf)


def test_no_python_names_a_key_of_a_code_base() -> None:
    known = [
        theirs
        for code_base in rules().code_bases.values()
        for group in code_base.groups
        for theirs in (group.theirs, *[leaf for _, leaf in group.modules])
        if "." in theirs or "_" in theirs
    ]
    text = "".join(path.read_text() for path in Path(key_rules.__file__).parents[1].rglob("*.py"))
    own = {leaf for key in ours() for leaf in key.split(".")}
    assert len(known) > 40
    assert [theirs for theirs in known if theirs in text and theirs not in own] == []


@pytest.mark.parametrize("code_base", CODE_BASES)
def test_a_code_base_is_told_by_its_keys(code_base: str) -> None:
    assert rules().detect(list(REFERENCE[code_base])) == code_base
    assert rules().detect([*REFERENCE[code_base], "extra.weight"][3:]) == code_base


def test_our_own_keys_are_told_too() -> None:
    assert rules().detect(list(ours())) == "x3dspec"


@pytest.mark.parametrize("unknown", [["features.0.weight", "classifier.weight"], []])
def test_keys_of_no_known_code_base_are_refused(unknown: list[str]) -> None:
    with pytest.raises(SpecError, match="slowfast, pytorchvideo, mmaction2, x3dspec"):
        rules().detect(unknown)


def test_an_unknown_code_base_is_refused_with_those_known() -> None:
    with pytest.raises(SpecError, match="did you mean slowfast"):
        convert(ours(), "x3dspec", "slowfat")


# The same tensors, the same function


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("code_base", CODE_BASES)
def test_each_naming_loads_into_both_dialects(code_base: str, dialect: str) -> None:
    converted = convert(reference(code_base), "auto", "x3dspec", dialect=dialect)
    assert converted.source == code_base
    module("x3d_s", dialect).load_state_dict(converted.state)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_trip_through_all_code_bases_and_back(name: str) -> None:
    start = convert(ours(name, "on_width_change"), "x3dspec", "pytorchvideo", name, "on_width_change").state
    stops = ("x3dspec", "slowfast", "mmaction2", "x3dspec", "pytorchvideo")
    state, seen = start, []
    for stop in stops:
        converted = convert(state, "auto", stop, name)
        state = converted.state
        seen.append(converted.source)
    assert seen == ["pytorchvideo", *stops[:-1]]
    assert same(state, start)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_trip_between_code_bases_of_one_dialect(name: str) -> None:
    start = ours(name)
    state = start
    for source, target in (("x3dspec", "mmaction2"), ("mmaction2", "slowfast"), ("slowfast", "x3dspec")):
        converted = convert(state, source, target, name)
        assert not converted.notes
        state = converted.state
    assert same(state, start)


def test_a_norm_that_the_target_lacks_is_folded() -> None:
    start = {key: value.double() if value.is_floating_point() else value for key, value in ours().items()}
    folded = convert(start, "x3dspec", "pytorchvideo")
    assert folded.notes == (
        "res2.0.shortcut_norm: not in the target; folded into shortcut_conv and norm_c, exact in eval mode",
    )
    assert [*folded.state] == [*REFERENCE["pytorchvideo"]]
    back = convert(folded.state, "pytorchvideo", "x3dspec", dialect="on_width_change").state
    torch.testing.assert_close(logits(back, dialect="on_width_change"), logits(start), rtol=1e-12, atol=1e-12)


def test_a_norm_that_the_checkpoint_lacks_is_the_identity() -> None:
    start = ours(dialect="on_width_change")
    filled = convert(start, "x3dspec", "x3dspec")
    assert filled.notes == (
        "the checkpoint has shortcut_norm=on_width_change",
        "res2.0.shortcut_norm: not in the checkpoint; the identity in eval mode",
    )
    torch.testing.assert_close(logits(filled.state), logits(start, dialect="on_width_change"))
    assert same(convert(filled.state, "x3dspec", "x3dspec", dialect="on_width_change").state, start)


def test_a_dialect_keeps_the_type_of_the_numbers() -> None:
    start = {
        key: value.half() if value.is_floating_point() else value
        for key, value in reference("pytorchvideo").items()
    }
    there = convert(start, "auto", "slowfast").state
    assert {value.dtype for value in there.values()} == {torch.float16, torch.int64}
    assert same(convert(there, "auto", "pytorchvideo").state, start)


def test_a_norm_of_mixed_types_is_recognised_too() -> None:
    there = convert(reference("pytorchvideo"), "auto", "slowfast").state
    key = "s2.pathway0_res0.branch1_bn.running_var"
    there[key] = there[key].double()
    assert convert(there, "auto", "pytorchvideo").notes[0].endswith("it was the identity")


def test_linear_layers_keep_their_numbers() -> None:
    start = reference("slowfast")
    state = convert(start, "slowfast", "mmaction2").state
    assert state["cls_head.fc1.weight"].shape == (2048, 432)
    assert torch.equal(state["cls_head.fc1.weight"].flatten(), start["head.lin_5.weight"].flatten())


# A checkpoint that does not fit


def test_every_key_that_does_not_fit_is_named() -> None:
    state = reference("slowfast")
    del state["s1.pathway0_stem.bn.bias"]
    state["s1.pathway0_stem.bn.mean"] = torch.zeros(24)
    state["head.conv_5.weight"] = torch.zeros(430, 192, 1, 1, 1)
    assert problems(state) == {
        "": "does not fit x3d_s as slowfast names it: 1 missing, 1 unexpected, 1 of another shape",
        "head.conv_5.weight": "of another shape: 430 x 192 x 1 x 1 x 1, not 432 x 192 x 1 x 1 x 1",
        "s1.pathway0_stem.bn.bias": "missing",
        "s1.pathway0_stem.bn.mean": "unexpected: 24",
    }


def test_a_transposed_tensor_of_the_same_size_is_refused() -> None:
    state = reference("pytorchvideo")
    state["blocks.5.proj.weight"] = state["blocks.5.proj.weight"].T
    assert "of another shape" in problems(state)["blocks.5.proj.weight"]


@pytest.mark.parametrize("code_base", CODE_BASES)
def test_a_checkpoint_of_another_variant(code_base: str) -> None:
    state = convert(ours("x3d_xl"), "x3dspec", code_base, "x3d_xl").state
    found = problems(state)
    expected = {key for key in [*REFERENCE[code_base], *state] if _differs(state, code_base, key)}
    assert found.keys() - {""} == expected


#: MACs and parameters of X3D-XL as its own class builds it there.
OTHER_XL = {"slowfast": (36_650_215_072, 11_087_571), "mmaction2": (31_349_846_400, 9_718_800)}


@pytest.mark.parametrize(("code_base", "choice"), [("slowfast", "of_1"), ("mmaction2", "doubled")])
def test_an_xl_of_other_widths_is_refused_by_name(code_base: str, choice: str) -> None:
    resolved = network(f"x3d_xl_{code_base}")
    cost = resolved.cost()
    assert (cost.macs, cost.params) == OTHER_XL[code_base]
    state = convert(ours(f"x3d_xl_{code_base}"), "x3dspec", code_base, f"x3d_xl_{code_base}").state
    summary = problems(state, name="x3d_xl")[""]
    assert f"as {code_base} builds it, it rounds" in summary
    assert summary.endswith(f": --set widths={choice} takes it")
    taken = network("x3d_xl").architecture.choose(widths=choice).resolve()
    assert weights.convert(state, "auto", "x3dspec", rules(), taken).source == code_base


@pytest.mark.parametrize("choice", ["of_8", "of_1", "doubled"])
def test_widths_agree_where_nothing_is_scaled(choice: str) -> None:
    x3d_s = network("x3d_s")
    assert x3d_s.architecture.choose(widths=choice).resolve().network.stages == x3d_s.network.stages


def _differs(state: State, code_base: str, key: str) -> bool:
    known = REFERENCE[code_base]
    return key not in state or key not in known or list(state[key].shape) != known[key]


def test_a_shortcut_norm_missing_in_part_is_missing() -> None:
    state = reference("slowfast")
    del state["s2.pathway0_res0.branch1_bn.bias"]
    assert problems(state)["s2.pathway0_res0.branch1_bn.bias"] == "missing"


def test_a_dialect_that_the_code_base_does_not_speak() -> None:
    state = {k: v for k, v in reference("slowfast").items() if "s2.pathway0_res0.branch1_bn" not in k}
    assert problems(state)[""].endswith("5 missing")


def test_another_number_of_classes_is_told_what_to_do() -> None:
    state = reference("mmaction2")
    state |= {"cls_head.fc2.weight": torch.zeros(174, 2048), "cls_head.fc2.bias": torch.zeros(174)}
    advice = "--set classes=174 keeps this head, --num-classes makes a new one"
    assert problems(state)["cls_head.fc2.bias"] == f"of another shape: 174, not 400; {advice}"
    kept = network("x3d_s").architecture.choose(classes=174).resolve()
    assert weights.convert(state, "auto", "x3dspec", rules(), kept).state["fc2.bias"].shape == (174,)


# A new head


@pytest.mark.parametrize("target", ["x3dspec", *CODE_BASES])
def test_a_new_head(target: str) -> None:
    start = reference("pytorchvideo")
    converted = convert(start, "auto", target, num_classes=12)
    assert converted.skipped == ("blocks.5.proj.weight", "blocks.5.proj.bias")
    assert converted.notes[-1] == "fc2: a new head of 12 classes, initialised as the emitted module does"
    twelve = network("x3d_s").architecture.choose(classes=12).resolve()
    state = weights.convert(converted.state, target, "x3dspec", rules(), twelve).state
    assert state["fc2.weight"].shape == (12, 2048)
    assert 0.009 < state["fc2.weight"].std() < 0.011
    assert not state["fc2.bias"].any()
    body = convert(start, "auto", "x3dspec").state
    assert all(torch.equal(state[key], body[key]) for key in body if not key.startswith("fc2"))


def test_a_new_head_is_the_same_in_every_run_and_leaves_the_generator_alone() -> None:
    state = ours()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first, second = (convert(state, "auto", "x3dspec", num_classes=5).state for _ in range(2))
    assert same(first, second)
    assert torch.equal(torch.rand(3), expected)


def test_a_new_head_does_without_the_old_one() -> None:
    start = {key: value for key, value in reference("mmaction2").items() if "head.fc2" not in key}
    converted = convert(start, "auto", "x3dspec", num_classes=5)
    assert converted.skipped == ()
    emitted.build(network("x3d_s"), num_classes=5).load_state_dict(converted.state)


# Files


def wrapped(state: State) -> Iterable[tuple[str, object]]:
    yield "plain", state
    yield "model_state", {"epoch": 3, "model_state": state, "optimizer_state": {"state": {}}, "cfg": "a: 1"}
    yield "state_dict", {"meta": {"epoch": 1}, "state_dict": state}
    yield "data parallel", {"state_dict": {f"module.{key}": value for key, value in state.items()}}
    yield "compiled", {"model": {f"_orig_mod.{key}": value for key, value in state.items()}}
    yield "parameters", {key: nn.Parameter(value) for key, value in state.items()}


STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}


@pytest.mark.parametrize("content", [pytest.param(c, id=name) for name, c in wrapped(STATE)])
@pytest.mark.parametrize("suffix", checkpoint.PICKLED)
def test_the_usual_nesting_is_taken_off(tmp_path: Path, suffix: str, content: object) -> None:
    path = tmp_path / f"ckpt{suffix}"
    torch.save(content, path)
    assert same(checkpoint.read(path).state, STATE)


@pytest.mark.parametrize("suffix", [*checkpoint.PICKLED, checkpoint.SAFETENSORS])
@pytest.mark.parametrize("nesting", [None, "model_state"])
def test_what_is_written_can_be_read(tmp_path: Path, suffix: str, nesting: str | None) -> None:
    if suffix == checkpoint.SAFETENSORS:
        pytest.importorskip("safetensors")
    path = tmp_path / "new" / f"ckpt{suffix}"
    shared = STATE["a.weight"].T
    checkpoint.write(path, {"a": shared, "b": shared}, nesting)
    assert checkpoint.read(path).state.keys() == {"a", "b"}
    assert torch.equal(checkpoint.read(path).state["b"], shared)
    assert [*path.parent.iterdir()] == [path]
    if nesting and suffix != checkpoint.SAFETENSORS:
        assert torch.load(path, weights_only=True).keys() == {"model_state"}


def test_a_conversion_is_written_as_the_code_base_nests(tmp_path: Path) -> None:
    converted = convert(ours(), "x3dspec", "mmaction2")
    checkpoint.write(tmp_path / "ckpt.pth", converted.state, converted.nesting)
    assert torch.load(tmp_path / "ckpt.pth", weights_only=True).keys() == {"state_dict"}
    assert same(checkpoint.read(tmp_path / "ckpt.pth").state, converted.state)


class _Code:
    """Unpickling this would make the folder ``ran``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder / "ran"),)


def saved(content: object, path: Path) -> None:
    torch.save(content, path)


def truncated(path: Path, *, zipped: bool = True) -> None:
    torch.save({"a": torch.zeros(10_000)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


NOT_ONE = "is not a checkpoint, or a damaged one"
UNSAFE = "is not a checkpoint that can be read without running code, or a damaged one"
EMPTY = "holds no state dict: there are no tensors by name in it"
CODE = "is refused: reading it would run code, 'posix.mkdir'; save its tensors alone"
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncated, NOT_ONE),
    "truncated legacy": (lambda path: truncated(path, zipped=False), NOT_ONE),
    "no bytes": (lambda path: path.write_bytes(b""), NOT_ONE),
    "text": (lambda path: path.write_text("hello world\n"), NOT_ONE),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), UNSAFE),
    "a zip": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(200)), NOT_ONE),
    "code": (lambda path: saved({"state_dict": STATE, "x": _Code(path.parent)}, path), CODE),
    "a plain pickle": (lambda path: path.write_bytes(pickle.dumps(_Code(path.parent))), UNSAFE),
    "a pickle of protocol 2": (lambda path: path.write_bytes(pickle.dumps(_Code(path.parent), 2)), CODE),
    "a module": (lambda path: saved(nn.Linear(1, 1), path), "is refused: reading it would run code"),
    "a list": (lambda path: saved([torch.zeros(1)], path), EMPTY),
    "no tensors": (lambda path: saved({"state_dict": {}, "epoch": 3}, path), EMPTY),
    "no tensors by name": (lambda path: saved({3: torch.zeros(1)}, path), "3: is not a tensor by name"),
    "other values": (lambda path: saved({**STATE, "step": 3}, path), "step: is not a tensor by name"),
    "nothing": (lambda path: None, "no such file"),
    "a folder": (lambda path: path.mkdir(), "is a directory, not a checkpoint"),
    "a pipe": (lambda path: os.mkfifo(path), "is not a regular file"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    make, message = BAD[kind]
    path = tmp_path / "ckpt.pth"
    make(path)
    with pytest.raises(SpecError) as caught:
        checkpoint.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


class HistoryBuffer:
    """As mmengine's: its state has arrays."""

    def __init__(self) -> None:
        self.log = np.array([0.5, 0.25])


def test_what_trainers_leave_beside_the_tensors_is_read_as_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint of mmengine's runner: counters in a message hub, numpy's numbers in its meta."""
    module = ModuleType("mmengine.logging.history_buffer")
    monkeypatch.setattr(HistoryBuffer, "__module__", module.__name__)
    vars(module)["HistoryBuffer"] = HistoryBuffer
    for name in ("mmengine", "mmengine.logging", module.__name__):
        monkeypatch.setitem(sys.modules, name, module)
    content = {
        "meta": {"epoch": 3, "time": np.float64(1.5), "seed": np.int64(7)},
        "args": argparse.Namespace(lr=0.1, model="any"),
        "message_hub": {"log_scalars": OrderedDict(loss=HistoryBuffer())},
        "state_dict": STATE,
    }
    for zipped in (True, False):
        torch.save(content, tmp_path / "ckpt.pth", _use_new_zipfile_serialization=zipped)
        assert same(checkpoint.read(tmp_path / "ckpt.pth").state, STATE)


class _Attribute:
    """Unpickling this would set an attribute of a class."""

    def __reduce__(self) -> Any:
        return setattr, (argparse.Namespace, "ran", True)


class _Through:
    """Unpickling this would have what stands in for a namespace call something."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return argparse.Namespace, (), {"f": _Code(self.folder)}


@pytest.mark.parametrize("make", [lambda _: _Attribute(), _Through])
def test_what_stands_in_opens_no_door(tmp_path: Path, make: Callable[[Path], object]) -> None:
    torch.save({"args": argparse.Namespace(a=1), "x": make(tmp_path), "model": STATE}, tmp_path / "ckpt.pth")
    with pytest.raises(SpecError, match="is refused: reading it would run code"):
        checkpoint.read(tmp_path / "ckpt.pth")
    assert not (tmp_path / "ran").exists()
    assert not hasattr(argparse.Namespace, "ran")


def test_a_checkpoint_says_what_its_network_is_called(tmp_path: Path) -> None:
    torch.save({"arch": "second", "state_dict": STATE}, tmp_path / "first.pth")
    (tmp_path / "config.json").write_text('{"architecture": "third"}')
    assert checkpoint.read(tmp_path / "first.pth").names == ("first", "second", "third")
    (tmp_path / "config.json").write_text("[" * 10_000)
    assert checkpoint.read(tmp_path / "first.pth").names == ("first", "second")


def test_a_state_dict_within_itself_ends(tmp_path: Path) -> None:
    content: dict[str, object] = {}
    content["model"] = content
    torch.save(content, tmp_path / "ckpt.pth")
    with pytest.raises(SpecError, match="holds no state dict"):
        checkpoint.read(tmp_path / "ckpt.pth")


def test_a_damaged_safetensors_file(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "ckpt.safetensors"
    checkpoint.write(path, STATE)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(SpecError, match=NOT_ONE):
        checkpoint.read(path)


def test_without_safetensors_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    (tmp_path / "ckpt.safetensors").write_bytes(b"x")
    with pytest.raises(SpecError, match=r"pip install '\.\[safetensors\]'"):
        checkpoint.read(tmp_path / "ckpt.safetensors")
    with pytest.raises(SpecError, match=r"pip install '\.\[safetensors\]'"):
        checkpoint.write(tmp_path / "new.safetensors", STATE)
    assert [each.name for each in tmp_path.iterdir()] == ["ckpt.safetensors"]


@pytest.mark.parametrize("name", ["ckpt", "ckpt.onnx", "ckpt.tar.gz"])
def test_a_name_of_another_kind(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match=r"ends in one of \.pyth, \.pt, \.pth, \.safetensors"):
        checkpoint.read(tmp_path / name)
    with pytest.raises(SpecError, match=r"ends in one of"):
        checkpoint.write(tmp_path / name, STATE)
    assert not [*tmp_path.iterdir()]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "ckpt.pth").mkdir()
    with pytest.raises(SpecError, match="cannot be written: is a directory"):
        checkpoint.write(tmp_path / "ckpt.pth", STATE)
    assert [each.name for each in tmp_path.iterdir()] == ["ckpt.pth"]
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="cannot be written"):
        checkpoint.write(tmp_path / "file" / "ckpt.pth", STATE)


# Rules files


GOOD = """\
optional_norms:
  norm: {follows: conv, added_to: other}
code_bases:
  theirs:
    source: somewhere
    nesting: state
    options: {}
    convolutions: [fc]
    modules:
      body.{i}: {prefix: "trunk.{i}", modules: {conv: c}}
      fc: head
"""
BAD_RULES = {
    "unknown key": ("nesting:", "nestings:", "6:5: code_bases.theirs.nestings: unknown key 'nestings'; did"),
    "missing key": ("code_bases:", "x:", "missing key 'code_bases'"),
    "not a mapping": (
        "{follows: conv, added_to: other}",
        "conv",
        "2:9: optional_norms.norm: must be a mapping",
    ),
    "not a list": ("[fc]", "fc", "8:19: code_bases.theirs.convolutions: must be a list"),
    "not text": ("fc: head", "fc: 3", "11:11: code_bases.theirs.modules.fc: must be text"),
    "not a name": ("fc: head", "fc: he ad", "'he ad' is not a module name"),
    "an empty part": ("fc: head", "fc: a..b", "'a..b' is not a module name"),
    "two numbers": ('"trunk.{i}"', '"trunk.{i}.{i}"', "is not a module name, at most one {i} in it"),
    "number lost": ('"trunk.{i}"', "trunk", "{i} must be in both names or in neither"),
    "number within": ("{conv: c}", '{conv: "c.{i}"}', "{i} belongs in the prefix"),
    "unknown option": ("options: {}", "options: {shortcut: yes}", "unknown option 'shortcut'"),
    "unknown choice": ("options: {}", "options: {shortcut_norm: no}", "unknown choice 'no'"),
    "unknown variant": ("options: {}", "variants: {widths: {of_2: why}}", "unknown choice 'of_2'"),
    "not a reason": ("options: {}", "refused: {tf: 3}", "theirs.refused.tf: must be text on one line"),
    "not an option": ("options: {}", "options: {shortcut_norm: []}", "must be text or a whole number"),
    "our own name": ("theirs:", "x3dspec:", "is the name of our own keys"),
    "source": ("source: somewhere", "source: []", "5:13: code_bases.theirs.source: must be text"),
    "not YAML": ("fc: head", "fc: [", "not YAML"),
}


def other_rules(folder: Path, text: str) -> key_rules.Rules:
    """The rules of a spec in a folder of its own, with these beside it."""
    (folder / "keys").mkdir()
    (folder / "keys" / "x2d.yaml").write_text(text)
    spec = network("x2d").architecture.source.origins[0].path
    (folder / "x2d.yaml").write_bytes(spec.read_bytes())
    return key_rules_reader.load_rules(x3dspec.load(str(folder / "x2d.yaml")))


@pytest.mark.parametrize("kind", BAD_RULES)
def test_bad_rules_are_refused_where_they_are_wrong(tmp_path: Path, kind: str) -> None:
    old, new, message = BAD_RULES[kind]
    assert old in GOOD
    with pytest.raises(SpecError) as caught:
        other_rules(tmp_path, GOOD.replace(old, new))
    assert str(caught.value).startswith("keys/x2d.yaml:")
    assert message in str(caught.value)


def test_rules_beside_a_spec(tmp_path: Path) -> None:
    found = other_rules(tmp_path, GOOD)
    assert found.names == ("theirs", "x3dspec")
    modules = ["fc", "body.10.conv", "body.2.conv"]
    renamed = {"body.2.conv": "trunk.2.c", "body.10.conv": "trunk.10.c", "fc": "head"}
    assert [*found.renamed("theirs", modules).items()] == [*renamed.items()]


def test_modules_that_no_rule_covers_or_two_share(tmp_path: Path) -> None:
    found = other_rules(tmp_path, GOOD + "      a: head\n")
    with pytest.raises(SpecError) as caught:
        found.renamed("theirs", ["fc", "a", "body.0.norm"])
    where = "keys/x2d.yaml:9:5: code_bases.theirs.modules: "
    assert [*map(str, caught.value.problems)] == [
        f"{where}fc and a are both head",
        f"{where}no rule covers our module body.0.norm",
    ]


def test_a_dialect_may_differ_in_declared_norms_only(tmp_path: Path) -> None:
    shipped = rules().document.text
    found = other_rules(tmp_path, shipped.replace("  shortcut_norm: {follows", "  other_norm: {follows"))
    with pytest.raises(SpecError, match=r"res2\.0\.shortcut_norm is in one dialect only"):
        weights.convert(reference("pytorchvideo"), "auto", "slowfast", found, network("x3d_s"))


def test_a_spec_without_rules(tmp_path: Path) -> None:
    text = network("x2d").architecture.source.origins[0].path.read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("name: x2d", "name: mine"))
    with pytest.raises(SpecError, match=r"specs/keys/mine\.yaml is not there"):
        key_rules_reader.load_rules(x3dspec.load(str(tmp_path / "mine.yaml")))


def test_a_network_of_float_products_is_named_and_converted() -> None:
    """pytorchvideo's int(2.05 * 120) is 245: such a network has another gamma_b, which identify finds."""
    spec = x3dspec.load("x2d").choose(shortcut_norm="on_width_change")
    exact = spec.resolve(gamma_w="1.25", gamma_b="2.05", gamma_d="2.2")
    state = peers.create_x3d(exact, 1, 112).state_dict()
    rules = key_rules_reader.load_rules(exact.architecture)
    with pytest.raises(SpecError) as caught:
        weights.convert(state, "pytorchvideo", "x3dspec", rules, exact)
    told = "x2d --gamma-w 1.26 --gamma-b 2.048 --gamma-d 2.2 --set shortcut_norm=on_width_change"
    why = "one channel less, as int() of a product of floats can give"
    assert f"; its tensors are those of x3dspec resolve {told} ({why})" in str(caught.value)
    theirs = identify({key: tuple(tensor.shape) for key, tensor in state.items()}).resolved
    assert [stage.argument("inner") for stage in theirs.network.stages[1:5]] == [65, 131, 245, 491]
    assert len(weights.convert(state, "pytorchvideo", "x3dspec", rules, theirs).state) == len(state)
