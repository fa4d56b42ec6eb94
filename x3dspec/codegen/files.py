"""Files are written whole or not at all.

Each is written beside its target, flushed to the disk, and renamed. Whenever the process ends, by
kill -9 too, a target has its old content or its new one, all of it. Nothing is renamed before all of a
set could be written, so that a full disk or a folder in the way changes none of them; only a kill
between two renames can leave some of a set new and some old, each whole, and the same command again
completes it. What a killed run leaves beside its targets is hidden, and the next run removes it.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from x3dspec.language.errors import SpecError

#: No run takes so long between writing a file and renaming it: what is older was left behind.
STALE_SECONDS = 3600


def write(files: Mapping[Path, str | bytes]) -> None:
    """Replace files, or make them; text is written as UTF-8, its line ends as they are.

    Raises:
        SpecError: a folder in the way, no permission, no space.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            staged[path] = path.parent / f".x3dspec-{secrets.token_hex(8)}.part"
            _stage(path, staged[path], content.encode() if isinstance(content, str) else content)
        for path, temporary in staged.items():
            temporary.replace(path)
    except OSError as error:
        raise SpecError.at(str(path), f"cannot be written: {error.strerror or error}") from None
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink()
        _clear({path.parent for path in files})


def _stage(path: Path, temporary: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is a directory" if path.is_dir() else "is not a regular file")
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _clear(folders: Iterable[Path]) -> None:
    """Remove what runs that were killed have left; what another run is writing now is younger."""
    for folder in folders:
        for left in folder.glob(".x3dspec-*.part"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > STALE_SECONDS:
                    left.unlink()
