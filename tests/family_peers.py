"""The families' references: pytorchvideo's model zoo, and timm.

timm imports torchvision in many places and uses it in none that build a network. Where torchvision is
missing, a module that has every name stands in for it while timm is imported.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import Any

import peers
from torch import nn

#: The arguments of the builders that speak of the clip: the window of the head's first pooling, as
#: frames and pixels over what the head sees. The second pooling is over everything that is left.
_TIME_STRIDES = {"slow_r50": 1, "c2d_r50": 2, "i3d_r50": 2, "r2plus1d_r50": 4, "csn_r101": 8}
_HUB = {"r2plus1d_r50": "r2plus1d", "csn_r101": "csn"}


def model_zoo(name: str, frames: int | None = None, size: int | None = None) -> nn.Module:
    """A network of pytorchvideo's model zoo as its hub builds it, or with a head for another clip.

    The head of one of them ends in a softmax; asked for a clip, it returns logits.
    """
    peers._x3d()  # pytorchvideo can be imported behind it
    hub = import_module(f"pytorchvideo.models.hub.{_HUB.get(name, 'resnet')}")
    if frames is None or size is None:
        made = getattr(hub, name)()
    elif name == "csn_r101":
        csn = import_module("pytorchvideo.models.csn")
        made = csn.create_csn(
            model_depth=101, stem_pool=nn.MaxPool3d, head_pool_kernel_size=_window(name, frames, size)
        )
    elif name == "slow_r50":
        resnet = import_module("pytorchvideo.models.resnet")
        made = resnet.create_resnet(
            model_depth=50,
            stem_conv_kernel_size=(1, 7, 7),
            head_pool_kernel_size=_window(name, frames, size),
        )
    else:
        arguments = {"head_activation": None} if name == "r2plus1d_r50" else {}
        made = getattr(hub, name)(head_pool_kernel_size=_window(name, frames, size), **arguments)
    assert isinstance(made, nn.Module)
    return made.eval()


def _window(name: str, frames: int, size: int) -> tuple[int, int, int]:
    return (-(-frames // _TIME_STRIDES[name]), -(-size // 32), -(-size // 32))


def torchvision(name: str) -> nn.Module:
    """A network of torchvision's video models, which must be installed."""
    made = getattr(import_module("torchvision.models.video"), name)()
    assert isinstance(made, nn.Module)
    return made.eval()


def video_resnet(convolution: str, depths: tuple[int, ...]) -> nn.Module:
    """torchvision's ResNet of a kind of convolution at a depth that it has no name for."""
    family = import_module("torchvision.models.video.resnet")
    stem = family.R2Plus1dStem if convolution == "Conv2Plus1D" else family.BasicStem
    made = family.VideoResNet(family.BasicBlock, [getattr(family, convolution)] * 4, [*depths], stem)
    assert isinstance(made, nn.Module)
    return made.eval()


def timm(name: str) -> nn.Module:
    """A network of timm as it stands."""
    made = _timm().create_model(name)
    assert isinstance(made, nn.Module)
    return made.eval()


def mobilenet_v3(width: float) -> nn.Module:
    """timm's MobileNetV3-Large at a width that it has no name for."""
    _timm()
    family = import_module("timm.models.mobilenetv3")
    made = family._gen_mobilenet_v3("mobilenetv3_large_100", width)
    assert isinstance(made, nn.Module)
    return made.eval()


def efficientnet_v2(width: float, depth: float) -> nn.Module:
    """timm's EfficientNetV2-S scaled as it scales it."""
    _timm()
    family = import_module("timm.models.efficientnet")
    made = family._gen_efficientnetv2_s("efficientnetv2_s", width, depth)
    assert isinstance(made, nn.Module)
    return made.eval()


def feature_wrapper(name: str) -> Any:
    """A class of timm's that takes a network's features."""
    _timm()
    return getattr(import_module("timm.models._features"), name)


@lru_cache(maxsize=1)
def _timm() -> Any:
    with _torchvision():
        return import_module("timm")


@contextmanager
def _torchvision() -> Iterator[None]:
    """A torchvision, the installed one or ours; another stand-in comes back afterwards."""
    aside = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "torchvision"}
    found = [] if find_spec("torchvision") else [_StandIn()]
    sys.meta_path += found
    yield
    for finder in found:
        sys.meta_path.remove(finder)
    sys.modules |= aside


class _StandIn(MetaPathFinder, Loader):
    """Makes any module below torchvision, which has any name."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        below = fullname.split(".")[0] == "torchvision"
        return ModuleSpec(fullname, self, is_package=True) if below else None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Anything(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


class _Named(type):
    """A class that has any attribute, its name: members of an enumeration, for one."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return name


class _Anything(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Named(name, (nn.Module,), {})
        setattr(self, name, made)
        return made
