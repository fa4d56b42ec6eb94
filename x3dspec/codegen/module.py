"""A resolved network becomes the source of one standalone PyTorch module, in one of its forms."""

from __future__ import annotations

from dataclasses import replace

from x3dspec.codegen.emitter import Emitter
from x3dspec.codegen.header import FORMS, default_name
from x3dspec.network.architecture import Resolved

__all__ = ["FORMS", "counted", "default_name", "source"]


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


def _emitter(form: str) -> type[Emitter]:
    """Forms other than the usual one are imported when they are asked for."""
    if form == "deploy":
        from x3dspec.codegen.deploy_emitter import DeployEmitter

        return DeployEmitter
    return Emitter


def counted(resolved: Resolved, form: str) -> Resolved:
    """The network that the header of a form counts: the deploy form has its norms folded."""
    if form == "train":
        return resolved
    from x3dspec.codegen import deploy

    return replace(resolved, network=deploy.folded(resolved.network))
