"""What every kind of layer may say: one model a kind, and one line in :class:`LayerItem`.

What a kind does with its keys is in ``x3dspec/network/layers``, in the file of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from x3dspec.language.fields import Expression, Identifier, Model, Padding, Plain, Share, Sizes
from x3dspec.language.paths import Path
from x3dspec.language.syntax import Number

MAX_LAYERS_PER_BLOCK = 64


class Layer(Model):
    """What every layer may say."""

    name: Identifier | None = Field(default=None, description="attribute name in the emitted module")
    when: Expression | None = Field(default=None, description="condition for it to be there")


class Conv(Layer):
    """A convolution, 2-D or 3-D as the input is; padded to keep the size unless told otherwise."""

    out: Expression = Field(description="output channels")
    kernel: Sizes = Field(description="kernel size, one number or one per dimension, T first")
    stride: Sizes = Field(default=[Number(Fraction(1))], description="stride, likewise")
    padding: Padding | None = Field(
        default=None,
        description="zero padding, in numbers, or `half` an odd kernel, which is the default, or `same`: so "
        "that size / stride positions are left, rounded up, an odd zero behind, as TensorFlow does; an "
        "option may choose the word",
    )
    dilation: Sizes = Field(
        default=[Number(Fraction(1))], description="distance of a kernel's elements, likewise"
    )
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


class LayerNorm(Layer):
    """Layer normalisation of each position over its channels."""

    eps: Share = Field(
        default=Number(Fraction(1, 100_000)), description="added to the variance; may depend on options"
    )


class GroupNorm(LayerNorm):
    """Normalisation of groups of channels over all positions."""

    groups: Expression = Field(description="groups; they divide the channels")


class Scale(Layer):
    """A learned factor."""

    shared: bool = Field(default=False, description="whether all channels share one factor")
    init: Plain = Field(default=1.0, gt=-1000, lt=1000, description="what it begins at")


class Activation(Layer):
    """A pointwise non-linearity."""


class PReLU(Layer):
    """A rectifier with a learned slope below 0."""

    shared: bool = Field(default=False, description="whether all channels share one slope")


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
    ceil_mode: bool = Field(
        default=False, description="whether windows may reach beyond the padding behind, if they begin before"
    )


class AveragePool(Pool):
    """A mean over windows."""

    count_include_pad: bool = Field(default=True, description="whether padding counts, as zeros, in the mean")


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
    layer_norm: LayerNorm | None = Field(default=None, description="layer normalisation over channels")
    group_norm: GroupNorm | None = Field(default=None, description="group normalisation")
    scale: Scale | None = Field(default=None, description="a learned factor of every channel")
    relu: Activation | None = Field(default=None, description="max(x, 0)")
    swish: Activation | None = Field(default=None, description="x * sigmoid(x), torch's SiLU")
    relu6: Activation | None = Field(default=None, description="min(max(x, 0), 6)")
    hard_swish: Activation | None = Field(default=None, description="x * relu6(x + 3) / 6")
    gelu: Activation | None = Field(default=None, description="x times the normal distribution below x")
    gelu_tanh: Activation | None = Field(default=None, description="the same, approximated by a tanh")
    mish: Activation | None = Field(default=None, description="x * tanh(log(1 + exp(x)))")
    elu: Activation | None = Field(default=None, description="x, or exp(x) - 1 below 0")
    leaky_relu: Activation | None = Field(default=None, description="x, or x / 100 below 0")
    sigmoid: Activation | None = Field(default=None, description="1 / (1 + exp(-x))")
    hard_sigmoid: Activation | None = Field(default=None, description="relu6(x + 3) / 6")
    tanh: Activation | None = Field(default=None, description="the hyperbolic tangent")
    prelu: PReLU | None = Field(default=None, description="x, or a learned slope times x below 0")
    squeeze_excite: SqueezeExcite | None = Field(default=None, description="channel attention")
    max_pool: Pool | None = Field(default=None, description="maximum over windows")
    avg_pool: AveragePool | None = Field(default=None, description="mean over windows")
    mean: Mean | None = Field(
        default=None, description="global mean; behind `window_mean`, that of all positions"
    )
    window_mean: WindowMean | None = Field(
        default=None,
        description="mean over windows of the size that the spec's own clip has here, at stride 1; the "
        "layers behind it answer at every position of a larger clip, until a `mean`",
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


def layer_items(items: list[LayerItem], path: Path) -> Iterator[tuple[Path, LayerItem]]:
    """Every layer of a body, those inside residuals included, as the document has them."""
    for index, item in enumerate(items):
        below = (*path, index, item.kind)
        yield below, item
        if isinstance(item.body, Residual):
            yield from layer_items(item.body.branch, (*below, "branch"))
            if item.body.shortcut is not None:
                yield from layer_items(item.body.shortcut.layers, (*below, "shortcut", "layers"))
