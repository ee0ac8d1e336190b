"""The rate and the latency of `POST /scores`, one request after the other.

The rule: the requests of one connection are strictly sequential, so that nothing is hidden by overlap,
and a figure counts only when every answer was 200 and the last mean is the exact one.
"""

import json
from collections.abc import Sequence
from time import perf_counter_ns, process_time_ns
from typing import Final

from benchmarks.connection import Connection, open_connection
from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.progress import Progress
from benchmarks.results import Row
from benchmarks.server import serving
from scores.models import MAX_MARK

__all__ = ["METHOD", "post_to_stores", "post_to_url"]

METHOD: Final = (
    "k sequential POST /scores of one UUID, with the scores 0 to 5 in turn, on one keep-alive connection,"
    " from a blocking socket in one process to a server in another, on the same machine. Latency: from the"
    " send call to the last byte of the answer. client_cpu_us: what the load generator itself takes of"
    " each request. mean_exact: the last answer states the exact mean."
)

_OK: Final = 200
_NOT_FOUND: Final = 404
_MARKS: Final = MAX_MARK + 1
_UUID: Final = "a1-b1"
_BATCH: Final = 1000


def post_to_stores(stores: Sequence[str], *, requests: int) -> list[Row]:
    """The figures of a new server on each store."""
    rows: list[Row] = []
    for store in stores:
        with serving(store) as address:
            rows.append({"store": store, **_measure(address, requests, name=f"post, {store}")})
    return rows


def post_to_url(url: str, *, requests: int) -> list[Row]:
    """The figures of a server that is running; nobody else may give scores to the UUID meanwhile."""
    return [{"url": url, **_measure(url, requests, name=f"post, {url}")}]


def _measure(url: str, requests: int, *, name: str) -> Row:
    with open_connection(url) as connection:
        count, total = _stored(connection)
        times = _Times()
        wall, cpu = perf_counter_ns(), process_time_ns()
        _post(connection, requests, times, name)
        wall, cpu = perf_counter_ns() - wall, process_time_ns() - cpu
    mean = (total + _sum(requests)) / (count + requests)
    return {
        "requests": requests,
        "requests_per_s": round(requests / wall * 1e9),
        "p50_us": times.latency.percentile(50) / 1000,
        "p99_us": times.latency.percentile(99) / 1000,
        "max_us": times.latency.worst / 1000,
        "client_cpu_us": round(cpu / requests / 1000, 1),
        "errors": times.errors,
        "mean_exact": times.mean == mean,
        "passed": times.errors == 0 and times.mean == mean,
    }


class _Times:
    """What is kept of the answers: the same few kilobytes for any number of them."""

    def __init__(self) -> None:
        self.latency = Histogram()
        self.errors = 0
        self.mean: float | None = None
        """What the last answer says."""


def _post(connection: Connection, requests: int, times: _Times, name: str) -> None:
    bodies = [json.dumps({"UUID": _UUID, "score": score}).encode() for score in range(_MARKS)]
    ready = [connection.request("POST", "/scores", body) for body in bodies]
    ask, record, answer = connection.ask, times.latency.record, None
    with Progress(name, requests) as progress:
        for number in range(requests):
            start = perf_counter_ns()
            answer = ask(ready[number % _MARKS])
            record(perf_counter_ns() - start)
            if answer.status != _OK:
                times.errors += 1
            if number % _BATCH == 0:
                progress.reached(number)
    if answer is not None and answer.status == _OK:
        times.mean = json.loads(answer.body)["mean"]


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
