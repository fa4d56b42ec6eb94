"""An emitted file's text, and the spec that it means."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from x3dspec.codegen.header import Header
from x3dspec.language import shipped as assets
from x3dspec.language.errors import BadArgument, SpecError, printable, shown
from x3dspec.network.architecture import Architecture, Resolved

MAX_BYTES = 4 * 1024 * 1024  # the bounds on specs keep every emitted file below this


def emitted_text(file: Path) -> str:
    """The text of an emitted file.

    Raises:
        SpecError: no file, too large, or not UTF-8.
    """
    try:
        if not file.is_file():
            raise SpecError.at(str(file), "is not a file" if file.exists() else "no such file")
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError.at(str(file), f"cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise SpecError.at(str(file), f"is larger than {MAX_BYTES} bytes, so no emitted file")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise SpecError.at(str(file), "is not an emitted file: not UTF-8 text") from None


def spec_of(header: Header, file: Path) -> str:
    """The spec that a header means. The header is untrusted: of a path only the name counts."""
    if not header.origins:
        raise BadArgument("spec", f"{printable(str(file))}: its header has no spec: give its own")
    label = PurePosixPath(header.origins[0][0])
    shipped = assets.shipped().get(label.stem)
    if label.parts == ("specs", f"{label.stem}.yaml") and shipped:
        return str(label)
    for folder in (file.parent, Path(), Path("specs")):
        if (folder / label.name).is_file():
            return str(folder / label.name)
    message = f"its spec {shown(label.name)} is neither shipped, nor beside it, here or in specs"
    raise BadArgument("spec", f"{printable(str(file))}: {message}: give its own")


def settled(header: Header, architecture: Architecture) -> Resolved:
    """The network of the spec at the header's factors and options.

    Raises:
        SpecError: the spec does not have them.
    """
    options = {name: int(v) if re.fullmatch("-?[0-9]{1,9}", v) else v for name, v in header.options.items()}
    return architecture.choose(**options).resolve(**header.factors)
