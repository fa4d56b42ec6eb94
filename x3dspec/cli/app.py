"""The commands together, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import cast

import typer

from x3dspec.cli import landing, usage
from x3dspec.cli.completion import Completing
from x3dspec.cli.landing import COMMANDS, Grouped
from x3dspec.language.errors import BadArgument, Infeasible, Problem, SpecError, printable
from x3dspec.language.numbers import ExactError
from x3dspec.language.syntax import ExpressionError

#: A hostile file can be wrong in thousands of places; nobody reads more than a screen of them.
MAX_PROBLEMS = 50

#: Where the shell asks what may come next.
COMPLETION = "_X3DSPEC_COMPLETE"

#: Typer's own usage errors, whichever click it is built on.
_UsageError: type[Exception] = cast(type[Exception], typer.BadParameter.__mro__[1])


def application(commands: tuple[str, ...] = COMMANDS) -> typer.Typer:
    """The Typer application with these commands; each is imported only if it is among them."""
    app = typer.Typer(
        name="x3dspec",
        cls=Grouped,
        help="From a stage table in expansion factors to exact costs, budgets and PyTorch source.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
    )
    app.callback()(_root)
    for name in commands:
        import_module(f"x3dspec.cli.{_module(name)}").register(app)
    for command in app.registered_commands:
        command.cls = Completing
    return app


def _module(command: str) -> str:
    """The module of a command; one named like a builtin has an underscore."""
    return "list_" if command == "list" else command.replace("-", "_")


def _version(wanted: bool) -> None:
    if wanted:
        from x3dspec import __version__

        typer.echo(f"x3dspec {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """From a stage table in expansion factors to exact costs, budgets and PyTorch source."""


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; no traceback ever reaches a user.

    0: done. 1: the check ran, and the answer is no. 2: the input or the command is wrong.
    130: interrupted. A reader that goes away (``| head``) is no failure.
    """
    words = _spelled(arguments)
    command = words[0] if words and words[0] in COMMANDS else ""
    try:
        code = _invoke(command, words)
        sys.stdout.flush()
    except BadArgument as error:
        _complain(f"{usage.option(error.argument)}: {error.message}")
        return 2
    except SpecError as error:
        _print_problems(error.problems)
        return 2
    except Infeasible as error:
        _complain(str(error))
        return 1
    except (ExactError, ExpressionError) as error:
        # A number that only the arithmetic of a solver made: it has no place in the file.
        _complain(f"x3dspec {command}: {error}")
        return 2
    except _UsageError as error:
        _complain(usage.complaint(error, command, COMMANDS))
        return 2
    except BrokenPipeError:
        _discard()
        return 0
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return 130
    except OSError as error:
        _discard()
        _complain(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))
        return 2
    return code


def _spelled(arguments: list[str]) -> list[str]:
    """As other tools have it: ``help``, ``help COMMAND`` and ``version`` are options here."""
    if arguments == ["version"]:
        return ["--version"]
    return [*arguments[1:2], "--help"] if arguments[:1] == ["help"] else arguments


def _invoke(command: str, words: list[str]) -> int:
    if not words and COMPLETION not in os.environ:
        print(landing.page())
        return 0
    app = typer.main.get_command(application((command,) if command else COMMANDS))
    if COMPLETION in os.environ:
        app.main(words, prog_name="x3dspec")
    # Not app.main: it has exit codes of its own for interruptions and for readers that go away.
    try:
        with app.make_context("x3dspec", words) as context:
            code = app.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return code if isinstance(code, int) else 0


def _discard() -> None:
    """What stdout holds has nowhere to go, at exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_problems(problems: tuple[Problem, ...]) -> None:
    for problem in problems[:MAX_PROBLEMS]:
        _complain(str(problem))
    if len(problems) > MAX_PROBLEMS:
        _complain(f"... and {len(problems) - MAX_PROBLEMS} more")


def _complain(line: str) -> None:
    """One line, whatever it quotes: a file's name may hold line breaks and what a terminal obeys."""
    print(printable(line), file=sys.stderr)
