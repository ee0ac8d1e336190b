"""How long a request waits while the store grows: over HTTP, at half of what the server can take.

The rule: every request creates an inspector, and is due at its time: what a growing dictionary holds up
is waited for by all that come meanwhile, and none of it is hidden.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Final

from benchmarks.command import Command, positive
from benchmarks.connection import open_connection
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.ids import uuids
from benchmarks.load.answers import Answers
from benchmarks.load.messages import post, posts
from benchmarks.load.own import send_all
from benchmarks.load.steady import send_steadily
from benchmarks.peers.installed import versions
from benchmarks.peers.process import running
from benchmarks.peers.table import PEERS
from benchmarks.progress import Progress
from benchmarks.results import Row
from benchmarks.server import Server, serving
from benchmarks.turns import turns
from scores.settling import settle

__all__ = ["COMMAND", "measure_growth"]

_METHOD: Final = (
    "A new server's highest rate of POST /scores is found, each for a new UUID of 36 characters, by the"
    " benchmarks' own client, whose connections send their next request when the last is answered. Three"
    " other new servers are then sent half of that rate, each request at its time whatever became of those"
    " before it; its latency counts from then on. new ids: each request creates an inspector. known ids:"
    " the same on another server for a thousand ids, each of which is created once, so that nothing grows."
    " nginx: the same for one that answers a constant of the same size, which is what the machine and the"
    " client do to any server. They take turns of two seconds on the same core, four of new ids for one"
    " of each other, so that what the machine does meanwhile meets them all; a figure is of all turns of"
    " its load together. due_per_s: what was sent; requests_per_s: what was answered."
)

_STORES: Final = ("sharded",)
_MARKS: Final = 6
_LOAD: Final = 0.5
_PROBE: Final = 0.1
"""The share of the keys that the highest rate is found with."""
_TURN: Final = 2.0
"""Seconds of a turn. All are alike: what a slow moment holds up adds up until the turn is over."""
_SHARE: Final = 4
"""Turns of the load under which the store grows, for one of each other."""

_NEW: Final = "new ids"
_KNOWN: Final = "known ids"
_NGINX: Final = "nginx"


@dataclass(slots=True)
class _Load:
    """What one of the servers is sent, and what has come of it so far."""

    server: Server
    requests: Iterator[bytes]
    times: Histogram = field(default_factory=Histogram)
    errors: int = 0
    seconds: float = 0.0

    def take_turn(self, count: int, rate: float, connections: int) -> None:
        """Sends so many of the requests, or what is left of them."""
        requests = islice(self.requests, count)
        errors, seconds = send_steadily(
            self.server.address, requests, rate=rate, connections=connections, times=self.times
        )
        self.errors += errors
        self.seconds += seconds

    def answers(self) -> Answers:
        """What came of all turns."""
        return Answers.of(self.times, errors=self.errors, seconds=self.seconds)


def measure_growth(stores: Sequence[str], *, keys: int, connections: int) -> list[Row]:
    """The figures of a server on each store, and of the loads beside it."""
    rows: list[Row] = []
    for store in stores:
        highest = _highest(store, max(int(keys * _PROBE), connections), connections)
        rows += _measure(store, keys, connections, highest)
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


def _measure(store: str, keys: int, connections: int, highest: float) -> Iterator[Row]:
    rate = highest * _LOAD
    rounds = max(round(keys / rate / _TURN / _SHARE), 1)
    turn = -(-keys // (rounds * _SHARE))
    about = {"store": store, "keys": keys, "connections": connections}
    with ExitStack() as servers:
        loads = _start(servers, store, keys)
        order = [_NEW] * _SHARE + [name for name in loads if name != _NEW]
        # A full collection of what the client consists of takes 30 ms, which the servers would be blamed for.
        settle()
        with on_core(cores().client), Progress("growth, turns", rounds * len(order)) as progress:
            for done, name in enumerate(turns(order, rounds)):
                progress.reached(done)
                loads[name].take_turn(turn, rate, connections)
        _check(loads[_NEW].server, keys)
    for name in (_NEW, _KNOWN, _NGINX):
        if name in loads:
            yield {"load": name, **about, **_figures(loads[name].answers(), highest, rate)}
        else:
            yield {"load": name, **about, "status": "not installed"}


def _start(servers: ExitStack, store: str, keys: int) -> dict[str, _Load]:
    """The servers, and what each is to be sent."""
    growing, known = servers.enter_context(serving(store)), servers.enter_context(serving(store))
    loads = {
        _NEW: _Load(growing, _requests(growing, keys)),
        _KNOWN: _Load(known, cycle(posts(known.address))),
    }
    if versions(PEERS[_NGINX]) is not None:
        nginx = servers.enter_context(running(PEERS[_NGINX]))
        loads[_NGINX] = _Load(nginx, cycle(posts(nginx.address)))
    return loads


def _figures(answers: Answers, highest: float, rate: float) -> Row:
    return {
        "status": "measured",
        "requests": answers.requests,
        "highest_per_s": round(highest),
        "due_per_s": round(rate),
        "requests_per_s": round(answers.requests / answers.seconds),
        "p50_us": answers.p50_us,
        "p99_us": answers.p99_us,
        "p99_9_us": answers.p99_9_us,
        "max_us": answers.max_us,
        "errors": answers.errors,
        "passed": not answers.errors,
    }


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
