"""What it costs a store to take in new inspectors: memory, and time, write by write.

The rule: it runs in a process of its own, with the collector at its defaults, and keeps nothing but two
histograms, so that all that the process grows by is the store. An embedded store never suspends, so
`await` runs a write to its end without the event loop.
"""

import asyncio
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice, takewhile
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Final

from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.ids import KINDS
from benchmarks.progress import Progress
from scores.models import MAX_MARK, Score
from scores.stores import Store, open_store

__all__ = ["Creation", "create"]

_BATCH: Final = 4096
_FIRST_POWER: Final = 3


@dataclass(frozen=True, slots=True)
class Creation:
    """What was measured: times in nanoseconds, memory in bytes."""

    seconds_in_writes: float
    bytes_grown: int
    bytes_grown_at_peak: int
    worst: int
    worst_at: int
    """How many inspectors there were before the slowest write."""
    p99_99: int
    worst_cpu: int
    worst_cpu_at: int
    p99_99_cpu: int
    rates: list[tuple[int, float]]
    """Up to each power of ten from a thousand, and to all: the keys, and writes a second since the last."""
    preemptions: int
    """How often the kernel gave this process' core to another one meanwhile."""


def create(store: str, ids: str, keys: int) -> Creation:
    """Fills an empty store with this number of inspectors, whose ids are of this kind."""
    return asyncio.run(_create(store, ids, keys))


async def _create(url: str, ids: str, keys: int) -> Creation:
    wall, cpu, name = Histogram(), Histogram(), f"stores, {url}, {ids} ids"
    async with open_store(url) as store:
        with Progress(name, keys) as progress:
            resident, preemptions = _resident(), _preemptions()
            rates = await _fill(store, KINDS[ids](keys), _marks(keys), wall, cpu, progress)
            preemptions = _preemptions() - preemptions
            grown = _resident() - resident
        await _check(store, keys)
    return Creation(
        seconds_in_writes=wall.total / 1e9,
        bytes_grown=grown,
        bytes_grown_at_peak=max(_peak() - resident, grown),
        worst=wall.worst,
        worst_at=wall.worst_at,
        p99_99=wall.percentile(99.99),
        worst_cpu=cpu.worst,
        worst_cpu_at=cpu.worst_at,
        p99_99_cpu=cpu.percentile(99.99),
        rates=rates,
        preemptions=preemptions,
    )


def _marks(keys: int) -> list[int]:
    powers = takewhile(lambda mark: mark < keys, (10**exponent for exponent in count(_FIRST_POWER)))
    return [*powers, keys]


async def _fill(
    store: Store,
    ids: Iterator[str],
    marks: Sequence[int],
    wall: Histogram,
    cpu: Histogram,
    progress: Progress,
) -> list[tuple[int, float]]:
    """Creates inspectors up to the last mark; the rates from each mark to the next."""
    rates: list[tuple[int, float]] = []
    for mark in marks:
        done, taken = wall.count, wall.total
        await _create_some(store, islice(ids, mark - done), wall, cpu, progress)
        rates.append((mark, (mark - done) / (wall.total - taken) * 1e9))
    return rates


async def _create_some(
    store: Store, ids: Iterator[str], wall: Histogram, cpu: Histogram, progress: Progress
) -> None:
    add, record_wall, record_cpu = store.add, wall.record, cpu.record
    for number, uuid in enumerate(ids):
        score = Score(uuid, number % (MAX_MARK + 1))
        cpu_start, start = thread_time_ns(), perf_counter_ns()
        await add([score])
        end, cpu_end = perf_counter_ns(), thread_time_ns()
        record_wall(end - start)
        record_cpu(cpu_end - cpu_start)
        if number % _BATCH == 0:
            progress.reached(wall.count)


async def _check(store: Store, keys: int) -> None:
    total = (await store.inspectors(limit=1)).total
    if total != keys:
        raise BenchmarkError(f"the store holds {total} inspectors instead of {keys}")


def _resident() -> int:
    """The memory that the process has now, in bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _preemptions() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _peak() -> int:
    """The most memory that the process ever had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
