"""The rate and the latency of `POST /scores`: one request after the other, or on several connections.

The rule: the requests of one connection are strictly sequential, so that nothing is hidden by overlap,
and a figure counts only when every answer was a success and the server has every score, exactly.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import cycle, islice
from time import perf_counter, perf_counter_ns, process_time
from typing import Final

from benchmarks.command import EMBEDDED, Command, add_store, positive
from benchmarks.connection import Connection, open_connection
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.load.answers import Answers
from benchmarks.load.load import BOTTLENECK, bottleneck
from benchmarks.load.own import send_all
from benchmarks.progress import Progress
from benchmarks.results import Row
from benchmarks.server import serving
from benchmarks.usage import cpu_seconds
from scores.models import MAX_MARK

__all__ = ["COMMAND", "post_to_stores", "post_to_url"]

_METHOD: Final = (
    "k POST /scores of one UUID, with the scores 0 to 5 in turn, from one process to a server in another, on"
    " the same machine: on one keep-alive connection from a blocking socket, or on several from the"
    " benchmarks' own client; a connection sends its next request when the last is answered. Latency: from"
    " the send call to the last byte of the answer, in a histogram of fixed size whose percentiles are at"
    " most 0.8 % too high. client_cpu_us: what the load generator itself takes of each request. mean_exact:"
    " in the end the server states the exact count and mean. " + BOTTLENECK + "."
)

_OK: Final = 200
_NOT_FOUND: Final = 404
_ERROR: Final = 400
_MARKS: Final = MAX_MARK + 1
_UUID: Final = "a1-b1"
_BATCH: Final = 1000


def post_to_stores(stores: Sequence[str], *, requests: int, connections: int) -> list[Row]:
    """The figures of a new server on each store."""
    rows: list[Row] = []
    for store in stores:
        with serving(store) as server:
            figures = _measure(server.address, requests, connections, name=f"post, {store}", pid=server.pid)
            rows.append({"store": store, **figures})
    return rows


def post_to_url(url: str, *, requests: int, connections: int) -> list[Row]:
    """The figures of a server that is running; nobody else may give scores to the UUID meanwhile."""
    return [{"url": url, **_measure(url, requests, connections, name=f"post, {url}", pid=None)}]


def _measure(url: str, requests: int, connections: int, *, name: str, pid: int | None) -> Row:
    with open_connection(url) as connection, on_core(cores().client):
        before = _stored(connection)
        ready = _ready(connection)
        wall, cpu, server = perf_counter(), process_time(), _cpu(pid)
        with Progress(name, requests) as progress:
            if connections == 1:
                answers = _post(connection, ready, requests, progress)
            else:
                sequence = islice(cycle(ready), requests)
                answers = send_all(url, sequence, connections=connections, progress=progress)
        wall, cpu, server = perf_counter() - wall, process_time() - cpu, _cpu(pid) - server
        exact = _stored(connection) == (before[0] + requests, before[1] + _sum(requests))
    return {
        "connections": connections,
        **_figures(answers),
        **_shares(cpu, wall, server / wall if pid is not None else None, requests),
        "errors": answers.errors,
        "mean_exact": exact,
        "passed": exact and not answers.errors,
    }


def _cpu(pid: int | None) -> float:
    return (cpu_seconds(pid) or 0.0) if pid is not None else 0.0


def _figures(answers: Answers) -> Row:
    return {
        "requests": answers.requests,
        "requests_per_s": round(answers.requests / answers.seconds),
        "p50_us": answers.p50_us,
        "p90_us": answers.p90_us,
        "p99_us": answers.p99_us,
        "p99_9_us": answers.p99_9_us,
        "max_us": answers.max_us,
    }


def _shares(cpu: float, wall: float, server: float | None, requests: int) -> Row:
    return {
        "client_cpu_us": round(cpu / requests * 1e6, 1),
        "client_cpu": round(cpu / wall, 2),
        "server_cpu": server and round(server, 2),
        "bottleneck": bottleneck(cpu / wall, server),
    }


def _ready(connection: Connection) -> list[bytes]:
    bodies = [json.dumps({"UUID": _UUID, "score": score}).encode() for score in range(_MARKS)]
    return [connection.request("POST", "/scores", body) for body in bodies]


def _post(connection: Connection, ready: Sequence[bytes], requests: int, progress: Progress) -> Answers:
    times, errors = Histogram(), 0
    ask, record, wall = connection.ask, times.record, perf_counter()
    for number in range(requests):
        start = perf_counter_ns()
        answer = ask(ready[number % _MARKS])
        record(perf_counter_ns() - start)
        if answer.status >= _ERROR:
            errors += 1
        if number % _BATCH == 0:
            progress.reached(number)
    return Answers.of(times, errors=errors, seconds=perf_counter() - wall)


def _stored(connection: Connection) -> tuple[int, int]:
    """How many scores the server has of the UUID, and their sum."""
    answer = connection.ask(connection.request("GET", f"/inspectors/{_UUID}"))
    if answer.status == _NOT_FOUND:
        return 0, 0
    if answer.status != _OK:
        raise BenchmarkError(f"GET /inspectors/{_UUID} was answered with {answer.status}")
    inspector = json.loads(answer.body)
    # The nearest double to the mean is near enough to give the integer sum back.
    return inspector["count"], round(inspector["mean"] * inspector["count"])


def _sum(requests: int) -> int:
    """The sum of the scores sent: 0 to 5 in turn."""
    rounds, rest = divmod(requests, _MARKS)
    return rounds * sum(range(_MARKS)) + sum(range(rest))


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("-k", dest="requests", type=positive, default=100_000, metavar="K", help="requests (%(default)s)")
    add("-c", dest="connections", type=positive, default=1, metavar="C", help="connections (%(default)s)")
    server = command.add_mutually_exclusive_group()
    add_store(server)
    server.add_argument("--url", help="a server that is running, http://host:port, instead of one's own")


def _run(arguments: argparse.Namespace) -> list[Row]:
    if arguments.url:
        return post_to_url(arguments.url, requests=arguments.requests, connections=arguments.connections)
    stores = arguments.store or EMBEDDED
    return post_to_stores(stores, requests=arguments.requests, connections=arguments.connections)


COMMAND: Final = Command(
    name="post",
    about="sequential POSTs: rate and latency",
    method=_METHOD,
    options=_options,
    run=_run,
    awake=True,
    tiny=("-k", "100", "-c", "3"),
)
