"""What ranks the candidates of a step: judges.

A :data:`Judge` takes the whole list of candidates, for some rank sets, and yields the number of each
with its :class:`Score`, in the order in which they are done. The highest score is kept; a candidate
without one loses. Whoever writes one writes a plain function instead, from a list of
:class:`Candidate` to as many numbers, and names it ``package.module:function``.

The closed forms need no data and no training. What they are worth as choosers of an axis,
``x3dspec judges --compare`` tells: little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from x3dspec.language.errors import BadArgument, unknown
from x3dspec.network import layers as net
from x3dspec.network.architecture import Architecture, Resolved
from x3dspec.network.evaluator import Evaluator
from x3dspec.network.layers import Setting
from x3dspec.network.quantities import Counts
from x3dspec.scaling import python_judge
from x3dspec.scaling.axes import turns

#: 1 - cos of the entropy's angle, at least: where T : R = kt : k it is 0, and its logarithm infinite.
LEAST_ANGLE = 1e-3
#: Layers per (geometric) mean width, at most. Beyond some depth entropy goes on rising and networks no
#: longer learn; X3D-L, the deepest of the published family for its width, has 2.19.
MAX_DEPTH_RATIO = 2.5
#: DeepMAD's weights of the last and of the other resolutions.
LAST_WEIGHT = 8.0


@dataclass(frozen=True)
class Candidate:
    """A network that may become the next step.

    Attributes:
        axis: the axis that was tried; empty where the network is no step.
        setting: its factors.
        history: the axes of the steps before.
        before: the factors of the network that it is a step from.
    """

    architecture: Architecture
    axis: str
    setting: Setting
    history: tuple[str, ...] = ()
    before: Setting = field(default_factory=dict)

    @property
    def parent(self) -> Candidate | None:
        """The candidate that the step before kept; None in the first step."""
        if not self.history:
            return None
        return Candidate(self.architecture, self.history[-1], self.before, self.history[:-1])

    @cached_property
    def resolved(self) -> Resolved:
        """The network with all its integers."""
        return self.architecture.at(self.setting)

    @cached_property
    def counts(self) -> Counts:
        """What it costs."""
        return Evaluator.of(self.architecture).counts(self.setting)


@dataclass(frozen=True)
class Origin:
    """Whose weights a candidate began with: its parent's key in the journal, and their SHA-256."""

    parent: str
    weights: str


@dataclass(frozen=True)
class Score:
    """A candidate's score, the more the better; None where it has none, and `note` says why.

    Attributes:
        recalled: tells one that a journal knew from one that a judge has just given.
        weights: the SHA-256 of the weights that it left, if it left any.
        origin: what it began with, if not from nothing.
    """

    value: float | None
    note: str = ""
    recalled: bool = field(default=False, compare=False)
    weights: str = ""
    origin: Origin | None = None


Judge = Callable[[Sequence[Candidate]], Iterator[tuple[int, Score]]]


def judge(name: str) -> Judge:
    """A built-in judge, or one that ``package.module:function`` names.

    Raises:
        SpecError: there is none of that name, or it cannot be imported.
    """
    if name in BUILT_IN:
        return _each(BUILT_IN[name])
    if ":" not in name:
        listed = [*BUILT_IN, "command", "package.module:function"]
        raise BadArgument("judge", unknown("judge", name, listed, "the judges are"))
    function = python_judge.function(name)
    return _each(lambda candidates: list(map(_number, python_judge.numbers(name, function, candidates))))


def _each(scores: Callable[[Sequence[Candidate]], Sequence[Score]]) -> Judge:
    return lambda candidates: iter(enumerate(scores(candidates)))


def _number(value: float) -> Score:
    return Score(value) if math.isfinite(value) else Score(None, f"its score is {value}")


def published(candidates: Sequence[Candidate]) -> list[Score]:
    """The order of the published expansion, again from its beginning where it ends."""
    network = candidates[0].architecture.source.network
    order = [waypoint.axis for waypoint in network.published]
    return _turns(order or list(network.axes), candidates)


def round_robin(candidates: Sequence[Candidate]) -> list[Score]:
    """All axes in turn, in their declared order: what any other judge should be compared with."""
    return _turns(list(candidates[0].architecture.source.network.axes), candidates)


def _turns(order: Sequence[str], candidates: Sequence[Candidate]) -> list[Score]:
    """Minus how many turns an axis has to wait, after the turns that the history has taken."""
    upcoming = turns(order, candidates[0].history)
    wait = {axis: n for n, axis in reversed(list(enumerate(upcoming)))}
    return [
        Score(float(0 - wait[each.axis])) if each.axis in wait else Score(None, "not in the order")
        for each in candidates
    ]


