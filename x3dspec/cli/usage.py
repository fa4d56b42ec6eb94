"""What is wrong with a command line, in our words.

Typer's messages come from whichever click and pydantic it is built on; their wording differs by version.
"""

from __future__ import annotations

import re

from x3dspec.language.errors import nearest

#: Typer's messages, and how they are said here. What matches none is said as it is.
_REWORDED = (
    (r"^Invalid value for '?([^':]+)'?: (?:Value error, )?", r"\1: "),
    (r"^Missing (?:option|argument) '([^']+)'.*", r"needs \1"),
    (r"^Option '([^']+)' requires an argument", r"\1: needs a value"),
    (r"^Option '([^']+)' does not take a value", r"\1: takes no value"),
    (r"^Got unexpected extra arguments?(?:\(s\))? \((.*)\)", r"unexpected '\1'"),
    (r"^No such command '([^']*)'.*", r"unknown command '\1'"),
    (r"^No such option:? '?([^ ']+).*", r"unknown option \1"),
    (r"Input should be greater than or equal to (\S+)", r"must be \1 or more"),
    (r"Input should be less than or equal to (\S+)", r"must be \1 or less"),
    (r"Input should be a valid integer.*|'[^']*' is not a valid int.*", "must be a whole number"),
    (r"Input should be a valid number.*|'[^']*' is not a valid float.*", "must be a number"),
)
_CHOICE = re.compile(r"'(?P<word>[^']*)' is not one of (?P<names>'[^']*'(?:, '[^']*')*)")


#: Arguments of functions that the command line calls otherwise.
_OPTIONS = {"limits": "--max", "unknowns": "--for", "targets": "--target"}


def option(argument: str) -> str:
    """The option that gives a function its argument."""
    return _OPTIONS.get(argument, "--" + argument.replace("_", "-"))


def complaint(error: BaseException, command: str, commands: tuple[str, ...]) -> str:
    """One line: ``x3dspec budget: --order: 'publised' is not ...; did you mean published? Try ...``."""
    message: str = getattr(error, "format_message", lambda: str(error))()
    message = " ".join(message.split()).rstrip(".")
    for pattern, words in _REWORDED:
        message = re.sub(pattern, words, message)
    message = _CHOICE.sub(_chosen, message)
    message += _guess(message, error, commands)
    where = f"x3dspec {command}" if command else "x3dspec"
    stop = "" if message.endswith("?") else "."
    return f"{where}: {message}{stop} Try '{where} --help'."


def _chosen(match: re.Match[str]) -> str:
    names = re.findall("'([^']*)'", match["names"])
    guess = nearest(match["word"], names)
    hint = f"; did you mean {guess}?" if guess else ""
    return f"'{match['word']}' is not one of {', '.join(names)}{hint}"


def _guess(message: str, error: BaseException, commands: tuple[str, ...]) -> str:
    """The nearest name to an unknown option or command."""
    if message.startswith("unknown command"):
        guess = nearest(message.partition("'")[2].rstrip("'"), commands)
    elif message.startswith("unknown option"):
        context = getattr(error, "ctx", None)
        known = [name for each in context.command.params for name in each.opts] if context else []
        guess = nearest(message.rpartition(" ")[2], [name for name in known if name.startswith("-")])
    else:
        return ""
    return f"; did you mean {guess}?" if guess else ""
