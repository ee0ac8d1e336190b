"""The command `scores`: read the command line, run the one thing that was asked for, say what went wrong.

Rule: this is the edge, the one place that turns errors into exit statuses: 2 for what was asked wrongly, 1
for what the server refuses or cannot do, or cannot do yet, 130 for Ctrl-C, 141 when nobody reads the output
any more. A command is added by a module of its own: `add_commands(commands)`, one line in `_parser`.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Final

import scores
from scores.cli import asking, copying, describing, importing, serving
from scores.cli.arguments import Parser
from scores.cli.output import error, nobody_reads
from scores.errors import ConfigError, ScoresError, WorkerRefused

__all__ = ["main"]

_DESCRIPTION: Final = """\
A real-time score aggregation server: it listens to a feed of exam results, takes
scores by POST, and serves every result and exact averages.

  scores demo     a server with a simulated feed: the quickest way to see it work
  scores serve    a server; it listens to the feed of SCORES_FEED, which is a public
                  one unless you name another: --feed off listens to none
  scores feed     a simulated feed by itself, which also misbehaves on request
  scores openapi  the API, described for programs
  scores copy     what one store has, put into another

The other commands ask a server that runs, at SCORES_URL or --url.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command, and gives its exit status."""
    words = [*(sys.argv[1:] if argv is None else argv)]
    try:
        # It is named nowhere: neither in the help nor among the commands that there are.
        parser = serving.worker_parser() if words[:1] == ["worker"] else _parser()
        arguments = parser.parse_args(words[1:] if words[:1] == ["worker"] else words)
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return 130
    except (ScoresError, OSError) as exc:
        return _failed(exc)
    return status


def _failed(exc: ScoresError | OSError) -> int:
    """Says what went wrong, and gives the exit status."""
    if isinstance(exc, ScoresError):
        if not isinstance(exc, WorkerRefused):  # which has said it
            error(str(exc))
        return 2 if isinstance(exc, ConfigError) and not exc.passing else 1
    # Of all that a command uses, only the output raises the system's own errors.
    status = nobody_reads()
    if isinstance(exc, BrokenPipeError):
        return status
    error(f"cannot write the output: {exc.strerror}")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="scores", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"scores {scores.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    serving.add_commands(commands)
    asking.add_commands(commands)
    importing.add_commands(commands)
    describing.add_commands(commands)
    copying.add_commands(commands)
    return parser
