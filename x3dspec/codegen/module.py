"""A resolved network becomes the source of one standalone PyTorch module, in one of its forms."""

from __future__ import annotations

from dataclasses import replace

from x3dspec.codegen.emitter import Emitter
from x3dspec.codegen.forms import FORMS, default_name
from x3dspec.network import layers as net
from x3dspec.network import stream
from x3dspec.network.architecture import Resolved

__all__ = ["FORMS", "counted", "default_name", "source", "spelled"]


def source(resolved: Resolved, name: str | None = None, form: str = "train") -> str:
    """The text of the module that builds this network.

    Args:
        resolved: the network.
        name: of the file and its factory; without it :func:`default_name`.
        form: one of :data:`FORMS`.

    Raises:
        SpecError: the network does not end in a linear layer, so that it has no logits.
    """
    name = name or default_name(resolved.network.identity.name, form)
    return _emitter(form)(resolved, name).text()


def spelled(resolved: Resolved, form: str) -> net.Network[int]:
    """The network whose layers are the modules of a form, see :mod:`x3dspec.codegen.remaining`.

    Raises:
        SpecError: a network that cannot have the form.
    """
    return _emitter(form)(resolved, default_name(resolved.network.identity.name, form)).network


def _emitter(form: str) -> type[Emitter]:
    """Forms other than the usual one are imported when they are asked for."""
    if form == "deploy":
        from x3dspec.codegen.deploy_emitter import DeployEmitter

        return DeployEmitter
    if form == "stream":
        from x3dspec.codegen.stream_emitter import StreamEmitter

        return StreamEmitter
    if form == "flat":
        from x3dspec.codegen.flat_emitter import FlatEmitter

        return FlatEmitter
    return StreamTrainEmitter if form == "stream_train" else Emitter


class StreamTrainEmitter(Emitter):
    """The train form of what a stream runs: its names and weights are the train form's."""

    form = "stream_train"

    def _counted(self, resolved: Resolved) -> Resolved:
        return counted(resolved, self.form)


def counted(resolved: Resolved, form: str) -> Resolved:
    """The network that the header of a form counts: the deploy and the flat form have their norms folded.

    Raises:
        SpecError: a network that cannot stream.
    """
    if form == "train":
        return resolved
    if form == "stream_train":
        return replace(resolved, network=stream.trainable(resolved.network))
    if form == "stream":
        from x3dspec.codegen import stream_emitter

        return stream_emitter.counted(resolved)
    from x3dspec.codegen import deploy

    return replace(resolved, network=deploy.folded(resolved.network))
