"""The document as its author wrote it: what keys there are, what each may hold, what each means.

This is the only room that knows pydantic. The models say what a spec file may contain; their field
descriptions are the language reference (``docs/language.md``) and the JSON Schema (``x3dspec
schema``), so that neither can drift from what is accepted. A number that may depend on a factor is
an :data:`Expression`, read here into a syntax tree and given its meaning in ``lower``.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue, models_json_schema
from pydantic_core import CoreSchema, PydanticCustomError

from x3dspec.language.grammar import FUNCTIONS, Apply, ExpressionError, Name, Number, Syntax, Text, parse

MAX_STAGES = 64
MAX_LAYERS_PER_BLOCK = 64
MAX_TEXT = 1000

#: Controls, bidi and other format characters, line and paragraph separators, characters that nobody
#: has given a meaning: what a reader of the emitted file or of a terminal cannot see, and may be misled
#: by.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

#: Names that mean something else to the emitted module (attributes of torch's Module among them) or
#: to an expression. Python's own keywords and builtins are reserved too.
RESERVED = frozenset(
    {"self", "torch", "nn", "F", "x", "y", "m", "module", "Tensor", "classes", "channels", "width_in"}
    | {"num_classes", "in_channels", "pre_logits", "forward_features", "forward_head"}
    | {"and", "or", "not", "true", "false", *FUNCTIONS}
    | {"T_destination", "add_module", "append", "apply", "bfloat16", "buffers", "call_super_init", "children"}
    | {"cpu", "cuda", "double", "dump_patches", "extend", "extra_repr", "forward", "get_buffer"}
    | {"get_extra_state", "get_parameter", "get_submodule", "half", "insert", "ipu", "load_state_dict"}
    | {"modules", "mtia", "named_buffers", "named_children", "named_modules", "named_parameters"}
    | {"parameters", "pop", "register_backward_hook", "register_buffer", "register_forward_hook"}
    | {"register_forward_pre_hook", "register_full_backward_hook", "register_full_backward_pre_hook"}
    | {"register_load_state_dict_post_hook", "register_load_state_dict_pre_hook", "register_module"}
    | {"register_parameter", "register_state_dict_post_hook", "register_state_dict_pre_hook"}
    | {"requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to"}
    | {"to_empty", "train", "training", "xpu", "zero_grad"}
)


def reserved(name: str) -> bool:
    """Whether a name must not become one of the emitted module's."""
    return (
        keyword.iskeyword(name) or keyword.issoftkeyword(name) or hasattr(builtins, name) or name in RESERVED
    )


