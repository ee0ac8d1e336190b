"""How long a server takes from its start to its first answer.

The rule: a process that does nothing but start Python is timed as well, in turns, because that part is
nobody's to mend; the first round, for which the disk is read, is not counted.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Final

from benchmarks.command import EMBEDDED, Command, add_store, positive
from benchmarks.connection import open_connection
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.results import Row
from benchmarks.server import free_port, own_environ
from benchmarks.turns import turns

__all__ = ["COMMAND", "measure_startup"]

_METHOD: Final = (
    "`scores serve` without a feed is started on a given port, which is asked for GET /readyz every"
    " millisecond, on a new connection each time; ms: from before the process is started to the answer 200."
    " python: a process that ends at once, from before its start to its end. They take turns; figures are"
    " medians of the rounds, and the first round is not counted."
)

_PYTHON: Final = "python"
_OK: Final = 200
_POLL: Final = 0.001
_TIMEOUT: Final = 30.0


def measure_startup(stores: Sequence[str], *, rounds: int) -> list[Row]:
    """The figures of a server on each store, and of Python by itself."""
    names = [_PYTHON, *stores]
    taken: dict[str, list[float]] = {name: [] for name in names}
    for name in turns(names, rounds + 1):
        taken[name].append((_python() if name == _PYTHON else _serve(name)) * 1000)
    return [_figures(name, times[1:]) for name, times in taken.items()]


def _figures(name: str, times: Sequence[float]) -> Row:
    shown = [round(one, 1) for one in times]
    return {
        "what": name,
        "ms": round(median(times), 1),
        "low": min(shown),
        "high": max(shown),
        "rounds": shown,
    }


def _python() -> float:
    with on_core(cores().server):
        start = perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True)
        return perf_counter() - start


def _serve(store: str) -> float:
    port = free_port()
    environ = own_environ({"SCORES_FEED": "off", "SCORES_PORT": str(port), "SCORES_STORE": store})
    start = perf_counter()
    with on_core(cores().server):
        process = subprocess.Popen(
            [sys.executable, "-m", "scores", "serve"], env=environ, stderr=subprocess.DEVNULL
        )
    with process:
        try:
            _await_answer(f"http://127.0.0.1:{port}", process)
            return perf_counter() - start
        finally:
            process.terminate()


def _await_answer(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = monotonic() + _TIMEOUT
    while process.poll() is None and monotonic() < deadline:
        try:
            with open_connection(address) as connection:
                if connection.ask(connection.request("GET", "/readyz")).status == _OK:
                    return
        except BenchmarkError:
            # Nobody listens yet.
            sleep(_POLL)
    raise BenchmarkError(f"the server at {address} did not answer within {_TIMEOUT:g} s")


def _options(command: argparse.ArgumentParser) -> None:
    add_store(command)
    command.add_argument("--rounds", type=positive, default=9, help="starts of each (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_startup(arguments.store or EMBEDDED, rounds=arguments.rounds)


COMMAND: Final = Command(
    name="startup",
    about="from the start of a process to its first answer",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--store", "dict", "--rounds", "1"),
)
