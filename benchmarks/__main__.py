"""`python -m benchmarks`: one command a measurement; each prints a table and can keep its figures.

The rule: this is the edge: it reads the command line, prints, and turns what went wrong into an exit
status (1 for a measurement that failed, 2 for a command line that is wrong).
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Final

from benchmarks import decoder
from benchmarks.errors import BenchmarkError
from benchmarks.ids import KINDS
from benchmarks.pages import METHOD as PAGES
from benchmarks.pages import measure_pages
from benchmarks.post import METHOD as POST
from benchmarks.post import post_to_stores, post_to_url
from benchmarks.redis.command import METHOD as REDIS
from benchmarks.redis.command import PARTS, Plan, measure_redis
from benchmarks.redis.load import CLIENTS, default_client
from benchmarks.results import Row, print_table, provenance, save
from benchmarks.stores import METHOD as STORES
from benchmarks.stores import measure_stores
from scores.errors import ScoresError

__all__ = ["main"]

_DESCRIPTION: Final = """\
Measures scores. Each command prints a table, and with --json FILE keeps the figures with all
that it takes to judge them: method, commit, versions, machine and date.

  python -m benchmarks post -k 100000           requests a second, and how long each one waits
  python -m benchmarks post --url http://…      the same against a server that is running
  python -m benchmarks stores --keys 1000000    memory of a key, and the worst stall of a write
  python -m benchmarks pages                    a page costs the same, however much is stored
  python -m benchmarks decoder                  the event-stream decoder against the library's
  python -m benchmarks redis                    the Redis store: rates, durability, memory
"""

_NOTE: Final = """\
Compare only figures of one machine that does nothing else meanwhile. Those that are committed
are in benchmarks/results.
"""

_DECODER: Final = (
    "Both decoders drain a StreamReader filled with the same 64 KiB chunks, in turns, in one process; every"
    " figure is the median of the rounds. ratio: against the library when its lines are given ready-made,"
    " its best case; ratio as used: against the library reading its lines itself."
)

_EMBEDDED: Final = ("dict", "sharded")
_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
_CALLERS: Final = (1, 32, 256)
_WIDTH: Final = 95

_Run = Callable[[argparse.Namespace], list[Row]]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command, and gives its exit status."""
    arguments = _parser().parse_args(argv)
    # A server that is being measured must not be left behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    origin = {"benchmark": arguments.command, "method": arguments.method, **provenance()}
    try:
        rows = arguments.run(arguments)
    except (BenchmarkError, ScoresError) as exc:
        print(f"benchmarks: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for _, group in groupby(rows, key=tuple):
        print_table(list(group))
    if arguments.json:
        save(arguments.json, {**origin, "figures": rows})
    return 1 if any(row.get("passed") is False for row in rows) else 0


def _post(arguments: argparse.Namespace) -> list[Row]:
    if arguments.url:
        return post_to_url(arguments.url, requests=arguments.requests)
    return post_to_stores(arguments.store or _EMBEDDED, requests=arguments.requests)


def _stores(arguments: argparse.Namespace) -> list[Row]:
    return measure_stores(
        arguments.store or _EMBEDDED,
        ids=arguments.ids or tuple(KINDS),
        keys=arguments.keys,
        rounds=arguments.rounds,
    )


def _pages(arguments: argparse.Namespace) -> list[Row]:
    return measure_pages(arguments.store or _EMBEDDED, sizes=arguments.size or _SIZES)


def _decoder(arguments: argparse.Namespace) -> list[Row]:
    figures = decoder.run(events=arguments.events, rounds=arguments.rounds)
    common = {name: value for name, value in figures.items() if not isinstance(value, dict)}
    return [{"stream": name, **common, **value} for name, value in figures.items() if isinstance(value, dict)]


def _redis(arguments: argparse.Namespace) -> list[Row]:
    return measure_redis(
        Plan(
            parts=arguments.part or PARTS,
            callers=arguments.callers or _CALLERS,
            seconds=arguments.seconds,
            rounds=arguments.rounds,
            keys=arguments.keys,
            program=arguments.redis_server,
            client=arguments.client or default_client(),
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        epilog=_NOTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND", title="commands")
    _add_post(_command(commands, "post", _post, "sequential POSTs: rate and latency", POST))
    _add_stores(_command(commands, "stores", _stores, "memory of a key, worst write", STORES))
    _add_pages(_command(commands, "pages", _pages, "time of a page, by what is stored", PAGES))
    _add_decoder(_command(commands, "decoder", _decoder, "time of a feed's event", _DECODER))
    _add_redis(_command(commands, "redis", _redis, "the Redis store: rates, durability, memory", REDIS))
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: _Run,
    about: str,
    method: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=about,
        description=fill(method, _WIDTH),
        epilog=_NOTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run, method=method)
    command.add_argument("--json", type=_file, metavar="FILE", help="keep the figures in this file")
    return command


def _add_post(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-k", dest="requests", type=_positive, default=100_000, metavar="K", help="requests (%(default)s)"
    )
    server = command.add_mutually_exclusive_group()
    _add_store(server)
    server.add_argument("--url", help="a server that is running, http://host:port, instead of one's own")


def _add_stores(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    _add_store(command)
    add("--keys", type=_positive, default=10_000_000, help="inspectors to create (%(default)s)")
    add("--ids", action="append", choices=KINDS, help="kind of ids, may be repeated (all of them)")
    add("--rounds", type=_positive, default=3, help="processes for each figure (%(default)s)")


def _add_pages(command: argparse.ArgumentParser) -> None:
    _add_store(command)
    default = ", ".join(map(str, _SIZES))
    command.add_argument(
        "--size", action="append", type=_positive, help=f"students stored, may be repeated ({default})"
    )


def _add_decoder(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--events", type=_positive, default=50_000, help="events in the stream (%(default)s)")
    add("--rounds", type=_positive, default=9, help="turns that each decoder takes (%(default)s)")


def _add_redis(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--part", action="append", choices=PARTS, help="part, may be repeated (all of them)")
    default = ", ".join(map(str, _CALLERS))
    add("--callers", action="append", type=_positive, help=f"calls at once, may be repeated ({default})")
    add("--seconds", type=_positive, default=5, help="of each turn (%(default)s)")
    add("--rounds", type=_positive, default=5, help="turns that each contender takes (%(default)s)")
    add("--keys", type=_positive, default=1_000_000, help="inspectors, and results, in memory (%(default)s)")
    add("--client", choices=CLIENTS, help="what loads the servers (wrk where it is installed, else own)")
    add("--redis-server", metavar="PATH", default="redis-server", help="the program (%(default)s)")


def _add_store(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--store", action="append", help=f"store's URL, may be repeated ({', '.join(_EMBEDDED)})"
    )


def _file(text: str) -> Path:
    path = Path(text)
    # Said now, and not when a long measurement is over.
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed: there is no folder {str(path.parent)!r}")
    return path


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not allowed: it must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