def is_name(text: str) -> bool:
    """Whether this has the form of a name."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", text) is not None


def _name(value: Any) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise PydanticCustomError(
            "identifier", "must be a name of letters, digits and _, at most 40, a letter first"
        )
    return value


def _identifier(value: Any) -> str:
    name = _name(value)
    if reserved(name):
        raise PydanticCustomError("identifier", f"{name!r} is a reserved name: choose another")
    return name


def _words(value: str) -> str:
    for character in value:
        if character not in "\t\n\r" and unicodedata.category(character) in _INVISIBLE:
            code = f"U+{ord(character):04X}"
            raise PydanticCustomError("words", f"holds {code}, a character that cannot be seen: remove it")
    return " ".join(value.split())


def _expression(value: Any) -> Syntax:
    if isinstance(value, bool):
        return Number(Fraction(int(value)))
    if isinstance(value, (int, Fraction)):
        return Number(Fraction(value))
    if not isinstance(value, str):
        raise PydanticCustomError("expression", "must be a number or an expression")
    try:
        return parse(value)
    except ExpressionError as error:
        raise PydanticCustomError("expression", "{reason}", {"reason": str(error)}) from None


def _number(value: Any) -> Any:
    """YAML decimals arrive as exact fractions; the few plain numbers of the language are floats."""
    return float(value) if isinstance(value, Fraction) else value


def _choice(value: Any) -> int | str:
    if type(value) is int:
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("choice", "must be a whole number or a name")
    return _name(value)


def no_share(value: Any) -> str:
    """Why a number is no eps and no momentum, or nothing."""
    if value <= 0:
        return "must be above 0"
    return "" if value <= 1 else "must be at most 1"


def _share(value: Any) -> Syntax:
    tree = _expression(value)
    refusal = no_share(tree.value) if isinstance(tree, Number) else ""
    if refusal:
        raise PydanticCustomError("share", "{reason}", {"reason": refusal})
    return tree


def _each(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


_NUMBER_OR_TEXT: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "string"}]}

Identifier = Annotated[
    str,
    PlainValidator(_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"}),
]
#: The name of something that is declared elsewhere, which says whether there is such a name.
Reference = Annotated[
    str,
    PlainValidator(_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"}),
]
Choice = Annotated[
    int | str,
    PlainValidator(_choice),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}]}),
]
if TYPE_CHECKING:
    Expression = Syntax
    Share = Syntax
else:  # pydantic would look through all of Syntax for a way to write it back, again for every use
    Expression = Annotated[Any, PlainValidator(_expression), WithJsonSchema(_NUMBER_OR_TEXT)]
    Share = Annotated[Any, PlainValidator(_share), WithJsonSchema(_NUMBER_OR_TEXT)]
Sizes = Annotated[
    list[Expression],
    BeforeValidator(_each),
    Field(min_length=1, max_length=3),
    WithJsonSchema({"anyOf": [*_NUMBER_OR_TEXT["anyOf"], {"type": "array", "items": _NUMBER_OR_TEXT}]}),
]
Statistics = Annotated[
    list[Annotated[float, BeforeValidator(_number), Field(gt=0, lt=10)]],
    BeforeValidator(_each),
    Field(max_length=16),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}),
]
Words = Annotated[str, StringConstraints(max_length=MAX_TEXT), AfterValidator(_words)]
Plain = Annotated[float, BeforeValidator(_number)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


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


class Layer(Model):
    """What every layer may say."""

    name: Identifier | None = Field(default=None, description="attribute name in the emitted module")
    when: Expression | None = Field(default=None, description="condition for it to be there")


class Conv(Layer):
    """A convolution, 2-D or 3-D as the input is; padded to keep the size unless told otherwise."""

    out: Expression = Field(description="output channels")
    kernel: Sizes = Field(description="kernel size, one number or one per dimension, T first")
    stride: Sizes = Field(default=[Number(Fraction(1))], description="stride, likewise")
    padding: Sizes | None = Field(default=None, description="zero padding; half an odd kernel by default")
    groups: Expression = Field(
        default=Number(Fraction(1)), description="groups; `channels` makes it channel-wise"
    )
    bias: bool = Field(default=False, description="whether it adds a bias")


class Norm(Layer):
    """Batch normalisation."""

    zero_init: bool = Field(
        default=False, description="start its weight at 0, as the last norm of a residual branch"
    )
    eps: Share = Field(
        default=Number(Fraction(1, 100_000)), description="added to the variance; may depend on options"
    )
    momentum: Share = Field(
        default=Number(Fraction(1, 10)),
        description="share of a batch in the running statistics; may depend on options",
    )


class Activation(Layer):
    """A pointwise non-linearity."""


class SqueezeExcite(Layer):
    """Channel attention: mean, 1x1 convolution, activation, 1x1 convolution, gate, product."""

    hidden: Expression = Field(description="channels between its two convolutions")
    activation: Literal["relu", "swish"] = Field(default="relu", description="between them")
    gate: Literal["sigmoid", "hard_sigmoid"] = Field(default="sigmoid", description="after them")


class Pool(Layer):
    """A pooling over windows."""

    kernel: Sizes = Field(description="window, one number or one per dimension, T first")
    stride: Sizes | None = Field(default=None, description="stride; the window by default")
    padding: Sizes = Field(default=[Number(Fraction(0))], description="padding")


class Mean(Layer):
    """The mean over frames, height and width: (N, C, T, H, W) -> (N, C); over positions behind a window."""


class WindowMean(Layer):
    """The mean over windows as large as the spec's own clip leaves here, at stride 1."""


class Linear(Layer):
    """A fully connected layer, after `mean`."""

    out: Expression = Field(description="output features")
    bias: bool = Field(default=True, description="whether it adds a bias")


class Dropout(Layer):
    """Dropout while training."""

    rate: Plain = Field(ge=0, lt=1, description="share of elements dropped")


class Shortcut(Model):
    """What the residual's other path does; without it, or where `when` is false, nothing."""

    when: Expression | None = Field(default=None, description="condition for its layers to be there")
    layers: list[LayerItem] = Field(min_length=1, max_length=MAX_LAYERS_PER_BLOCK, description="its layers")


class Residual(Layer):
    """Two paths that are added."""

    branch: list[LayerItem] = Field(
        min_length=1, max_length=MAX_LAYERS_PER_BLOCK, description="the layers of the main path"
    )
    shortcut: Shortcut | None = Field(default=None, description="the other path")


