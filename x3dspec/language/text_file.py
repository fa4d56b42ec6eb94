"""An untrusted file as text: a regular file, bounded, UTF-8, with no line break that an editor hides."""

from __future__ import annotations

import os
import pathlib
import re
import stat

from x3dspec.language.errors import Problem, SpecError

# Several times what the largest sensible spec needs, and small enough that the worst document
# within them is read or refused in about a second.
MAX_BYTES = 256 * 1024
# YAML's own list, and also the line breaks that editors do not show: they would shift every line
# number after them, or end a comment and smuggle in what follows.
_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def too_large(source: str) -> SpecError:
    """What is said of a file beyond :data:`MAX_BYTES`."""
    return SpecError.at(source, f"larger than {MAX_BYTES // 1024} KiB")


def content(path: pathlib.Path, source: str) -> bytes:
    """The bytes of a spec's file, no more than a spec may have.

    Raises:
        OSError: it cannot be read.
        SpecError: no regular file, or too large.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise SpecError.at(source, "is not a regular file")
        if status.st_size > MAX_BYTES:
            raise too_large(source)
        return file.read(MAX_BYTES + 1)


def _open_without_waiting(name: str, flags: int) -> int:
    # Opening a FIFO would otherwise wait for its writer; Windows has no such flag and no need.
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def decoded(raw: bytes, source: str) -> str:
    """The text of a file's bytes.

    Raises:
        SpecError: no UTF-8, or a character that editors do not show.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SpecError.at(source, "is UTF-16, not UTF-8: save it as UTF-8")
    if b"\0" in raw:
        raise SpecError.at(source, f"is not text: byte {raw.index(0) + 1} is NUL")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        message = f"is not UTF-8: byte {error.start + 1} is 0x{byte:02x}"
        raise SpecError.at(source, message) from None
    unreadable = _UNREADABLE.search(text)
    if unreadable:
        lines = re.split("\r\n|\r|\n", text[: unreadable.start()])
        message = f"unreadable character U+{ord(unreadable[0]):04X}: remove it"
        raise SpecError([Problem(source, len(lines), len(lines[-1]) + 1, "", message)])
    return text
