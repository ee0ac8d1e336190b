"""`scores copy`: what one store has, put into another."""

import argparse
import asyncio
from functools import partial
from typing import Final

from scores.cli.arguments import Commands, add_command
from scores.cli.bar import Bar, part_shown
from scores.cli.loop import run
from scores.cli.output import counted, error, json_line, line
from scores.copying import Copying, copy_store
from scores.errors import ConfigError, StoreError
from scores.stores import open_store

__all__ = ["add_commands"]

_NOTE: Final = """\
FROM and TO are stores' URLs: sqlite:scores.db, redis://localhost:6379/0, or somebody else's. Results,
students, exams and inspectors are copied; both stores then give the same answers, to the last digit. Nobody
may write to either meanwhile: a server that has a sqlite: file open is noticed; one on Redis, stop yourself.

Not copied: the idempotency keys that the store remembers, and how far a feed has been read. A retry of a
score from before the copy is counted as a new one, and a feed is read on from what it still sends.

After an interruption, begin again with --replace: all that is in TO is removed first.
"""

_EMBEDDED: Final = ("dict", "sharded")


def add_commands(commands: Commands) -> None:
    """Adds the command to the parser's."""
    parser = add_command(commands, "copy", _run, about="copy a store into another", note=_NOTE)
    add = parser.add_argument
    add("source", metavar="FROM", help="URL of the store that is read")
    add("target", metavar="TO", help="URL of the store that is written")
    add("--replace", action="store_true", help="first remove all that TO has")
    add("--json", action="store_true", help="say what was copied in JSON")


def _run(arguments: argparse.Namespace) -> int:
    for url in (arguments.source, arguments.target):
        if url.partition(":")[0] in _EMBEDDED:
            raise ConfigError(
                f"the store {url!r} cannot be copied: it lives in the memory of a server, and ends with it;"
                " `scores import` fills a server from a file"
            )
    if arguments.source == arguments.target:
        raise ConfigError("FROM and TO are the same store")
    return run(_copy(arguments))


async def _copy(arguments: argparse.Namespace) -> int:
    copying = Copying()
    bar = Bar(partial(described, copying))
    copying.changed = bar.tick
    try:
        async with open_store(_there(arguments.source)) as source, open_store(arguments.target) as target:
            await copy_store(source, target, copying, replace=arguments.replace)
    except (StoreError, asyncio.CancelledError):
        bar.clear()
        error(f"stopped; {_copied(copying)}: begin again with --replace")
        raise
    finally:
        bar.clear()
    if arguments.json:
        json_line({"results": copying.results, "inspectors": copying.inspectors, "removed": copying.removed})
    else:
        line(f"{_copied(copying)}; not copied: idempotency keys, and how far a feed has been read")
    return 0


def _there(url: str) -> str:
    """The URL of a store that is read, and so is not to be made: a name that was mistyped leaves no file."""
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite" or "create=" in rest.partition("?")[2]:
        return url
    return f"{url}{'&' if '?' in rest else '?'}create=off"


def described(copying: Copying, seconds: float) -> str:
    """How it stands after so many seconds."""
    done = copying.results + copying.inspectors
    words = [f"{copying.results:,} results", f"{copying.inspectors:,} inspectors"]
    if copying.removed and not done:
        words = [f"{copying.removed:,} students and inspectors removed"]
    if seconds > 0:
        words.append(f"{(done or copying.removed) / seconds:,.0f}/s")
    if every := copying.exams + copying.all_inspectors:
        # Of exams it is not known how long they are; the numbers say that it goes on.
        words.insert(0, part_shown(min((copying.exams_read + copying.inspectors) / every, 1.0)))
    return "  ".join(words)


def _copied(copying: Copying) -> str:
    return f"{counted(copying.results, 'result')} and {counted(copying.inspectors, 'inspector')} copied"
