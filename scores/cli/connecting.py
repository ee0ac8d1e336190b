"""What all commands have in common that ask a server: where it is, and how they speak to it.

Rule: the address is `--url` or SCORES_URL; a token is only in SCORES_TOKEN, because everybody on a machine
can read the command lines that run on it.
"""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from scores.cli.arguments import Commands, add_command
from scores.cli.loop import run
from scores.cli.output import error
from scores.client import Client
from scores.config import CLIENT_TOKEN, CLIENT_URL, unknown_variables

__all__ = ["add_asking", "connected"]

DEFAULT_URL: Final = "http://127.0.0.1:8000"


def add_asking(
    commands: Commands,
    name: str,
    command: Callable[[argparse.Namespace], Coroutine[Any, Any, int]],
    *,
    about: str,
    note: str = "",
) -> argparse.ArgumentParser:
    """A command that asks a server; its exit status is what the coroutine gives."""

    def run_it(arguments: argparse.Namespace) -> int:
        for sentence in unknown_variables(os.environ):
            error(f"warning: {sentence}")
        try:
            return run(command(arguments))
        finally:
            # Here it can still be said that nobody reads it; as the interpreter ends it cannot.
            sys.stdout.flush()

    parser = add_command(commands, name, run_it, about=about, note=note)
    parser.add_argument("--url", metavar="URL", help=f"the server's address ({CLIENT_URL}, {DEFAULT_URL})")
    parser.add_argument("--json", action="store_true", help="print JSON, for machines")
    return parser


def connected(arguments: argparse.Namespace, **options: Any) -> Client:
    """The client of the server that the arguments or the environment name; raises `ConfigError`."""
    url = arguments.url or os.environ.get(CLIENT_URL) or DEFAULT_URL
    return Client(url, os.environ.get(CLIENT_TOKEN) or None, **options)
