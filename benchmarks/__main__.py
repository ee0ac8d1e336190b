"""`python -m benchmarks`: one command a measurement; each prints a table and can keep its figures.

The rule: this is the edge: it reads the command line, prints, and turns what went wrong into an exit
status (1 for a measurement that failed, 2 for a command line that is wrong, 3 for what the server does
not offer).
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Final

from benchmarks.awake import awake
from benchmarks.command import Command, target
from benchmarks.commands import COMMANDS
from benchmarks.errors import BenchmarkError
from benchmarks.pictures import DRAWN, draw, draw_all
from benchmarks.results import print_table, provenance, save
from benchmarks.smoke import smoke
from scores.errors import ScoresError

__all__ = ["main"]

_DESCRIPTION: Final = """\
Measures scores. Each command prints a table, and with --json FILE keeps the figures with all
that it takes to judge them: method, commit, versions, machine and date.

  python -m benchmarks peers                    the same job on other frameworks, in turns
  python -m benchmarks chart FILE.json OUT.svg  draws the figures that a command has kept
  python -m benchmarks charts                   draws all that are committed, into docs/images
  python -m benchmarks post -k 100000           requests a second, and how long each one waits
  python -m benchmarks post --url http://…      the same against a server that is running
  python -m benchmarks reads                    the rate of GET, for one inspector, student and exam
  python -m benchmarks feed                     events of the feed a second, decoded to recorded
  python -m benchmarks bulk                     scores a second of one streamed request
  python -m benchmarks live                     how soon live readers are told, and what it costs
  python -m benchmarks startup                  from the start of a process to its first answer
  python -m benchmarks stores --keys 1000000    memory of a key, and the worst stall of a write
  python -m benchmarks growth                   how long a request waits while keys are created
  python -m benchmarks keys                     the rate with few inspectors and with many
  python -m benchmarks pages                    a page costs the same, however much is stored
  python -m benchmarks decoder                  the event-stream decoder against the library's
  python -m benchmarks redis                    the Redis store: rates, durability, memory
  python -m benchmarks smoke                    all of them at a tiny size, to see that they work
"""

_NOTE: Final = """\
Compare only figures of one machine that does nothing else meanwhile. Those that are committed
are in benchmarks/results.
"""

_WIDTH: Final = 95


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command, and gives its exit status."""
    arguments = _parser().parse_args(argv)
    # A server that is being measured must not be left behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        status: int = arguments.act(arguments)
    except (BenchmarkError, ScoresError) as exc:
        print(f"benchmarks: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _measure(arguments: argparse.Namespace) -> int:
    command: Command = arguments.measurement
    with awake() if command.awake else nullcontext(False) as kept:
        origin = {"benchmark": command.name, "method": command.method, **provenance(awake=kept)}
        rows = command.run(arguments)
    for _, group in groupby(rows, key=tuple):
        print_table(list(group))
    if arguments.json:
        save(arguments.json, {**origin, "figures": rows})
    return 1 if any(row.get("passed") is False for row in rows) else 0


def _chart(arguments: argparse.Namespace) -> int:
    draw(arguments.figures, arguments.image)
    return 0


def _charts(_arguments: argparse.Namespace) -> int:
    draw_all()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_DESCRIPTION,
        epilog=_NOTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        _add(parsers, command)
    chart = parsers.add_parser("chart", help="draw the figures that a command has kept")
    chart.add_argument(
        "figures", type=Path, metavar="FILE.json", help=f"what `--json` has kept of {', '.join(DRAWN)}"
    )
    chart.add_argument("image", type=target, metavar="OUT.svg", help="the image to write")
    chart.set_defaults(act=_chart)
    parsers.add_parser("charts", help="draw all committed figures, into docs/images").set_defaults(
        act=_charts
    )
    parsers.add_parser("smoke", help="all commands at a tiny size").set_defaults(
        act=lambda _arguments: smoke(COMMANDS)
    )
    return parser


def _add(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]", command: Command) -> None:
    parser = parsers.add_parser(
        command.name,
        help=command.about,
        description=fill(command.method, _WIDTH),
        epilog=_NOTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(act=_measure, measurement=command)
    parser.add_argument("--json", type=target, metavar="FILE", help="keep the figures in this file")
    command.options(parser)


if __name__ == "__main__":
    sys.exit(main())
