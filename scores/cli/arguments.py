"""How a command is added to the parser, and how its arguments are read: alike for all of them.

Rule: what was typed wrongly is one line, which says what is allowed; the rest is what `--help` is for.
"""

import argparse
import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeAlias

from scores.cli.output import error

__all__ = ["Commands", "Parser", "add_command", "integer", "number"]

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001  # argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong without all that would be right."""

    def error(self, message: str) -> NoReturn:
        """Ends the command with a line, and a status of 2."""
        error(f"{message}; see {self.prog} --help")
        self.exit(2)


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    about: str,
    note: str = "",
) -> argparse.ArgumentParser:
    """A command; `run` gives its exit status, and may raise a `ScoresError`."""
    command = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=note,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def integer(allowed: str, *, low: int | None = None, high: int | None = None) -> Callable[[str], int]:
    """What reads an integer; `allowed` ends the sentence "it must be …" of its error.

    Without `low` and `high` its range is for others to look at.
    """

    def parse(text: str) -> int:
        # `int` takes more: spaces, underscores, foreign digits.
        if re.fullmatch("[-+]?[0-9]{1,30}", text):
            value = int(text)
            if (low is None or value >= low) and (high is None or value <= high):
                return value
        raise _refused(text, allowed)

    return parse


def number(allowed: str) -> Callable[[str], float]:
    """What reads a finite number, likewise."""

    def parse(text: str) -> float:
        if re.fullmatch("[-+0-9.eE]{1,60}", text):
            with suppress(ValueError):
                value = float(text)
                if math.isfinite(value):
                    return value
        raise _refused(text, allowed)

    return parse


def _refused(text: str, allowed: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r} is not allowed: it must be {allowed}")
