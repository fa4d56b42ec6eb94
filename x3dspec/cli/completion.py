"""What the shell may complete: specs, and the factors of the spec that is already named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from x3dspec.language import shipped
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Architecture, load


def specs(context: typer.Context, incomplete: str) -> list[str]:
    """Spec files from here, and the names of what ships; nothing where a factor waits for its value."""
    words = _words(context)
    if words and words[-1].startswith("--") and "=" not in words[-1]:
        return []
    return sorted({*_files(incomplete), *_names(incomplete)})


def _names(incomplete: str) -> Iterator[str]:
    for name in shipped.shipped():
        for spelled in (name, f"specs/{name}.yaml"):
            if spelled.startswith(incomplete) and ("/" in spelled) == ("/" in incomplete):
                yield spelled


def _files(incomplete: str) -> Iterator[str]:
    before, slash, _ = incomplete.rpartition("/")
    folder = Path(before + slash or ".")
    if folder.is_dir():
        spelled = (f"{before}{slash}{path.name}" for path in folder.glob("*.yaml"))
        yield from (each for each in spelled if each.startswith(incomplete) and each.isprintable())


class Completing(TyperCommand):
    """A command whose options include the factors of the spec that its words name."""

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """The command's own options, then the factors."""
        found = super().shell_complete(ctx, incomplete)
        if not (self.context_settings or {}).get("ignore_unknown_options"):
            return found
        # Every command has --help: whichever click typer is built on, this is its class of items.
        item = type(super().shell_complete(ctx, "--help")[0])
        words = _words(ctx)
        given = {word.partition("=")[0] for word in words}
        return found + [
            item(option, help=doc)
            for option, doc in _factors(words)
            if option.startswith(incomplete) and option not in given
        ]


def _words(context: typer.Context) -> list[str]:
    words = context.params.get("spec") or context.params.get("specs") or []
    return [words] if isinstance(words, str) else list(words)


def _factors(words: list[str]) -> list[tuple[str, str]]:
    architecture = next(filter(None, map(_opened, words)), None)
    if architecture is None:
        return []
    return [(f"--{each.name.replace('_', '-')}", each.doc) for each in architecture.factors()]


def _opened(word: str) -> Architecture | None:
    try:
        return None if word.startswith("-") else load(word)
    except SpecError:
        return None
