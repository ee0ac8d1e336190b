"""What every command of `python -m benchmarks` consists of, and the options that several of them have.

The rule: a command is declared in the module that it runs; the command line is made from the declarations.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.load.load import CLIENTS, default_client
from benchmarks.results import Row

__all__ = [
    "EMBEDDED",
    "Command",
    "add_client",
    "add_connections",
    "add_rounds",
    "add_store",
    "positive",
    "target",
]

EMBEDDED: Final = ("dict", "sharded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A measurement."""

    name: str
    about: str
    """What it measures, in a few words."""
    method: str
    """How: kept with the figures."""
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], list[Row]]
    tiny: Sequence[str]
    """Arguments with which it takes a moment: for `smoke`, which sees that it works."""
    awake: bool = False
    """Whether server and client answer each other one by one, so that cores which halt set the pace."""


def add_store(command: argparse._ActionsContainer) -> None:
    """The stores."""
    command.add_argument(
        "--store", action="append", help=f"store's URL, may be repeated ({', '.join(EMBEDDED)})"
    )


def add_client(command: argparse.ArgumentParser) -> None:
    """The client that loads a server."""
    command.add_argument(
        "--client",
        choices=CLIENTS,
        default=default_client(),
        help="what loads the server (wrk where it is installed, else own)",
    )


def add_connections(command: argparse.ArgumentParser, *default: int) -> None:
    """The numbers of connections."""
    shown = ", ".join(map(str, default))
    command.add_argument(
        "--connections",
        nargs="+",
        type=positive,
        default=default,
        metavar="C",
        help=f"connections at once, one or more numbers ({shown})",
    )


def add_rounds(command: argparse.ArgumentParser, *, seconds: int, rounds: int) -> None:
    """How long a turn takes, and how many there are."""
    add = command.add_argument
    add("--seconds", type=positive, default=seconds, help="of each turn (%(default)s)")
    add("--rounds", type=positive, default=rounds, help="turns that each contender takes (%(default)s)")


def positive(text: str) -> int:
    """A count."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not allowed: it must be at least 1")
    return value


def target(text: str) -> Path:
    """A file to be written, whose folder is there: said now, and not when a long measurement is over."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: there is no folder {str(path.parent)!r}")
    return path
