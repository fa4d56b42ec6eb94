"""The templates of emitted files, and the macros that write a layer's constructor or call."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from x3dspec.language import shipped
from x3dspec.network.layers import FUNCTIONS


@lru_cache(maxsize=1)
def environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(shipped.folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        optimized=False,
        autoescape=False,  # the output is Python; texts are made harmless before
    )


@lru_cache(maxsize=1)
def macros() -> Any:
    """One macro a layer kind, see ``templates/layers.jinja``."""
    from jinja2 import Undefined

    # A macro tests which arguments were given; everywhere else an undefined name is an error.
    lenient = environment().overlay(undefined=Undefined)
    lenient.globals["functions"] = FUNCTIONS
    return lenient.get_template("layers.jinja").module
