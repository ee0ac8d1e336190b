"""Many scores in one request: how fast they are taken, what they cost, and whether others have to wait.

The rule: another process streams the request, first alone, and then while a second client posts single
scores, one after the other; a figure counts only when the store has every score of all.
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from statistics import median
from time import perf_counter_ns
from typing import Final

from benchmarks.command import EMBEDDED, Command, add_store, positive
from benchmarks.connection import Connection, open_connection
from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.lines import ANSWERS, NDJSON, Streamed, stream_lines
from benchmarks.load.messages import UUIDS
from benchmarks.reference import REFERENCE_METHOD, reference
from benchmarks.results import Row
from benchmarks.server import serving
from benchmarks.turns import ratio, turns
from benchmarks.usage import peak_bytes, resident_bytes

__all__ = ["COMMAND", "measure_bulk"]

_METHOD: Final = (
    f"One POST /scores of {NDJSON} with so many lines, scores of a thousand UUIDs in turn, is streamed by"
    " another process that reads the answer meanwhile: a line for each line, or with Prefer:"
    " return=minimal one for all. scores_per_s: from its first byte to the end of its answer. Then the"
    " same once more, while this process posts single scores on one connection, one after the other:"
    " beside_per_s: the stream's rate meanwhile; single_…: how long those waited; both clients share a"
    " core. grown_bytes: how far the highest resident memory of the server is above what it had before."
    " exact: the store has every score of all, and the server has answered every line. Figures are medians"
    f" of the rounds, each with a new server. All take turns. {REFERENCE_METHOD}"
)

_OTHER: Final = "other-1"
_OK: Final = 200


def measure_bulk(stores: Sequence[str], *, answers: Sequence[str], lines: int, rounds: int) -> list[Row]:
    """The figures of a server on each store."""
    taken: dict[tuple[str, str], list[dict[str, float]]] = {
        (store, asked): [] for store in stores for asked in answers
    }
    beside: list[float] = []
    with reference() as refer:
        for ours in turns([*taken, None], rounds):
            if ours is None:
                beside.append(refer())
            else:
                taken[ours].append(_measure(*ours, lines))
    return [
        {"store": store, "answers": asked, "lines": lines, **_figures(done, beside)}
        for (store, asked), done in taken.items()
    ]


def _measure(store: str, answers: str, lines: int) -> dict[str, float]:
    with serving(store) as server, open_connection(server.address) as connection, _client() as client:
        # A store outside of the server may have some already.
        before = _count(connection, UUIDS), _count(connection, [_OTHER])
        resident = resident_bytes(server.pid) or 0
        alone = client.submit(stream_lines, server.address, lines, answers=answers).result()
        under_way = client.submit(stream_lines, server.address, lines, answers=answers)
        with on_core(cores().client):
            singles = _post_meanwhile(connection, under_way)
        beside = under_way.result()
        peak = peak_bytes(server.pid) or 0
        after = _count(connection, UUIDS), _count(connection, [_OTHER])
    exact = (after[0] - before[0], after[1] - before[1]) == (2 * lines, singles.count)
    return {
        "scores_per_s": round(lines / alone.seconds),
        "beside_per_s": round(lines / beside.seconds),
        "grown_bytes": max(peak - resident, 0),
        "singles": singles.count,
        "single_p50_us": singles.percentile(50) / 1000,
        "single_p99_us": singles.percentile(99) / 1000,
        "single_max_us": singles.worst / 1000,
        "exact": exact and all(_is_whole(one, answers, lines) for one in (alone, beside)),
    }


def _is_whole(done: Streamed, answers: str, lines: int) -> bool:
    answered = done.answers == lines if answers == "lines" else done.answers <= lines
    return answered and done.status == _OK


def _figures(rounds: Sequence[dict[str, float]], beside: Sequence[float]) -> Row:
    exact = all(one["exact"] for one in rounds)
    medians = {name: median(one[name] for one in rounds) for name in rounds[0] if name != "exact"}
    to_aiohttp = ratio([one["scores_per_s"] for one in rounds], beside)
    return {
        **medians,
        "aiohttp_per_s": round(median(beside)),
        "to_aiohttp": to_aiohttp,
        "exact": exact,
        "passed": exact,
        "rounds": list(rounds),
    }


@contextmanager
def _client() -> Iterator[ProcessPoolExecutor]:
    """The other process, which is there before anything is timed."""
    # Not forked: a fork would share this process' connection.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(abs, 0).result()
        yield pool


def _post_meanwhile(connection: Connection, under_way: Future[Streamed]) -> Histogram:
    body = json.dumps({"UUID": _OTHER, "score": 3}).encode()
    request, times = connection.request("POST", "/scores", body), Histogram()
    while not (under_way.done() and times.count):
        start = perf_counter_ns()
        if connection.ask(request).status != _OK:
            raise BenchmarkError("a single score was refused while many came")
        times.record(perf_counter_ns() - start)
    return times


def _count(connection: Connection, uuids: Sequence[str]) -> int:
    """How many scores the server has of these."""
    answers = (connection.ask(connection.request("GET", f"/inspectors/{uuid}")) for uuid in uuids)
    return sum(json.loads(answer.body)["count"] for answer in answers if answer.status == _OK)


def _options(command: argparse.ArgumentParser) -> None:
    add_store(command)
    default = ", ".join(ANSWERS)
    command.add_argument(
        "--answers", action="append", choices=ANSWERS, help=f"what is asked for, may be repeated ({default})"
    )
    command.add_argument("--lines", type=positive, default=1_000_000, help="scores sent (%(default)s)")
    command.add_argument("--rounds", type=positive, default=3, help="new servers on each (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_bulk(
        arguments.store or EMBEDDED,
        answers=arguments.answers or tuple(ANSWERS),
        lines=arguments.lines,
        rounds=arguments.rounds,
    )


COMMAND: Final = Command(
    name="bulk",
    about="scores of one streamed request, and who waits meanwhile",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--store", "dict", "--lines", "2000", "--rounds", "1"),
)
