"""The commands together, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import cast

import typer

from x3dspec.cli.completion import Completing
from x3dspec.language.errors import Infeasible, Problem, SpecError, nearest, printable
from x3dspec.language.grammar import ExpressionError
from x3dspec.language.numbers import ExactError

#: A hostile file can be wrong in thousands of places; nobody reads more than a screen of them.
MAX_PROBLEMS = 50

_COMMANDS = (
    "init",
    "resolve",
    "budget",
    "expand",
    "search",
    "judges",
    "formula",
    "emit",
    "verify",
    "convert-weights",
    "export",
    "bench",
    "schema",
    "check",
    "diff",
    "list",
    "report",
)

#: Typer's own usage errors, whichever click it is built on.
_UsageError: type[Exception] = cast(type[Exception], typer.BadParameter.__mro__[1])


def application(commands: tuple[str, ...] = _COMMANDS) -> typer.Typer:
    """The Typer application with these commands; each is imported only if it is among them."""
    app = typer.Typer(
        name="x3dspec",
        help="From a stage table in expansion factors to exact costs, budgets and PyTorch source.",
        no_args_is_help=True,
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
    """From a stage table in expansion factors to exact costs, budgets and PyTorch source.

    x3dspec resolve specs/x2d.yaml --gamma-s 2 · x3dspec emit --out generated/ ·
    x3dspec budget --target 4.7GFLOPs
    """


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; no traceback ever reaches a user."""
    try:
        known = tuple(arguments[:1]) if arguments and arguments[0] in _COMMANDS else _COMMANDS
        code = application(known)(arguments, prog_name="x3dspec", standalone_mode=False)
        sys.stdout.flush()
    except SpecError as error:
        _print_problems(error.problems)
        return 2
    except Infeasible as error:
        _complain(str(error))
        return 1
    except (ExactError, ExpressionError) as error:
        # A number that only the arithmetic of a solver made: it has no place in the file.
        _complain(f"x3dspec {arguments[0]}: {error}")
        return 2
    except _UsageError as error:
        _complain(_usage(error))
        return 2
    except BrokenPipeError:
        # The reader has gone (`| head`); what Python would flush at exit has nowhere to go either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return 130
    except OSError as error:
        _complain(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "))
        return 2
    return code if isinstance(code, int) else 0


def _print_problems(problems: tuple[Problem, ...]) -> None:
    for problem in problems[:MAX_PROBLEMS]:
        _complain(str(problem))
    if len(problems) > MAX_PROBLEMS:
        _complain(f"... and {len(problems) - MAX_PROBLEMS} more")


def _complain(line: str) -> None:
    """One line, whatever it quotes: a file's name may hold line breaks and what a terminal obeys."""
    print(printable(line), file=sys.stderr)


def _usage(error: BaseException) -> str:
    """Typer's own complaint in one line, with the nearest name where it has none."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "x3dspec"
    message = getattr(error, "format_message", lambda: str(error))()
    wrong = getattr(error, "option_name", None)
    if wrong and context is not None and "ean" not in message:
        options = [name for parameter in context.command.params for name in parameter.opts]
        guess = nearest(wrong, options)
        message += f" Did you mean {guess}?" if guess else ""
    return " ".join(f"{command}: {message} Try '{command} --help'.".split())
