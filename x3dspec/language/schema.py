"""What a spec file may contain: a whole network, or a preset of one.

The field descriptions are the language reference (``docs/language.md``) and the JSON Schema (``x3dspec
schema``), so that neither can drift from what is accepted. What a layer may say is in
:mod:`x3dspec.language.layer_keys`.
"""

from __future__ import annotations

from fractions import Fraction

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from x3dspec.language.fields import Choice, Expression, Identifier, Model, Plain, Reference, Statistics, Words
from x3dspec.language.layer_keys import MAX_LAYERS_PER_BLOCK, LayerItem
from x3dspec.language.syntax import Number

MAX_STAGES = 64
#: X2D has 6; a search space of a depth and a width of every stage has 17 (E3D).
MAX_FACTORS = 32


class Factor(Model):
    """An expansion factor: a positive number that the spec's expressions may use."""

    start: Expression = Field(description="value it has unless told otherwise; may use the factors before it")
    grid: Expression = Field(
        default=Number(Fraction(1, 100)),
        description="step between the values that `budget`, `expand` and `search` may choose",
    )
    min: Expression | None = Field(default=None, description="least value; without it, above 0")
    max: Expression | None = Field(default=None, description="greatest value")
    doc: Words = Field(default="", description="what it scales, in a few words")


class Option(Model):
    """A choice that the source leaves open, or that code bases make differently."""

    choices: list[Choice] = Field(min_length=1, max_length=32, description="all values it can take")
    default: Choice = Field(description="the value it has without `--set`")
    note: Words = Field(default="", description="who chooses what, and why this default")


class Input(Model):
    """The clip (or, without frames, the image) that the network is counted at."""

    channels: Expression = Field(default=Number(Fraction(3)), description="colour channels")
    frames: Expression | None = Field(default=None, description="frames T; without it the network is 2-D")
    size: Expression = Field(description="height and width S in pixels")
    stride: Expression | None = Field(
        default=None, description="frames of video from one frame of the clip to the next"
    )
    mean: Statistics = Field(
        default=[], description="mean of each channel in training data, of values 0 to 1"
    )
    std: Statistics = Field(default=[], description="standard deviation of each channel, likewise")


class Block(Model):
    """A reusable word, spelled from layers."""

    arguments: list[Identifier] = Field(
        default=[],
        max_length=16,
        description="what a stage that uses it must give; `stride` and names that end in `_stride` "
        "count for the first block of a stage, and are 1 in the rest",
    )
    layers: list[LayerItem] = Field(
        min_length=1, max_length=MAX_LAYERS_PER_BLOCK, description="its layers, in order"
    )
    note: Words = Field(default="", description="where the source says so, and what it leaves open")


class Stage(Model):
    """A line of the stage table: a block repeated, or layers of its own."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, defer_build=True)
    __pydantic_extra__: dict[str, Expression]

    name: Identifier = Field(description="the line's name, and the attribute's in the emitted module")
    block: Reference | None = Field(
        default=None, description="the block it repeats; its arguments are keys of the stage"
    )
    layers: list[LayerItem] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_LAYERS_PER_BLOCK,
        description="or layers of its own",
    )
    repeat: Expression = Field(default=Number(Fraction(1)), description="how many blocks")
    note: Words = Field(default="", description="where the source says so, and what it leaves open")

    @model_validator(mode="after")
    def _either(self) -> Stage:
        if (self.block is None) == (self.layers is None):
            raise PydanticCustomError("stage", "must have either block or layers, not both")
        if self.layers is not None and "repeat" in self.model_fields_set:
            raise PydanticCustomError("stage", "only a block can be repeated: spell its layers as one")
        return self


class Waypoint(Model):
    """A step of the expansion that the source publishes, with the factor values it arrived at."""

    axis: Reference = Field(description="the axis that was expanded")
    to: dict[Reference, Expression] = Field(
        min_length=1, description="the factors that changed, and their values"
    )
    contracted: dict[Reference, Expression] | None = Field(
        default=None,
        description="values of the released network, where this step was contracted to a budget",
    )
    reaches: Reference | None = Field(default=None, description="the preset that this step arrives at")
    note: Words = Field(default="", description="what is known of it")


class Clip(Model):
    """A clip to count at, instead of the input's."""

    frames: int | None = Field(default=None, ge=1, le=4096, description="frames T")
    size: int = Field(ge=1, le=8192, description="height and width S in pixels")


class Accuracy(Model):
    """An accuracy that a source prints for a trained network; never a prediction."""

    dataset: Words = Field(min_length=1, description="the data set it was measured on")
    top1: Plain = Field(gt=0, le=100, description="top-1 accuracy in percent")
    views: int = Field(ge=1, le=1000, description="clips times crops whose scores are averaged")
    crop: int = Field(ge=1, le=8192, description="height and width of a view in pixels")
    source: Words = Field(min_length=1, description="where it is printed")


class Header(Model):
    """What every spec file says of itself."""

    name: Identifier = Field(description="the network's name; the emitted file and its factory are called so")
    title: Words = Field(default="", description="one line that a reader recognises it by")
    source: Words = Field(default="", description="the paper, section or code that it comes from")
    note: Words = Field(default="", description="anything else worth knowing")
    published_accuracy: Accuracy | None = Field(
        default=None, description="what the network as it stands here reaches, as its source prints it"
    )


class NetworkFile(Header):
    """A whole network."""

    class_name: Identifier | None = Field(
        default=None, description="the emitted module's class; the name in CapWords by default"
    )
    license: Words = Field(default="", description="SPDX identifier of the emitted file's licence")
    factors: dict[Identifier, Factor] = Field(
        default={}, max_length=MAX_FACTORS, description="the expansion factors"
    )
    axes: dict[Identifier, dict[Reference, Expression]] = Field(
        default={},
        max_length=MAX_FACTORS,
        description="what one expansion step by `m` does; the first factor named is solved for",
    )
    options: dict[Identifier, Option] = Field(default={}, max_length=16, description="the choices")
    classes: int = Field(
        default=400, ge=1, le=1_000_000, description="number of classes, `classes` in expressions"
    )
    input: Input = Field(description="the clip")
    blocks: dict[Identifier, Block] = Field(default={}, max_length=32, description="the blocks")
    stages: list[Stage] = Field(min_length=1, max_length=MAX_STAGES, description="the stage table")
    published: list[Waypoint] = Field(default=[], max_length=64, description="the published expansion")


class PresetFile(Header):
    """A named setting of another spec."""

    base: Reference = Field(description="the spec it sets, by name: beside this file, or shipped")
    factors: dict[Reference, Expression] = Field(
        default={}, max_length=MAX_FACTORS, description="factor values"
    )
    set: dict[Reference, Choice] = Field(default={}, max_length=16, description="options, and `classes`")
    clip: Clip | None = Field(default=None, description="a clip to count at, instead of the input's")
    published: Words = Field(default="", description="the figures that its source prints for it")
