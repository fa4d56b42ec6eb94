"""Pictures that a command writes: the suffix says which kind."""

from __future__ import annotations

from pathlib import Path

from x3dspec.language.errors import SpecError

SUFFIXES = (".svg", ".png")


def expect(path: Path | None) -> None:
    """A file for `--plot`, before there is anything to draw.

    Raises:
        SpecError: of another kind, or one that needs an extra.
    """
    if path is None:
        return
    if path.suffix == ".pdf":
        message = f"{path}: no PDF is drawn here; an .svg converts to one, as by rsvg-convert -f pdf"
        raise SpecError.at("--plot", message)
    if path.suffix not in SUFFIXES:
        raise SpecError.at("--plot", f"{path} must end in .svg or .png")
    if path.suffix == ".png":
        from x3dspec.report.figures import renderer

        renderer()


def drawn(path: Path, svg: str) -> str | bytes:
    """What the file holds."""
    if path.suffix != ".png":
        return svg
    from x3dspec.report.figures import png

    return png(svg)
