"""What is counted of a network, in one table: formulas, budgets, limits, units and answers read it.

A new quantity is a new row of :data:`QUANTITIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import NotRequired, TypedDict

from x3dspec.language.errors import BadArgument, unknown
from x3dspec.network import cost, latency, memory, stream_quantities
from x3dspec.network.cost import Cost
from x3dspec.network.layers import Network

#: EfficientNet's paper writes B for 10**9; in what is printed it is G.
DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
#: Units of memory, as torch and graphics cards are told by.
BINARY = {"B": 1, **{f"{p}iB": 2 ** (10 * (i + 1)) for i, p in enumerate("KMGT")}}
#: Nanoseconds: they are whole.
TIMES = {"m": 10**6, "u": 10**3, "n": 1}
BYTES = {**BINARY, **{f"{p}B": 10 ** (3 * (i + 1)) for i, p in enumerate("kMGT")}}


@dataclass(frozen=True)
class Unit:
    """How a figure is written: ``4.7GFLOPs``, ``4M params``, ``6GiB saved``.

    Attributes:
        word: what stands behind the number and its prefix; `others` are read as the same.
        space: what is between the prefix and the word in what is printed.
        prefixes: what may stand before it, and how many each is; `printed` are those that we write.
    """

    word: str
    others: tuple[str, ...] = ()
    space: str = " "
    prefixes: Mapping[str, int] = field(default_factory=lambda: DECIMAL)
    printed: Mapping[str, int] = field(default_factory=lambda: DECIMAL)

    def spelled(self, prefix: str) -> str:
        """The unit with a prefix, as it is printed."""
        return f"{prefix}{self.space}{self.word}".strip()


@dataclass(frozen=True)
class Quantity:
    """Something that is counted of a network, for one clip.

    Attributes:
        name: what options and answers call it, and `title` what tables do.
        meaning: what one of it is, in words.
        tally: how it is read from the cost of layers, where those of a network add up to its own.
        view: the network whose layers are tallied, where it is another than the clip's.
        by_stage: otherwise, what each stage adds to it.
        units: how a limit on it is written, the first of them in what is printed; none where it has none.
        always: whether a solver counts it of every network, asked for or not.
    """

    name: str
    title: str
    meaning: str
    tally: Callable[[Cost[Any]], Any] | None = None
    view: Callable[[Network[Any]], Network[Any]] | None = None
    by_stage: Callable[[Network[Any]], Iterable[Any]] | None = None
    units: tuple[Unit, ...] = ()
    always: bool = False

    def of(self, network: Network[Any]) -> Any:
        """How many of it a network has: an expression before binding, an integer after."""
        if self.tally is not None:
            return self.tally(self.viewed(network).cost())
        assert self.by_stage is not None
        return sum(self.by_stage(network))

    def viewed(self, network: Network[Any]) -> Network[Any]:
        """The network whose layers are tallied."""
        return network if self.view is None else self.view(network)


QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "macs",
            "MACs",
            "multiply-accumulates of convolutions and linear layers, which the paper calls FLOPs",
            lambda cost: cost.macs,
            units=(Unit("FLOPs", ("flop",), space=""), Unit("MACs", ("mac",), space="")),
            always=True,
        ),
        Quantity(
            "params",
            "params",
            "trainable parameters",
            lambda cost: cost.params,
            units=(Unit("params", ("param", "parameter", "parameters")),),
            always=True,
        ),
        Quantity(
            "activations",
            "activations",
            "elements that convolutions and linear layers produce",
            lambda cost: cost.activations,
            units=(Unit("activations", ("activation", "acts", "act")),),
            always=True,
        ),
        Quantity(
            "weights", "weights", "weights of convolutions and linear layers", lambda cost: cost.weights
        ),
        Quantity(
            "bytes",
            "bytes moved",
            "bytes read and written in 32-bit floats when every layer runs by itself",
            lambda cost: cost.bytes,
        ),
        Quantity(
            "saved",
            "saved",
            "bytes kept for the backward pass of one clip, in 32-bit floats, without checkpointing",
            by_stage=lambda network: (part.one_clip for part in memory.by_stage(network)),
            units=(Unit("saved", prefixes=BYTES, printed=BINARY),),
        ),
        Quantity(
            "ms",
            "time",
            "nanoseconds of one step at inference on a machine that x3dspec calibrate has timed",
            by_stage=latency.by_stage,
            units=(Unit("s", space="", prefixes=TIMES, printed={"m": TIMES["m"]}),),
        ),
        Quantity(
            "step_macs",
            "MACs a step",
            "multiply-accumulates of one step of the stream form",
            lambda cost: cost.macs,
            view=stream_quantities.one_frame,
            units=(Unit("MACs/step", ("mac/step", "flop/step", "flops/step"), space=""),),
        ),
        Quantity(
            "state",
            "state",
            "numbers that the stream form remembers of a sample",
            by_stage=stream_quantities.state,
            units=(Unit("state"),),
        ),
        Quantity(
            "delay",
            "frames late",
            "frames between one and the stream form's answer for it",
            by_stage=stream_quantities.delay,
            units=(Unit("frames late", ("frameslate", "framelate")),),
        ),
        Quantity(
            "frames_seen",
            "frames seen",
            "frames that one position of the last convolution sees",
            by_stage=stream_quantities.frames_seen,
        ),
    )
}
#: What is counted of the stream form alone.
STREAM = ("step_macs", "state", "delay", "frames_seen")
#: What a solver counts of every network; what a target or a limit may be about.
ALWAYS = tuple(name for name, quantity in QUANTITIES.items() if quantity.always)
LIMITED = tuple(name for name, quantity in QUANTITIES.items() if quantity.units)


def quantity(name: str, convention: str = "paper") -> Quantity:
    """A quantity by its name; of ``macs`` the operations that a convention counts.

    Raises:
        SpecError: an unknown quantity or convention.
    """
    if name not in QUANTITIES:
        raise BadArgument("quantity", unknown("quantity", name, QUANTITIES, "the quantities are"))
    if convention not in cost.CONVENTIONS:
        message = unknown("convention", convention, cost.CONVENTIONS, "the conventions are")
        raise BadArgument("convention", message)
    if name != "macs":
        return QUANTITIES[name]
    counted = cost.CONVENTIONS[convention]
    return Quantity(counted.unit.lower(), counted.unit, f"{counted.name}: {counted.doc}", counted.of)


def in_form(name: str, form: str) -> str:
    """What a quantity is in a form: the MACs of a stream are those of a step.

    Raises:
        BadArgument: a form that has no figures of its own, or no such figure.
    """
    forms = ("train", "stream")
    if form not in forms:
        raise BadArgument("form", unknown("form", form, forms, "the forms with figures of their own are"))
    if form == "train":
        return name
    name = "step_macs" if name == "macs" else name
    if name not in (*STREAM, "params"):
        raise BadArgument(
            "form", f"of a stream there are macs, {', '.join(STREAM[1:])} and params, no {name}"
        )
    return name


class Counts(dict[str, int]):
    """Exact figures of one network for one clip, by quantity."""

    @property
    def macs(self) -> int:
        return self["macs"]

    @property
    def params(self) -> int:
        return self["params"]

    @property
    def activations(self) -> int:
        return self["activations"]

    @property
    def asked(self) -> list[str]:
        """The quantities that are counted because something asked for them."""
        return [name for name in self if name not in ALWAYS]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """The keys that an answer has, for its JSON Schema."""
        return handler(_Counts)


_Counts = TypedDict(  # type: ignore[misc]
    "Counts", {name: int if name in ALWAYS else NotRequired[int] for name in (*ALWAYS, *LIMITED)}
)
_Counts.__doc__ = Counts.__doc__
