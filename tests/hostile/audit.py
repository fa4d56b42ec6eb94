"""What a process does besides computing: seen by Python's audit hooks, judged by a short list.

Nothing that comes out of a document may be compiled or executed, no process started, no socket opened,
no file written outside the folder of the case. What is allowed, and why:

* code that an import brings: compiled and executed from a file of this installation or of Python;
* text that Python's own class makers (dataclasses, namedtuple, typing) and pydantic write and compile
  when a module is imported or a model is built, and annotations that typer reads: all of it our own;
* jinja2's compilation of the files in our folder ``templates``;
* the module that convert-weights builds in order to ask it for its keys: the text that emit wrote.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import x3dspec
from x3dspec.language import shipped

_STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.startfile",
    "pty.spawn",
)
_STRANGE = (
    "socket.",
    "urllib.",
    "ftplib.",
    "http.",
    "smtplib.",
    "webbrowser.",
    "pickle.find_class",
    "marshal.loads",
)
_MAKERS = (
    "dataclasses.py",
    "collections/__init__.py",
    "typing.py",
    "inspect.py",
    "functools.py",
    "enum.py",
    "typing_extensions.py",
)
_CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.",
)
ROOTS = tuple(
    dict.fromkeys(
        str(Path(each).resolve())
        for each in (Path(x3dspec.__file__).parent, *(p for p in sys.path if p), sys.prefix, sys.base_prefix)
        if Path(each).is_dir()
    )
)
TEMPLATES = str(shipped.folder("templates").resolve())


class Audit:
    """The hook, and what it has seen. Off until `folder`, where files may be written, is set."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        self._busy = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, given: tuple[Any, ...]) -> None:
        if self.folder is None or self._busy:
            return
        self._busy = True
        try:
            if self._wrong(event, given):
                self.seen.append(f"{event}: {str(given)[:200]}")
        finally:
            self._busy = False

    def _wrong(self, event: str, given: tuple[Any, ...]) -> bool:
        if event in ("compile", "exec"):
            return not self._ours(event, given)
        if event == "open":
            return self._writes(given) and not self._inside(given[0])
        if event.startswith(_CHANGES):
            return not all(
                self._inside(each) for each in given if isinstance(each, (str, bytes, os.PathLike))
            )
        if event == "marshal.loads":
            return not _importing()
        return event.startswith(_STARTS) or event.startswith(_STRANGE)

    def _ours(self, event: str, given: tuple[Any, ...]) -> bool:
        """Whether the code that is compiled or executed is part of what is installed."""
        name = given[0].co_filename if event == "exec" and isinstance(given[0], CodeType) else given[-1]
        if isinstance(name, bytes):
            name = os.fsdecode(name)
        if isinstance(name, str) and name.startswith((TEMPLATES, "<emitted ")):
            return True
        if isinstance(name, str) and (name.startswith("<frozen") or name.startswith(ROOTS)):
            return not self._inside(name)
        return _makers()

    def _inside(self, path: Any) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return isinstance(path, int)
        full = os.path.realpath(os.fsdecode(path))
        return full == "/dev/null" or full.startswith(os.path.realpath(str(self.folder)))

    @staticmethod
    def _writes(given: tuple[Any, ...]) -> bool:
        path, mode, flags = given
        if isinstance(path, int):
            return False
        written = bool(mode and set(mode) & set("wax+"))
        return written or bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


def _importing() -> bool:
    return any("importlib" in name for name in _frames())


def _makers() -> bool:
    """Whether it is one of Python's class makers, or pydantic, that compiles."""
    caller = next(
        (name for name in _frames() if not name.startswith("<") and not name.endswith("audit.py")), ""
    )
    return caller.endswith(_MAKERS) or "/pydantic/" in caller or "/typing_inspection/" in caller


def _frames() -> list[str]:
    found = []
    frame: Any = sys._getframe(2)
    while frame is not None:
        found.append(frame.f_code.co_filename)
        frame = frame.f_back
    return found
