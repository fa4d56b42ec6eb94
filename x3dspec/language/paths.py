"""Where a part of a document is: the keys and indices that lead to it."""

from __future__ import annotations

from x3dspec.language.errors import MAX_SHOWN, shown

Path = tuple[str | int, ...]


def spell(path: Path) -> str:
    """``("stages", 1, "repeat")`` -> ``stages[1].repeat``; unusual keys as in ``stages['a b']``."""
    spelled = ""
    for part in path:
        plain = isinstance(part, str) and part.isascii() and part.isidentifier()
        if not plain or len(str(part)) > MAX_SHOWN:
            spelled += f"[{shown(part) if isinstance(part, str) else part}]"
        else:
            spelled += f".{part}" if spelled else str(part)
    return spelled