def parameters(candidates: Sequence[Candidate]) -> list[Score]:
    """Trainable parameters: at equal MACs, the network that can hold more."""
    return [Score(float(each.counts.params)) for each in candidates]


def activations(candidates: Sequence[Candidate]) -> list[Score]:
    """Elements that convolutions and linears make, the complexity measure of Radosavovic et al.
    (Designing Network Design Spaces, CVPR 2020): at equal MACs, the network that keeps more.
    """
    return [Score(float(each.counts.activations)) for each in candidates]


def entropy(candidates: Sequence[Candidate]) -> list[Score]:
    """Spatio-temporal entropy in closed form (Wang et al.: Maximizing Spatio-Temporal Entropy of Deep
    3D CNNs for Efficient Video Recognition, ICLR 2023), clamped where it diverges.
    """
    return [_capped(each, _entropy) for each in candidates]


def deepmad(candidates: Sequence[Candidate]) -> list[Score]:
    """Weighted entropy of every resolution (Shen et al.: DeepMAD, CVPR 2023), without its penalty of
    unequal stages, which the published family could not pay.
    """
    return [_capped(each, _deepmad) for each in candidates]


#: The built-in judges, by the name that the command line knows.
BUILT_IN: dict[str, Callable[[Sequence[Candidate]], list[Score]]] = {
    "published": published,
    "round-robin": round_robin,
    "entropy": entropy,
    "deepmad": deepmad,
    "params": parameters,
    "activations": activations,
}
#: Those that look at the network, and what must be said of them.
CLOSED_FORMS = ("entropy", "deepmad", "params", "activations")
WARNING = "a closed form is no reliable chooser of axes: see x3dspec judges --compare"

#: A convolution on the way from the clip to the classes.
Path = list[net.Conv[int]]


def _capped(candidate: Candidate, formula: Callable[[Path], float]) -> Score:
    convolutions = path(candidate.resolved.network)
    ratio = depth_ratio(convolutions)
    if ratio > MAX_DEPTH_RATIO:
        return Score(None, f"{ratio:.2f} layers per mean width, over {MAX_DEPTH_RATIO:g}")
    return Score(formula(convolutions))


def path(network: net.Network[int]) -> list[net.Conv[int]]:
    """The convolutions in order, every block as often as it stands there, without shortcuts."""
    bodies = (body for stage in network.stages for body, _ in net.blocks(stage))
    return [conv for body in bodies for conv in _branch(body)]


def _branch(body: Sequence[net.Layer[int]]) -> Iterator[net.Conv[int]]:
    for layer in body:
        if isinstance(layer, net.Conv):
            yield layer
        elif isinstance(layer, net.Residual):
            yield from _branch(layer.branch)


def fan_in(conv: net.Conv[int]) -> int:
    """Products that make one element: input channels of its group times the kernel's volume."""
    return conv.inputs.channels // conv.groups * math.prod(conv.kernel)


def depth_ratio(path: Path) -> float:
    """Depth over mean width, DeepMAD's effectiveness: layers over the geometric mean of fan-ins."""
    return len(path) / math.exp(math.fsum(math.log(fan_in(conv)) for conv in path) / len(path))


def _entropy(path: Path) -> float:
    layers = math.fsum(math.log(fan_in(conv) * _alpha(conv)) for conv in path) / 2
    return layers + math.log(path[-1].outputs.channels)


def _alpha(conv: net.Conv[int]) -> float:
    """-ln(1 - cos) of the angle between a kernel's proportions and its clip's; 1 for 1x1x1."""
    if math.prod(conv.kernel) == 1:
        return 1.0
    *frames, size, _ = conv.outputs.sizes
    *temporal, kernel, _ = conv.kernel
    t, kt = (frames or [1])[0], (temporal or [1])[0]
    cos = (t * kt + 2 * size * kernel) / math.sqrt((t**2 + 2 * size**2) * (kt**2 + 2 * kernel**2))
    return -math.log(max(1 - cos, LEAST_ANGLE))


def _deepmad(path: Path) -> float:
    total, sofar = 0.0, 0.0
    weighted = list(zip(path, [*path[1:], None], strict=True))
    for conv, following in weighted:
        sofar += math.log(fan_in(conv))
        if following is None or following.outputs.sizes[-1] < conv.outputs.sizes[-1]:
            weight = LAST_WEIGHT if following is None else 1.0
            total += weight * sofar * math.log(math.prod(conv.outputs.sizes) * conv.outputs.channels)
    return total
