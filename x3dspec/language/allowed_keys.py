"""Which keys a document may have at a place, read from the models."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from x3dspec.language.layer_keys import Residual, Shortcut
from x3dspec.language.paths import Path


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
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
