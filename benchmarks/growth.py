"""How long a request waits while the store grows: over HTTP, at half of what the server can take.

The rule: every request creates an inspector, and is due at its time: what a growing dictionary holds up
is waited for by all that come meanwhile, and none of it is hidden.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import Final

from benchmarks.command import Command, positive
from benchmarks.connection import open_connection
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.ids import uuids
from benchmarks.load.answers import Answers
from benchmarks.load.messages import post, posts
from benchmarks.load.own import send_all
from benchmarks.load.steady import send_steadily
from benchmarks.progress import Progress
from benchmarks.results import Row
from benchmarks.server import Server, serving

__all__ = ["COMMAND", "measure_growth"]

_METHOD: Final = (
    "A new server's highest rate of POST /scores is found, each for a new UUID of 36 characters, by the"
    " benchmarks' own client, whose connections send their next request when the last is answered. Another"
    " new server is then sent half of that rate, each request at its time whatever became of those before"
    " it; its latency counts from then on. due_per_s: what was sent; requests_per_s: what was answered."
    " known_…: the same at the same rate for a tenth of the requests and a thousand ids, of which each is"
    " created once: what the machine does to a load under which nothing grows."
)

_STORES: Final = ("sharded",)
_MARKS: Final = 6
_LOAD: Final = 0.5
_PROBE: Final = 0.1
"""The share of the keys that the highest rate is found with."""


def measure_growth(stores: Sequence[str], *, keys: int, connections: int) -> list[Row]:
    """The figures of a server on each store."""
    rows: list[Row] = []
    for store in stores:
        highest = _highest(store, max(int(keys * _PROBE), connections), connections)
        rows.append({"store": store, "keys": keys, **_measure(store, keys, connections, highest)})
    return rows


def _highest(store: str, keys: int, connections: int) -> float:
    with (
        serving(store) as server,
        on_core(cores().client),
        Progress("growth, highest rate", keys) as progress,
    ):
        requests = _requests(server, keys)
        answers = send_all(server.address, requests, connections=connections, progress=progress)
    return answers.requests / answers.seconds


def _measure(store: str, keys: int, connections: int, highest: float) -> Row:
    rate = highest * _LOAD
    with serving(store) as server, on_core(cores().client), Progress("growth", keys) as progress:
        answers = send_steadily(
            server.address, _requests(server, keys), rate=rate, connections=connections, progress=progress
        )
        _check(server, keys)
    known = _measure_known(store, max(int(keys * _PROBE), connections), connections, rate)
    return {
        "connections": connections,
        "highest_per_s": round(highest),
        "due_per_s": round(rate),
        "requests_per_s": round(answers.requests / answers.seconds),
        "p50_us": answers.p50_us,
        "p99_us": answers.p99_us,
        "p99_9_us": answers.p99_9_us,
        "max_us": answers.max_us,
        "known_p99_us": known.p99_us,
        "known_p99_9_us": known.p99_9_us,
        "known_max_us": known.max_us,
        "errors": answers.errors + known.errors,
        "passed": not answers.errors + known.errors,
    }


def _measure_known(store: str, count: int, connections: int, rate: float) -> Answers:
    with serving(store) as server, on_core(cores().client), Progress("growth, known ids", count) as progress:
        requests = islice(cycle(posts(server.address)), count)
        return send_steadily(server.address, requests, rate=rate, connections=connections, progress=progress)


def _requests(server: Server, keys: int) -> Iterator[bytes]:
    return (
        post(server.address, uuid, number % _MARKS) for number, uuid in enumerate(islice(uuids(keys), keys))
    )


def _check(server: Server, keys: int) -> None:
    with open_connection(server.address) as connection:
        answer = connection.ask(connection.request("GET", "/inspectors?limit=1"))
    if f'"total":{keys}'.encode() not in answer.body:
        raise BenchmarkError(f"the server does not hold {keys} inspectors: {answer.body[:200]!r}")


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--store", action="append", help=f"store's URL, may be repeated ({', '.join(_STORES)})")
    add("--keys", type=positive, default=1_000_000, help="inspectors to create (%(default)s)")
    add("-c", dest="connections", type=positive, default=32, metavar="C", help="connections (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_growth(arguments.store or _STORES, keys=arguments.keys, connections=arguments.connections)


COMMAND: Final = Command(
    name="growth",
    about="how long a request waits while keys are created",
    method=_METHOD,
    options=_options,
    run=_run,
    awake=True,
    tiny=("--keys", "1000"),
)
