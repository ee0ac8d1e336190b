"""The store in a file: its rate beside that of `dict`, what a shared commit gains, and how soon it is open.

The rule: contenders take turns, and a figure counts only when the file has every score that was acknowledged.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from typing import Final

from benchmarks.command import Command, positive
from benchmarks.errors import BenchmarkError
from benchmarks.post import post_to_stores
from benchmarks.results import Row
from benchmarks.turns import ratio, run, turns
from scores.models import Inspector, Score
from scores.stores import Store, open_store

__all__ = ["COMMAND", "measure_durable"]

_METHOD: Final = (
    "Contenders take turns, round by round; a figure is the median of the rounds, a ratio one of two medians."
    " The file is in the directory for temporary files; fsync_us: the median time of fdatasync after 8 KiB"
    " were written there. post: POST /scores on so many connections, as the command post measures it, to a"
    " new server on sqlite, beside one on dict; cpu_us: what its process takes of a core for a request. add:"
    " so many callers in one process on one event loop, each awaiting Store.add of one score of 1,000 UUIDs"
    " before it calls again: as they come, beside one at a time, each with a commit of its own; commits: of"
    " the former. worst_ms: the slowest answer of all rounds (post), the slowest batch (add). open: a file"
    " with so many inspectors, closed as it should be, from the call to the store that it gives, and with"
    " check=full."
)

_UUIDS: Final = 1000
_FILLED_AT_ONCE: Final = 4096
_WRITTEN: Final = 8192
_WRITES: Final = 100


class _Batches:
    """Counts the commits."""

    def __init__(self) -> None:
        self.count = 0
        self.worst = 0.0

    def start(self) -> float:
        return monotonic()

    def sent(self, _requests: int, started: float) -> None:
        self.count += 1
        self.worst = max(self.worst, monotonic() - started)

    def failed(self) -> None:
        """None does."""

    def refused(self) -> None:
        """None is."""


def measure_durable(
    *, requests: int, connections: int, writers: Sequence[int], seconds: int, rounds: int, keys: int
) -> list[Row]:
    """The figures of all three parts."""
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        rows: list[Row] = [_posts(folder, requests, connections, rounds)]
        rows += [_adding(folder, number, seconds, rounds) for number in writers]
        return [*rows, _opening(folder, keys, rounds)]


def _posts(folder: Path, requests: int, connections: int, rounds: int) -> Row:
    rates: dict[str, list[float]] = {"dict": [], "sqlite": []}
    cpu: dict[str, list[float]] = {"dict": [], "sqlite": []}
    worst = 0.0
    for number, name in enumerate(turns(list(rates), rounds)):
        store = name if name == "dict" else f"sqlite:{folder}/post{number}.db"
        (row,) = post_to_stores([store], requests=requests, connections=connections)
        if not row["passed"]:
            raise BenchmarkError(f"the server on {name} does not have every score")
        rates[name].append(float(str(row["requests_per_s"])))
        cpu[name].append(float(str(row["server_cpu"] or 0)) / rates[name][-1] * 1e6)
        if name == "sqlite":
            worst = max(worst, float(str(row["max_us"])))
    return {
        "part": "post",
        "callers": connections,
        "per_s": round(median(rates["sqlite"])),
        "beside_per_s": round(median(rates["dict"])),
        "ratio": ratio(rates["sqlite"], rates["dict"]),
        "cpu_us": round(median(cpu["sqlite"]), 1),
        "beside_cpu_us": round(median(cpu["dict"]), 1),
        "worst_ms": round(worst / 1000, 1),
        "fsync_us": _fsync_us(folder),
        "load_average": os.getloadavg()[0],
        "rounds": rates,
    }


def _adding(folder: Path, writers: int, seconds: int, rounds: int) -> Row:
    rates: dict[str, list[float]] = {"grouped": [], "alone": []}
    commits, worst = list[float](), 0.0
    for number, name in enumerate(turns(list(rates), rounds)):
        url = f"sqlite:{folder}/{writers}-{number}.db"
        rate, batches = run(_add(url, writers, seconds, grouped=name == "grouped"))
        rates[name].append(rate)
        if name == "grouped":
            commits.append(batches.count / seconds)
            worst = max(worst, batches.worst)
    return {
        "part": "add",
        "callers": writers,
        "per_s": round(median(rates["grouped"])),
        "beside_per_s": round(median(rates["alone"])),
        "ratio": ratio(rates["grouped"], rates["alone"]),
        "worst_ms": round(worst * 1000, 1),
        "commits_per_s": round(median(commits)),
        "fsync_us": _fsync_us(folder),
        "load_average": os.getloadavg()[0],
        "rounds": rates,
    }


async def _add(url: str, writers: int, seconds: int, *, grouped: bool) -> tuple[float, _Batches]:
    batches, turn = _Batches(), asyncio.Lock()
    async with open_store(url) as store:
        store.observe(reads=_Batches(), writes=batches)  # type: ignore[attr-defined]  # ours has it
        begun = perf_counter()
        end = begun + seconds

        async def call(number: int) -> int:
            done = 0
            while perf_counter() < end:
                score = Score(f"a{(number + done * writers) % _UUIDS}-b1", done % 6)
                if grouped:
                    (answer,) = await store.add((score,))
                else:
                    async with turn:
                        (answer,) = await store.add((score,))
                done += isinstance(answer, Inspector)
            return done

        counts = await asyncio.gather(*map(call, range(writers)))
        taken = perf_counter() - begun
        if sum(counts) != await _stored(store):
            raise BenchmarkError("the store does not have every score that was acknowledged")
    return sum(counts) / taken, batches


async def _stored(store: Store) -> int:
    return sum(inspector.count for inspector in (await store.inspectors(limit=_UUIDS)).items)


def _opening(folder: Path, keys: int, rounds: int) -> Row:
    url = f"sqlite:{folder}/open.db"
    run(_fill(url, keys))
    times: dict[str, list[float]] = {"auto": [], "full": []}
    for name in turns(list(times), rounds):
        times[name].append(run(_open(f"{url}?check={name}", keys)))
    return {
        "part": "open",
        "keys": keys,
        "ms": round(median(times["auto"]) * 1000, 1),
        "full_ms": round(median(times["full"]) * 1000, 1),
        "bytes_per_key": round((folder / "open.db").stat().st_size / keys, 1),
        "load_average": os.getloadavg()[0],
        "rounds": times,
    }


async def _fill(url: str, keys: int) -> None:
    async with open_store(url) as store:
        for at in range(0, keys, _FILLED_AT_ONCE):
            some = range(at, min(at + _FILLED_AT_ONCE, keys))
            # Ids of the length of UUIDs, in their order: how they came to be there is not what is measured.
            inspectors = [Inspector(f"{number:036x}", 3, 12) for number in some]
            await store.restore(inspectors)  # type: ignore[attr-defined]  # ours has it


async def _open(url: str, keys: int) -> float:
    begun = perf_counter()
    async with open_store(url) as store:
        taken = perf_counter() - begun
        if (await store.inspectors(limit=1)).total != keys:
            raise BenchmarkError("the store does not have every inspector")
    return taken


def _fsync_us(folder: Path) -> float:
    """The median time of fdatasync after a small write in the directory."""
    times = []
    with (folder / "probe").open("wb", buffering=0) as probe:
        for _ in range(_WRITES):
            probe.write(bytes(_WRITTEN))
            begun = perf_counter()
            os.fdatasync(probe.fileno())
            times.append(perf_counter() - begun)
    return round(median(times) * 1e6, 1)


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "-k",
        dest="requests",
        type=positive,
        default=100_000,
        metavar="K",
        help="requests of a turn (%(default)s)",
    )
    add("-c", dest="connections", type=positive, default=32, metavar="C", help="connections (%(default)s)")
    add(
        "--writers", type=positive, nargs="+", default=[32, 256, 1024], help="callers at once (32, 256, 1024)"
    )
    add("--seconds", type=positive, default=3, help="of each turn of add (%(default)s)")
    add("--rounds", type=positive, default=5, help="turns that each contender takes (%(default)s)")
    add(
        "--keys", type=positive, default=1_000_000, help="inspectors of the file that is opened (%(default)s)"
    )


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_durable(
        requests=arguments.requests,
        connections=arguments.connections,
        writers=arguments.writers,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        keys=arguments.keys,
    )


COMMAND: Final = Command(
    name="durable",
    about="the store in a file: beside dict, commits that are shared, opening",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("-k", "100", "-c", "3", "--writers", "4", "--seconds", "1", "--rounds", "1", "--keys", "2000"),
)
