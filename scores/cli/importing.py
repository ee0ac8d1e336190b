"""`scores import`: a file of scores and results, with a bar, and with a way back from any interruption."""

import argparse
import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

from scores.cli.arguments import Commands, integer, number
from scores.cli.bar import Bar, described
from scores.cli.connecting import add_asking, connected
from scores.cli.output import error, json_line, line
from scores.client.exchange import CONNECTIONS
from scores.client.importing import Interrupted, Running, run_import
from scores.client.journal import journal_beside, opened
from scores.client.source import Source
from scores.errors import ConfigError

__all__ = ["add_commands"]

_NOTE: Final = """\
A line is {"UUID":…,"score":…} or a result, {"exam":…,"studentId":…,"score":…}. While it runs, FILE.progress
says how far it got; after an interruption the same command goes on there, and no line counts twice. It exits
with 0 when all lines were accepted, and with 1 when some were rejected, which are listed, or when it stopped.

With --fast scores go in bulk, not in a request each, and have no keys: lines that an interruption leaves
in doubt, at most ten thousand, may have been counted: the next run says which, and asks for --in-doubt.
"""

_requests: Final = integer(f"an integer from 1 to {CONNECTIONS}", low=1, high=CONNECTIONS)


def add_commands(commands: Commands) -> None:
    """Adds the command to the parser's."""
    parser = add_asking(commands, "import", _import, about="import a file of scores or results", note=_NOTE)
    add = parser.add_argument
    add(
        "file",
        metavar="FILE",
        help="newline-delimited JSON; - is standard input, which cannot be gone on with",
    )
    add("--fast", action="store_true", help="send scores in bulk, without a key for each")
    add("--parallel", type=_requests, default=32, help="requests at a time, without --fast (%(default)s)")
    add("--progress", metavar="PATH", type=Path, help="where to keep how far it got (FILE.progress)")
    add(
        "--in-doubt",
        choices=["ask", "send", "skip"],
        default="ask",
        help="what to do with lines of which nobody knows whether they were counted (%(default)s)",
    )
    add(
        "--key-ttl",
        metavar="SECONDS",
        type=number("a number of seconds"),
        default=86_400.0,
        help="how long the server remembers keys: its SCORES_IDEMPOTENCY_TTL (%(default)g)",
    )


async def _import(arguments: argparse.Namespace) -> int:
    with _opened(arguments.file) as source:
        kept = source.size is not None and arguments.file != "-"
        path = arguments.progress or journal_beside(Path(arguments.file))
        running = Running()
        bar = Bar(partial(described, running, running.lines))
        running.changed = bar.tick
        with opened(path) if kept else nullcontext() as journal:
            try:
                async with connected(arguments) as client:
                    await run_import(
                        client,
                        source,
                        journal,
                        running,
                        fast=arguments.fast,
                        parallel=arguments.parallel,
                        key_ttl=arguments.key_ttl,
                        in_doubt=arguments.in_doubt,
                    )
            except (Interrupted, asyncio.CancelledError) as exc:
                bar.clear()
                error(_stopped(exc, running, kept=kept))
                if isinstance(exc, Interrupted):
                    return 1
                raise
            finally:
                bar.clear()
    return _report(running, arguments)


@contextmanager
def _opened(name: str) -> Iterator[Source]:
    if name == "-":
        yield Source(sys.stdin.fileno(), "standard input")
        return
    try:
        descriptor = os.open(name, os.O_RDONLY)
    except OSError as exc:
        raise ConfigError(f"cannot read {name!r}: {exc.strerror}") from exc
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise ConfigError(f"cannot read {name!r}: it is a directory")
        yield Source(descriptor, name)
    finally:
        os.close(descriptor)


def _report(running: Running, arguments: argparse.Namespace) -> int:
    done = running.summary()
    if arguments.json:
        errors = [
            {"line": one.line, "status": one.status, "code": one.code, "detail": one.detail}
            for one in done.errors
        ]
        json_line({"accepted": done.accepted, "rejected": done.rejected, "errors": errors})
    else:
        for problem in done.errors:
            error(f"line {problem.line}: {problem.detail}")
        line(f"{_lines(running.lines)}: {done.accepted} accepted, {done.rejected} rejected")
    return 1 if done.rejected else 0


def _stopped(exc: BaseException, running: Running, *, kept: bool) -> str:
    reason = str(exc) or "stopped"
    way = "the same command goes on from there" if kept else "standard input cannot be gone on with"
    return f"{reason}; {_lines(running.lines)} have their answer: {way}"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
