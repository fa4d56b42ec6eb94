"""Texts of a spec as comments and docstrings: they cannot end one, nor hide anything in it."""

from __future__ import annotations

import textwrap

from x3dspec.codegen.format import WIDTH


def docstring(indent: str, summary: str, more: str = "") -> str:
    """A docstring as the formatters leave it: a summary, then the rest in paragraphs."""
    width = WIDTH - len(indent)
    first, *rest = textwrap.wrap(harmless(summary), width - 6)
    if more:
        rest += ["", *textwrap.wrap(_sentence(harmless(more)), width)]
    if not rest:
        return f'{indent}"""{first}"""'
    body = [f"{indent}{line}".rstrip() for line in rest]
    return "\n".join([f'{indent}"""{first}', *body, f'{indent}"""'])


def harmless(text: str) -> str:
    """Text that can stand in a comment or a docstring without ending it or hiding anything."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.replace("\\", "/").replace('"', "'").split())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
