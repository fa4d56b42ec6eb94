"""Names that the field uses for layers, and what they are in this language, if it has them."""

from __future__ import annotations

from collections.abc import Collection

from x3dspec.language.errors import shown, unknown

#: What others call our layers: torch, timm, Keras and papers.
_OURS = {
    "silu": "swish",
    "hardswish": "hard_swish",
    "hswish": "hard_swish",
    "leakyrelu": "leaky_relu",
    "hardsigmoid": "hard_sigmoid",
    "batchnorm": "norm",
    "batchnorm2d": "norm",
    "batchnorm3d": "norm",
    "bn": "norm",
    "layernorm": "layer_norm",
    "groupnorm": "group_norm",
    "layerscale": "scale",
    "rezero": "scale",
    "convolution": "conv",
    "conv2d": "conv",
    "conv3d": "conv",
    "se": "squeeze_excite",
    "dense": "linear",
    "fc": "linear",
    "maxpool": "max_pool",
    "averagepool": "avg_pool",
    "avgpool": "avg_pool",
    "gap": "mean",
    "globalavgpool": "mean",
    "globalaveragepool": "mean",
    "shortcut": "residual",
    "skip": "residual",
    "add": "residual",
}
#: Layers that no spec can say: the nearest of ours in letters would be another function.
_NOT_HERE = frozenset(
    [
        *(
            "selu",
            "celu",
            "softmax",
        ),
        *("concat", "cat", "split", "shuffle", "channelshuffle", "flatten", "reshape", "permute", "pad"),
        *("attention", "selfattention", "multiheadattention", "mhsa", "nonlocal", "transformer", "embedding"),
        *("instancenorm", "rmsnorm", "syncbatchnorm", "localresponsenorm"),
        *("upsample", "interpolate", "convtranspose", "deconv", "lstm", "gru", "rnn", "droppath"),
    ]
)


def unknown_layer(word: str, layers: Collection[str], keys: Collection[str]) -> str:
    """What is said of a word that stands where a layer should, and is none.

    Args:
        word: the word.
        layers: the layers that may stand there.
        keys: what may be said within a layer, such as `when`.
    """
    plain = word.lower().replace("_", "").replace("-", "")
    listed = f"the layers are {', '.join(layers)}"
    if word in keys:
        return f"{shown(word)} belongs inside its layer, as in conv: {{..., {word}: ...}}"
    if plain in _NOT_HERE:
        return f"unknown layer {shown(word)}; not in the language; {listed}"
    if _OURS.get(plain) in layers:
        return f"unknown layer {shown(word)}; did you mean {_OURS[plain]}? {listed}"
    return unknown("layer", word, layers, "the layers are")