class LayerItem(Model):
    """One layer: a mapping with a single key, its kind; or the kind alone where it needs no more."""

    conv: Conv | None = Field(default=None, description="convolution")
    norm: Norm | None = Field(default=None, description="batch normalisation")
    relu: Activation | None = Field(default=None, description="max(x, 0)")
    swish: Activation | None = Field(default=None, description="x * sigmoid(x), torch's SiLU")
    relu6: Activation | None = Field(default=None, description="min(max(x, 0), 6)")
    hard_swish: Activation | None = Field(default=None, description="x * relu6(x + 3) / 6")
    squeeze_excite: SqueezeExcite | None = Field(default=None, description="channel attention")
    max_pool: Pool | None = Field(default=None, description="maximum over windows")
    avg_pool: Pool | None = Field(default=None, description="mean over windows")
    mean: Mean | None = Field(
        default=None, description="global mean; behind `window_mean`, that of all positions"
    )
    window_mean: WindowMean | None = Field(
        default=None,
        description="mean over windows of the size that the spec's own clip has here, at stride 1; the layers "
        "behind it answer at every position of a larger clip, until a `mean`",
    )
    linear: Linear | None = Field(default=None, description="fully connected layer")
    dropout: Dropout | None = Field(default=None, description="dropout")
    residual: Residual | None = Field(default=None, description="residual sum")

    @property
    def kind(self) -> str:
        return next(iter(self.model_fields_set))

    @property
    def body(self) -> Any:
        return getattr(self, self.kind)

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: {}}
        if isinstance(value, dict):
            return {key: {} if body is None else body for key, body in value.items()}
        return value

    @model_validator(mode="after")
    def _single(self) -> LayerItem:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("layer", "must be one layer: a mapping with a single key, its kind")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        kinds = list(cls.model_fields)
        described: dict[str, Any] = {k: schema.pop(k) for k in ("title", "description") if k in schema}
        schema |= {"minProperties": 1, "maxProperties": 1}
        both: dict[str, Any] = {**described, "anyOf": [{"type": "string", "enum": kinds}, dict(schema)]}
        schema.clear()
        schema.update(both)
        return schema


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
    factors: dict[Identifier, Factor] = Field(default={}, max_length=16, description="the expansion factors")
    axes: dict[Identifier, dict[Reference, Expression]] = Field(
        default={},
        max_length=16,
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
    factors: dict[Reference, Expression] = Field(default={}, max_length=16, description="factor values")
    set: dict[Reference, Choice] = Field(default={}, max_length=16, description="options, and `classes`")
    clip: Clip | None = Field(default=None, description="a clip to count at, instead of the input's")
    published: Words = Field(default="", description="the figures that its source prints for it")


def is_identifier(name: str) -> bool:
    """Whether a network, and so a module and its factory, can be called so."""
    try:
        return bool(_identifier(name))
    except PydanticCustomError:
        return False


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of a spec file: a whole network, or a preset."""
    _, schema = models_json_schema(
        [(NetworkFile, "validation"), (PresetFile, "validation")], ref_template="#/definitions/{model}"
    )
    definitions = schema["$defs"]
    whole, preset = (definitions.pop(model.__name__) for model in (NetworkFile, PresetFile))
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "x3dspec",
        "description": "A network described in expansion factors, or a preset of one.",
        "if": {"required": ["base"]},
        "then": preset,
        "else": whole,
        "definitions": definitions,
    }
    return cast(dict[str, Any], _draft_7(document))


def _draft_7(part: Any) -> Any:
    """Draft 7 ignores what stands beside a reference, so the reference gets an object of its own."""
    if isinstance(part, list):
        return [_draft_7(item) for item in part]
    if not isinstance(part, dict):
        return part
    cleaned = {key: _draft_7(value) for key, value in part.items()}
    if "$ref" in cleaned and len(cleaned) > 1:
        cleaned["allOf"] = [{"$ref": cleaned.pop("$ref")}]
    return cleaned


M = TypeVar("M", bound=BaseModel)


def validated(model: type[M], data: object) -> M | list[Any]:
    """The document as a model, or what is wrong with it as pydantic says it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return cast(list[Any], error.errors(include_url=False))


Place = tuple[str | int, ...]


def expressions(part: Any, path: Place = ()) -> Iterator[tuple[Place, Syntax]]:
    """Every expression below a part of a document, with its path from there."""
    if isinstance(part, (Number, Text, Name, Apply)):
        yield path, part
    elif isinstance(part, BaseModel):
        for key, value in {**dict(part), **(part.model_extra or {})}.items():
            if value is not None:
                yield from expressions(value, (*path, key))
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from expressions(value, (*path, key))
    elif isinstance(part, (list, tuple)):
        for index, value in enumerate(part):
            yield from expressions(value, (*path, index))


def layer_items(items: list[LayerItem], path: Place) -> Iterator[tuple[Place, LayerItem]]:
    """Every layer of a body, those inside residuals included, as the document has them."""
    for index, item in enumerate(items):
        here = (*path, index, item.kind)
        yield here, item
        if isinstance(item.body, Residual):
            yield from layer_items(item.body.branch, (*here, "branch"))
            if item.body.shortcut is not None:
                yield from layer_items(item.body.shortcut.layers, (*here, "shortcut", "layers"))


def keys_at(model: type[BaseModel], path: Place) -> list[str]:
    """The keys that a document may have in the mapping at `path`."""
    for recursive in (Shortcut, Residual):
        recursive.model_rebuild()  # their annotations name a later class; only messages need them
    kind: Any = model
    for key in path:
        kind = _inner(kind, key)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _inner(kind: Any, key: str | int) -> Any:
    """What an annotation allows below one key."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(key))
        return _plain(field.annotation) if field else None
    arguments = get_args(kind)
    return _plain(arguments[-1]) if get_origin(kind) in (dict, list) else None


def _plain(kind: Any) -> Any:
    """An annotation without its metadata and without None."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    options = [option for option in get_args(kind) if option is not type(None)]
    return _plain(options[0]) if get_origin(kind) in (Union, UnionType) and options else kind
