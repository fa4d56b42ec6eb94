"""Lines of Python broken as the common formatters break them, for the few forms that emit writes."""

from __future__ import annotations

WIDTH = 88


def broken(line: str) -> str:
    """The same statement over several lines where one is too long.

    Knows a call (its arguments on one line, or one a line with a trailing comma) and ``a if b else c``
    (in parentheses); ``ruff format`` and ``black`` leave the result as it is.
    """
    if len(line) <= WIDTH:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    head, separator, value = line.partition(" = ")
    if separator and " if " in _outside(value):
        return _choice(head, value, indent)
    return _call(line, indent)


def _choice(head: str, value: str, indent: str) -> str:
    inner = indent + "    "
    if len(inner + value) <= WIDTH:
        parts = [inner + value]
    else:
        present, _, rest = value.partition(" if ")
        condition, _, other = rest.partition(" else ")
        parts = [broken(inner + present), f"{inner}if {condition}", f"{inner}else {other}"]
    return "\n".join([f"{head} = (", *parts, f"{indent})"])


def _call(line: str, indent: str) -> str:
    opening = line.index("(")
    closing = _matching(line, opening)
    arguments = _split(line[opening + 1 : closing])
    together = f"{indent}    {', '.join(arguments)}"
    if len(together) <= WIDTH:
        return "\n".join([line[: opening + 1], together, indent + line[closing:]])
    lines = [broken(f"{indent}    {argument},") for argument in arguments]
    return "\n".join([line[: opening + 1], *lines, indent + line[closing:]])


def _matching(line: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(line)):
        depth += {"(": 1, ")": -1}.get(line[index], 0)
        if depth == 0:
            return index
    raise ValueError(f"unbalanced: {line}")


def _split(arguments: str) -> list[str]:
    """Split at the commas that are in no parentheses or brackets."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(arguments):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(arguments[start:index].strip())
            start = index + 1
    return [*parts, arguments[start:].strip()]


def _outside(text: str) -> str:
    """The text that is in no parentheses."""
    kept, depth = [], 0
    for character in text:
        depth -= character == ")"
        if depth == 0:
            kept.append(character)
        depth += character == "("
    return "".join(kept)
