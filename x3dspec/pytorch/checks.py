"""What verify compares, as values, and how a table shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One thing that was compared. `detail` says where the two differ, if that needs saying."""

    name: str
    expected: str
    found: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """Every check of one file, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def same(name: str, expected: object, found: object, detail: str = "") -> Check:
    return Check(name, str(expected), str(found), str(expected) == str(found), detail)


def compared(seen: dict[str, Any], key: str, name: str, expected: Any) -> Check:
    answer = seen.get(key, {})
    if "error" in answer:
        return Check(name, _listed(expected), "an error", False, str(answer["error"]))
    found = answer.get("value")
    return Check(name, _listed(expected), _listed(found), found == expected)


def _listed(value: Any) -> str:
    """A value as a table shows it: a list by its items, a whole number without a point."""
    if isinstance(value, list):
        items = ", ".join(_listed(item) for item in value[:4])
        return (items or "none") + (f" and {len(value) - 4} more" if len(value) > 4 else "")
    if isinstance(value, dict):
        return ", ".join(f"{key} {_spelled_value(each)}" for key, each in value.items())
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _spelled_value(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) and value else _listed(value)
