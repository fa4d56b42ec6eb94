"""What every page is made with: the templates, and a policy under which it asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Any

from x3dspec.language import shipped


@lru_cache(maxsize=1)
def environment() -> Any:
    """Jinja with escaping on, and an error for what a template asks and is not given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(shipped.folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )


def asset(name: str) -> str:
    """A file of the templates, as it is."""
    return (shipped.folder("templates") / name).read_text(encoding="utf-8")


def policy(script: str, style: str) -> str:
    """Nothing from anywhere, but for what the page itself says: its script and its style, by their hashes."""
    scripts = f"script-src {_hashed(script)}; " if script else ""
    return (
        f"default-src 'none'; {scripts}style-src {_hashed(style)}; img-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hashed(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
