"""What the shell may complete: specs, what the spec that is named declares, and the names of choices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from x3dspec.codegen.forms import FORMS
from x3dspec.language import shipped
from x3dspec.language.errors import SpecError
from x3dspec.network.architecture import Architecture, load
from x3dspec.network.cost import CONVENTIONS
from x3dspec.network.memory import OPTIMIZERS
from x3dspec.network.quantities import LIMITED
from x3dspec.pytorch.formats import AXES, TARGETS


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


def choices(context: typer.Context, incomplete: str) -> list[str]:
    """``name=choice`` of every option that the spec declares."""
    declared = {} if (spec := _spec(context)) is None else spec.source.network.options
    pairs = [f"{name}={choice}" for name, option in declared.items() for choice in option.choices]
    return _beginning(pairs, incomplete)


def conventions(incomplete: str) -> list[str]:
    return _beginning(CONVENTIONS, incomplete)


def judges(incomplete: str) -> list[str]:
    from x3dspec.scaling.judges import BUILT_IN

    return _beginning([*BUILT_IN, "command"], incomplete)


def forms(incomplete: str) -> list[str]:
    return _beginning(FORMS, incomplete)


def optimizers(incomplete: str) -> list[str]:
    return _beginning(OPTIMIZERS, incomplete)


def formats(incomplete: str) -> list[str]:
    return _beginning(TARGETS, incomplete)


def open_axes(incomplete: str) -> list[str]:
    """The next of a list of axes that stay open."""
    return _listed(AXES, incomplete)


def quantities(incomplete: str) -> list[str]:
    """The first and the second of two quantities."""
    return _listed(LIMITED, incomplete) if incomplete.count(",") < 2 else []


def code_bases(incomplete: str) -> list[str]:
    """Whose names some shipped family's rules know, and ours."""
    from x3dspec.pytorch import key_rules_reader

    families = (path.stem for path in (shipped.folder("specs") / "keys").glob("*.yaml"))
    names = {name for each in families for name in key_rules_reader.load_rules(load(each)).names}
    return _beginning(sorted(names), incomplete)


def objectives(incomplete: str) -> list[str]:
    """What a search makes most of: a quantity, or a judge."""
    return _beginning(dict.fromkeys([*LIMITED, *judges("")]), incomplete, {"command"})


def axes(context: typer.Context, incomplete: str) -> list[str]:
    """The next of a list of axes."""
    spec = _spec(context)
    return _listed([] if spec is None else spec.source.network.axes, incomplete)


def factors(context: typer.Context, incomplete: str) -> list[str]:
    """The spec's factors, to be given a value."""
    spec = _spec(context)
    return _beginning([] if spec is None else spec.source.network.factors, incomplete)


def _listed(names: Iterable[str], incomplete: str) -> list[str]:
    """What may come next in a list, each name once."""
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in _beginning(names, last, set(before.split(",")))]


def _beginning(names: Iterable[str], incomplete: str, without: Collection[str] = ()) -> list[str]:
    return [name for name in names if name.startswith(incomplete) and name not in without]


def _spec(context: typer.Context) -> Architecture | None:
    """The spec that is typed already, or else the command's default."""
    # Behind an option without its value click has not told arguments apart yet: they are in `args`.
    defaults = [each.default for each in context.command.params if each.name == "spec"]
    words = [*context.args, *_words(context), *defaults]
    return next(filter(None, map(_opened, words)), None)


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


def _opened(word: object) -> Architecture | None:
    try:
        return load(word) if isinstance(word, str) and not word.startswith("-") else None
    except SpecError:
        return None
