"""The rate of `POST /scores` with few inspectors and with many, over HTTP.

The rule: the servers stand side by side, filled, and one at a time is loaded, in turns. What a write
costs within the process is measured by `stores`.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from benchmarks.command import EMBEDDED, Command, add_client, add_connections, add_rounds, add_store, positive
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.ids import short
from benchmarks.lines import NDJSON
from benchmarks.load.load import BOTTLENECK, Load, figures, load
from benchmarks.load.messages import post
from benchmarks.results import Row
from benchmarks.server import Server, serving
from benchmarks.turns import ratio, turns

__all__ = ["COMMAND", "Plan", "measure_keys"]

_KEYS: Final = (1_000, 10_000_000)
_ASKED: Final = 100_000
"""At most so many of the keys are posted to: what a client keeps ready."""
_LINES: Final = 10_000
_MARKS: Final = 6
_WARM_UP: Final = 1

_METHOD: Final = (
    "Servers on each store hold so many inspectors, with ids like a1234-b567, that were sent as NDJSON. Then"
    f" POST /scores is sent for up to {_ASKED:,} of them, taken evenly from all, each connection sending its"
    " next request when the last is answered. to_fewest: the ratio to the server that holds the fewest."
    " Servers take turns, and every turn begins with a second that is not counted; figures are medians of"
    " the rounds. " + BOTTLENECK + "."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, how long, and with what."""

    stores: Sequence[str]
    keys: Sequence[int]
    client: str
    connections: Sequence[int]
    seconds: int
    rounds: int


def measure_keys(plan: Plan) -> list[Row]:
    """A row for each store, number of connections and number of keys."""
    return [row for store in plan.stores for row in _measure(store, plan)]


def _measure(store: str, plan: Plan) -> Iterator[Row]:
    with ExitStack() as stack:
        servers = {keys: stack.enter_context(serving(store)) for keys in sorted(plan.keys)}
        for keys, server in servers.items():
            _fill(server.address, keys)
        for connections in plan.connections:
            yield from _compare({"store": store, "connections": connections}, servers, plan, connections)


def _compare(about: Row, servers: Mapping[int, Server], plan: Plan, connections: int) -> Iterator[Row]:
    def turn(keys: int, seconds: int) -> Load:
        server = servers[keys]
        return load(
            plan.client,
            server.address,
            requests[keys],
            connections=connections,
            seconds=seconds,
            pid=server.pid,
        )

    requests = {keys: _requests(server.address, keys) for keys, server in servers.items()}
    names = {str(keys): keys for keys in servers}
    taken: dict[int, list[Load]] = {keys: [] for keys in servers}
    for name in turns(list(names), plan.rounds):
        turn(names[name], _WARM_UP)
        taken[names[name]].append(turn(names[name], plan.seconds))
    rates = {keys: [one.requests_per_s for one in loads] for keys, loads in taken.items()}
    for keys, loads in taken.items():
        to_fewest = ratio(rates[keys], rates[min(rates)])
        yield {**about, "client": plan.client, "keys": keys, "to_fewest": to_fewest, **figures(loads)}


def _requests(address: str, keys: int) -> list[bytes]:
    step = max(keys // _ASKED, 1)
    chosen = islice(short(keys), 0, None, step)
    return [post(address, uuid, number % _MARKS) for number, uuid in enumerate(islice(chosen, _ASKED))]


def _fill(address: str, keys: int) -> None:
    parts = urlsplit(address)
    headers = {"Content-Type": NDJSON, "Prefer": "return=minimal"}
    connection = HTTPConnection(parts.hostname or "", parts.port)
    try:
        with on_core(cores().client):
            connection.request("POST", "/scores", _lines(keys), headers, encode_chunked=True)
            answer = json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError) as exc:
        raise BenchmarkError(f"the request to {address} failed: {exc}") from exc
    finally:
        connection.close()
    if answer.get("accepted") != keys:
        raise BenchmarkError(f"{address} refused what it was to be filled with: {answer}")


def _lines(keys: int) -> Iterator[bytes]:
    """A score of 3 for each key, in chunks."""
    ids = short(keys)
    while chunk := b"".join(b'{"UUID":"%b","score":3}\n' % uuid.encode() for uuid in islice(ids, _LINES)):
        yield chunk


def _options(command: argparse.ArgumentParser) -> None:
    add_store(command)
    add_client(command)
    add_connections(command, 32)
    add_rounds(command, seconds=3, rounds=5)
    shown = ", ".join(f"{keys:,}" for keys in _KEYS)
    command.add_argument(
        "--keys", nargs="+", type=positive, default=_KEYS, metavar="K", help=f"inspectors held ({shown})"
    )


def _run(arguments: argparse.Namespace) -> list[Row]:
    plan = Plan(
        stores=arguments.store or EMBEDDED,
        keys=arguments.keys,
        client=arguments.client,
        connections=arguments.connections,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
    )
    return measure_keys(plan)


COMMAND: Final = Command(
    name="keys",
    about="the rate with few inspectors and with many",
    method=_METHOD,
    options=_options,
    run=_run,
    awake=True,
    tiny=("--store", "dict", "--keys", "10", "1000", "--seconds", "1", "--rounds", "1"),
)
