"""Time on a machine: the formula against sums over the layers that torch would run."""

from __future__ import annotations

import math
from fractions import Fraction

import machines
import pytest

import x3dspec
from x3dspec.codegen.deploy import folded
from x3dspec.language.errors import SpecError
from x3dspec.language.machine_file import Machine
from x3dspec.network import latency
from x3dspec.network import layers as net
from x3dspec.network.architecture import Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.quantities import QUANTITIES


def evaluated(resolved: Resolved) -> int:
    return Evaluator.of(resolved.architecture, "ms").counts(resolved.setting)["ms"]


def by_layers(resolved: Resolved, machine: Machine) -> Fraction:
    """Every layer of every block, one after another, of the network that the form emits."""
    network = folded(resolved.network) if machine.form == "deploy" else resolved.network
    laws, total = dict(machine.laws), Fraction(0)
    for stage in network.stages:
        for body, _ in net.blocks(stage):
            for layer in net.layers(body):
                total += _layer(layer, machine, laws)
    if machine.form == "deploy":
        copied = 2 * 4 * machine.batch * network.inputs.elements
        total += laws["copy"].call + laws["copy"].byte * copied
    return total


def _layer(layer: net.Layer[int], machine: Machine, laws: dict[str, latency.Law]) -> Fraction:
    if isinstance(layer, net.Dropout):
        return Fraction(0)
    kind, step = latency.kind(layer), 8
    if isinstance(layer, net.Conv) and machine.form == "deploy" and kind == "pointwise convolution":
        fewer = layer.outputs.channels < layer.inputs.channels and set(layer.stride) == {1}
        kind = "projection" if fewer else kind
    law, cost = laws[kind], layer.count()
    macs = cost.macs
    if isinstance(layer, net.Conv) and layer.groups in (1, layer.inputs.channels):
        inputs, outputs = (-(-shape.channels // step) * step for shape in (layer.inputs, layer.outputs))
        share = inputs if layer.groups == 1 else 1
        macs = math.prod((*layer.outputs.sizes, *layer.kernel)) * outputs * share
    elif isinstance(layer, net.Linear):
        macs = math.prod(-(-shape.channels // step) * step for shape in (layer.inputs, layer.outputs))
    params = cost.params - (layer.outputs.channels if isinstance(layer, net.Conv) and layer.bias else 0)
    numbers = layer.inputs.elements * machine.batch + params + layer.outputs.elements * machine.batch
    if not isinstance(layer, net.Conv):
        numbers = (cost.moved - cost.params) * machine.batch + cost.params
    compute, memory = law.mac * macs * machine.batch, law.byte * 4 * numbers
    return law.call + (compute + memory if law.added or not macs else max(compute, memory))


@pytest.mark.parametrize("form", ["train", "deploy"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("added", [False, True], ids=["greater", "sum"])
@pytest.mark.parametrize("name", ["x3d_s", "i3d_r50", "csn_r101"])
def test_the_formula_is_the_sum_over_layers(name: str, added: bool, batch: int, form: str) -> None:
    machine = machines.machine(form, batch, added)
    resolved = x3dspec.load(name).on(machine).resolve()
    total = by_layers(resolved, machine)
    assert 0 <= total - evaluated(resolved) < len(resolved.network.stages)
    assert QUANTITIES["ms"].of(resolved.network) == evaluated(resolved)


def test_a_factor_moves_it_as_it_moves_the_network() -> None:
    machine = machines.machine()
    for factors in ({"gamma_w": "3/2"}, {"gamma_b": "1/2"}, {"gamma_d": 5}, {"gamma_t": 3, "gamma_s": 1}):
        resolved = x3dspec.load("x3d_s").on(machine).resolve(**factors)
        assert 0 <= by_layers(resolved, machine) - evaluated(resolved) < len(resolved.network.stages)


def test_without_a_machine_there_is_no_time() -> None:
    with pytest.raises(SpecError, match="needs a machine"):
        evaluated(x3dspec.load("x3d_s").resolve())


def test_what_was_not_timed_is_named() -> None:
    with pytest.raises(SpecError, match="has timed no 2-d convolution"):
        evaluated(x3dspec.load("efficientnet_b0").on(machines.machine()).resolve())


def test_architectures_on_different_machines_are_different() -> None:
    spec = x3dspec.load("x3d_s")
    one, other = spec.on(machines.machine()), spec.on(machines.machine(granularity=1))
    assert one != other
    assert one == spec.on(machines.machine())
    assert one.on(None) == spec
    assert evaluated(one.resolve()) > evaluated(other.resolve())
