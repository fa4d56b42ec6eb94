"""Random valid specs, from a grammar of the language: what the differential test is about.

A spec is drawn with all that decides its cost: 2-D or 3-D, every kind of layer, blocks with residuals
of several forms, conditions on options, factors and shapes, cycles, groups, strides, pools, odd and
even kernels, derived factors. Nearly all of what is drawn is a network; a draw that is none (a window
larger than what reached it, say) is refused in words, and the next one takes its place.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from x3dspec.network.layers import FUNCTIONS

#: Values that a factor may get: whole, decimal, a fraction, a root.
VALUES = ["1", "2", "1.5", "0.75", "5/4", "7/3", "1.1", "sqrt(2)", "2**(1/3)", "3/2*sqrt(2)"]
ACTIVATIONS = [*FUNCTIONS, "prelu"]
Layer = Any


@dataclass
class Drawn:
    """A spec as text, and what to resolve it at: factor values, options, and a clip or none."""

    text: str
    setting: dict[str, str]
    options: dict[str, int | str]
    clip: tuple[int | None, int] | None


@dataclass
class _Names:
    """What expressions may read where they stand."""

    factors: list[str]
    texts: dict[str, list[str]]
    numbers: dict[str, list[int]]
    arguments: list[str] = field(default_factory=list)
    earlier: list[str] = field(default_factory=list)


def draw(seed: int) -> Drawn:
    """The spec of this seed; the same one on every machine."""
    windows = random.Random(-seed - 1).random() < 0.3
    return _Grammar(random.Random(seed), windows).spec(seed)


class _Grammar:
    def __init__(self, chance: random.Random, windows: bool) -> None:
        self.chance = chance
        self.dims = chance.choice([2, 3, 3])
        self.named = 0
        self.names = _Names([], {}, {})
        self.windows = windows
        self.budget = 12  # how often the sizes may still be halved, all dimensions together

    def spec(self, seed: int) -> Drawn:
        factors = self._factors()
        document: dict[str, Any] = {"name": f"random{seed}", "factors": factors, "options": self._options()}
        document["classes"] = self.chance.randint(2, 20)
        document["input"] = self._input()
        blocks = {f"b{index}": self._block() for index in range(self.chance.randint(1, 3))}
        document["blocks"] = {name: block for name, (block, _) in blocks.items()}
        stages = [self._plain_stage("stem")]
        self.names.earlier.clear()
        for index in range(self.chance.randint(1, 4)):
            stages.append(self._block_stage(f"s{index}", blocks))
            if self._sometimes(0.2):
                stages.append(self._plain_stage(f"p{index}"))
        stages += self._head()
        document["stages"] = stages
        chosen = [name for name in factors if self._sometimes(0.6)]
        setting = {name: self.chance.choice(VALUES) for name in chosen}
        return Drawn(json.dumps(document, indent=1), setting, self._chosen(), self._clip())

    def _chosen(self) -> dict[str, int | str]:
        choices: dict[str, list[Any]] = {**self.names.texts, **self.names.numbers, "classes": [3, 30]}
        return {name: self.chance.choice(each) for name, each in choices.items() if self._sometimes(0.3)}

    def _clip(self) -> tuple[int | None, int] | None:
        if self._sometimes(0.8):
            return None
        frames = self.chance.choice([4, 7, 16]) if self.dims == 3 else None
        return frames, self.chance.choice([31, 40, 65])

    def _sometimes(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def _factors(self) -> dict[str, Any]:
        factors: dict[str, Any] = {}
        for name in self.chance.sample(["gw", "gd", "gb", "gs", "gt"], self.chance.randint(1, 4)):
            start: Any = self.chance.choice([1, 1, 2, "3/2", "sqrt(2)"])
            if factors and self._sometimes(0.3):
                start = self.chance.choice(["{0}", "max(1, {0} / 2)", "(1 + {0}) / 2", "sqrt({0})"])
                start = start.format(self.chance.choice([*factors]))
            factors[name] = {"start": start}
        self.names.factors = [*factors]
        return factors

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._sometimes():
            self.names.texts["kind"] = choices = ["plain", "wide", "deep"]
            options["kind"] = {"choices": choices, "default": self.chance.choice(choices)}
        if self._sometimes():
            self.names.numbers["taps"] = sizes = [1, 3, 5]
            options["taps"] = {"choices": sizes, "default": self.chance.choice(sizes)}
        return options

    def _input(self) -> dict[str, Any]:
        size = self.chance.choice(
            ["33", "48", "round_to(32 * {0}, 8)", "8 * ceil(4 * {0})", "30 + floor({0} * 9)"]
        )
        given: dict[str, Any] = {"size": size.format(self._factor())}
        given["channels"] = self.chance.choice([1, 2, 3, 3, 3, 4])
        if self.dims == 3:
            frames = self.chance.choice(["4", "5", "8", "round(4 * {0})", "ceil(3 * {0})"])
            given["frames"] = frames.format(self._factor())
        return given

    def _factor(self) -> str:
        return self.chance.choice(self.names.factors)

    # Expressions

    def _width(self) -> str:
        """Channels: nearly always a multiple of 8, so that groups can divide them."""
        form = self.chance.choice(
            [
                *("16", "24", "round_width(16 * {0})", "round_to(24 * max(1, {0}), 8)", "8 * ceil(3 * {0})"),
                *("round_width(sqrt({0}) * 20)", "max(8, round_to(8 * {0}, 8))", "8 * round(2 + {0} / 2)"),
                *("min(32, round_width(12 * {0}))", "round_width(16 * {0}, 4)", "8 + floor({0}) * 8"),
            ]
        )
        return form.format(self._factor())

    def _inner(self) -> str:
        """Channels that follow from the stage's own."""
        form = self.chance.choice(
            [
                *("floor({0} * width)", "2 * width", "width", "width_in", "round_width(width / 2)"),
                *(
                    "ceil(width * {0} / 2)",
                    "width + width_in",
                    "max(width, width_in)",
                    "cycle(width, 2 * width)",
                ),
                *self.names.earlier,
            ]
        )
        return form.format(self._factor())

    def _condition(self) -> str:
        choices = [
            f"{self._factor()} == 1",
            f"not {self._factor()} == 2",
            "channels != 16",
            "channels == width_in",
        ]
        choices += [f"{name} == '{self.chance.choice(each)}'" for name, each in self.names.texts.items()]
        choices += [f"{name} != {self.chance.choice(each)}" for name, each in self.names.numbers.items()]
        if self.names.arguments:
            choices += ["cycle(true, false)", "cycle(0, 1, 1)", "width_in != width"]
            choices += ["mode == 1"] if "mode" in self.names.arguments else []
        if self._sometimes(0.3):
            joined = f" {self.chance.choice(['and', 'or'])} "
            return joined.join(f"({each})" for each in self.chance.sample(choices, 2))
        return self.chance.choice(choices)

    # Layers

    def _maybe(self, layer: Layer, share: float = 0.15) -> Layer:
        """The layer, perhaps under a condition, perhaps with a name of its own."""
        [(kind, body)] = layer.items()
        body = dict(body)
        if self._sometimes(share):
            body["when"] = self._condition()
        if self._sometimes(0.2):
            self.named += 1
            body["name"] = f"layer_{self.named}"
        return {kind: body} if body else kind

    def _kernel(self) -> Any:
        size = self.chance.choice([1, 3, 3, 5])
        if self.names.numbers and self._sometimes(0.2):
            return "taps"
        if self._sometimes(0.3):
            return [self.chance.choice([1, 3, size]) for _ in range(self.dims)]
        return "cycle(1, 3)" if self.names.arguments and self._sometimes(0.1) else size

    def _strided(self, stride: str) -> Any:
        """A stride in space, and in time where that is drawn."""
        if self.dims == 2:
            return self.chance.choice([stride, [stride, stride], [1, stride]])
        time = "time_stride" if "time_stride" in self.names.arguments else 1
        return self.chance.choice([[time, stride, stride], [time, stride, stride], stride, [stride, 1, time]])

    def _conv(self, out: str, stride: Any = 1) -> Layer:
        body: dict[str, Any] = {"out": out, "kernel": self._kernel()}
        if stride != 1:
            body["stride"] = stride
        if self._sometimes(0.15):
            body["padding"] = self.chance.choice(["same", "same", "half"])
        if self._sometimes(0.1):
            body["dilation"] = self.chance.choice([2, [*[1] * (self.dims - 2), 2, 3]])
        if self._sometimes(0.3):
            body["bias"] = True
        if out in ("channels", "2 * channels"):
            body["groups"] = self.chance.choice(["channels", 1])
        elif self._sometimes(0.06):
            body["groups"] = self.chance.choice([2, 4, "min(2, channels)"])
        return {"conv": body}

    def _norm(self) -> Layer:
        body: dict[str, Any] = {"zero_init": True} if self._sometimes(0.2) else {}
        if self._sometimes(0.2):
            body["eps"] = 0.001
        return self._maybe({"norm": body})

    def _other_norm(self) -> Layer:
        """A norm of each sample alone, or a learned scale."""
        kinds = [
            {"layer_norm": {}},
            {"layer_norm": {"eps": 0.001}},
            {"scale": {}},
            {"scale": {"shared": True, "init": 0.1}},
        ]
        kinds += [{"group_norm": {"groups": self.chance.choice([1, 2, "channels"])}}]
        return self._maybe(self.chance.choice(kinds))

    def _follow(self) -> list[Layer]:
        """What may follow a convolution and keeps the shape."""
        layers = [self._norm()] if self._sometimes(0.7) else []
        if self._sometimes(0.15):
            layers.append(self._other_norm())
        if self._sometimes(0.2):
            body: dict[str, Any] = {
                "hidden": self.chance.choice(["round_width(channels / 4)", "4", "ceil(channels / 3)"])
            }
            if self._sometimes():
                body |= {"gate": "hard_sigmoid", "activation": "swish"}
            layers.append(self._maybe({"squeeze_excite": body}, 0.5))
        if self._sometimes(0.7):
            layers.append(self._maybe({self.chance.choice(ACTIVATIONS): {}}))
        if self._sometimes(0.1):
            layers.append(self._maybe({"dropout": {"rate": 0.25}}))
        if self._sometimes(0.1):
            kind = self.chance.choice(["max_pool", "avg_pool"])
            flat = self.dims == 3 and self._sometimes(0.8)
            window: list[Any] = [[1, 3, 3], [0, 1, 1]] if flat else [3, 1]
            layers.append(self._maybe({kind: {"kernel": window[0], "stride": 1, "padding": window[1]}}))
        return layers

    def _narrowed(self) -> list[Layer]:
        """A layer that is there under a condition and changes the channels behind it."""
        out = self.chance.choice(["2 * channels", "channels + 8", "16"])
        return [{"conv": {"out": out, "kernel": 1, "when": self._condition()}}]

    def _plain(self) -> list[Layer]:
        """Layers that end in `width` channels, all strides in one of them."""
        layers: list[Layer] = []
        if "inner" in self.names.arguments:
            layers += [self._conv("inner"), *self._follow()]
        if self._sometimes(0.3):
            layers += [self._maybe(self._conv("channels")), *self._follow()]
        if self._sometimes(0.1):
            layers += self._narrowed()
        out = self.chance.choice(["width", "width", "channels"])
        layers += [self._conv(out, self.strides), *self._follow()]
        if out != "width" or self._sometimes(0.5):
            layers += [self._conv("width"), *self._follow()]
        return layers

    def _kept(self, depth: int = 0) -> list[Layer]:
        """Layers that leave the shape as it is, a residual among them perhaps."""
        layers: list[Layer] = [self._conv("channels"), *self._follow()]
        if depth < 2 and self._sometimes(0.5):
            layers = [self._maybe({"residual": {"branch": [*self._kept(depth + 1)]}}, 0.4)]
        return layers

    def _shortcut(self) -> dict[str, Any]:
        layers: list[Layer] = []
        stride: Any = self.strides
        if stride != 1 and self._sometimes(0.3):
            kind = self.chance.choice(["max_pool", "avg_pool"])
            layers.append({kind: {"kernel": 3, "stride": stride, "padding": 1}})
            stride = 1
        layers.append({"conv": {"out": "width", "kernel": 1, "stride": stride}})
        if self._sometimes():
            layers.append(self._norm())
        shortcut: dict[str, Any] = {"layers": layers}
        if self._sometimes(0.7):
            timed = " or time_stride != 1" if "time_stride" in self.names.arguments else ""
            shortcut["when"] = f"stride != 1 or width_in != width{timed}"
        return shortcut

    def _residual(self) -> Layer:
        """One of three forms: with a shortcut, only where the shape stays, and around what keeps it."""
        form = self.chance.choice(["shortcut", "shortcut", "inverted", "around"])
        if form == "shortcut":
            return {"residual": {"branch": self._plain(), "shortcut": self._shortcut()}}
        if form == "inverted":
            timed = " and time_stride == 1" if "time_stride" in self.names.arguments else ""
            when = f"stride == 1 and width_in == width{timed}"
            return {"residual": {"branch": self._plain(), "when": when}}
        return {"residual": {"branch": [*self._kept()]}}

    def _block(self) -> tuple[dict[str, Any], list[str]]:
        """A block, and the arguments that it takes."""
        arguments = ["width", "stride"]
        arguments += ["inner"] if self._sometimes(0.6) else []
        arguments += ["mode"] if self._sometimes(0.3) else []
        arguments += ["time_stride"] if self.dims == 3 and self._sometimes(0.3) else []
        self.names.arguments = arguments
        self.strides = self._strided("stride")
        body = self._residual()
        layers: list[Layer] = [body]
        if "branch" in body["residual"] and len(body["residual"]) == 1:
            layers += self._plain()
        elif self._sometimes(0.2):
            layers = [self.chance.choice(ACTIVATIONS), *layers]
        if self._sometimes(0.2):
            layers = self._plain()
        layers += self._follow() if self._sometimes() else []
        self.names.arguments = []
        return {"arguments": arguments, "layers": layers}, arguments

    # Stages

    def _block_stage(self, name: str, blocks: dict[str, tuple[dict[str, Any], list[str]]]) -> dict[str, Any]:
        block = self.chance.choice([*blocks])
        stride = self.chance.choice([1, 1, 2, 2, 3]) if self.budget > 0 else 1
        self.budget -= 3 * (stride > 1)
        stage: dict[str, Any] = {"name": name, "block": block, "width": self._width(), "stride": stride}
        if "inner" in blocks[block][1]:
            stage["inner"] = self._inner()
        if "time_stride" in blocks[block][1]:
            stage["time_stride"] = self.chance.choice([1, 1, 2])
        if "mode" in blocks[block][1]:
            stage["mode"] = self.chance.choice([0, 1, "cycle(0, 1)", "cycle(1, 1, 0)"])
        if self._sometimes(0.7):
            stage["repeat"] = self.chance.choice(
                ["1", "2", "3", "ceil({0})", "ceil(2 * {0})", "round(1 + {0})"]
            )
            stage["repeat"] = stage["repeat"].format(self._factor())
        self.names.earlier.append(f"{name}.width")
        return stage

    def _plain_stage(self, name: str) -> dict[str, Any]:
        stride = self._strided("2") if name == "stem" and self._sometimes(0.7) else 1
        layers: list[Layer] = [self._conv(self._width(), stride), *self._follow()]
        if name == "stem" and self._sometimes(0.3):
            kind = self.chance.choice(["max_pool", "avg_pool"])
            layers.append({kind: self._pool(kind)})
        if name != "stem" and self._sometimes(0.4):
            layers += self._kept()
        return {"name": name, "layers": layers}

    def _pool(self, kind: str) -> dict[str, Any]:
        flags: dict[str, Any] = {"ceil_mode": True} if self._sometimes(0.3) else {}
        if kind == "avg_pool" and self._sometimes(0.3):
            flags["count_include_pad"] = False
        return flags | self.chance.choice(
            [
                {"kernel": 3, "stride": 2, "padding": 1},
                {"kernel": 2},
                {"kernel": [1] * (self.dims - 1) + [2]},
                {"kernel": 4, "stride": 2, "padding": 1},
                {"kernel": 3, "stride": 1},
                {"kernel": 2, "stride": 3, "padding": 1},
            ]
        )

    def _head(self) -> list[dict[str, Any]]:
        stages: list[dict[str, Any]] = [{"name": "pool", "layers": ["mean"]}]
        if self._sometimes(0.3):
            stages[0]["layers"].insert(0, {"dropout": {"rate": 0.5}})
        if self._sometimes(0.2):
            stages[0]["layers"].append({"layer_norm": {}})
        if self._sometimes(0.4):
            layers: list[Layer] = [{"linear": {"out": self._width(), "bias": self._sometimes()}}]
            stages.append({"name": "hidden", "layers": [*layers, self.chance.choice(ACTIVATIONS)]})
        layers = [{"dropout": {"rate": 0.2}}] if self._sometimes() else []
        layers.append({"linear": {"out": "classes", "bias": self._sometimes(0.8)}})
        if self.windows:
            stages[0]["layers"][-1] = "window_mean"
            layers.append("mean")
        return [*stages, {"name": "fc", "layers": layers}]
