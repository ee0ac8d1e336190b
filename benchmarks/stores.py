"""The memory of a key, and the worst stall of a write, in each embedded store.

The rule: every measurement is a new process, and the machine's own noise is told apart from the store:
a write's time is taken by the wall clock and by the thread's CPU clock, which stands still while
another process runs, and of several rounds the median counts.
"""

import argparse
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from statistics import median
from typing import Final

from benchmarks.command import EMBEDDED, Command, add_store, positive
from benchmarks.creation import Creation, create
from benchmarks.errors import BenchmarkError
from benchmarks.ids import KINDS
from benchmarks.results import Row

__all__ = ["COMMAND", "measure_stores"]

_METHOD: Final = (
    "Inspectors are created one by one through Store.add, each round in a process of its own, with Python's"
    " garbage collector at its defaults; ids are made on the fly, in no order: short ones like a1234-b567,"
    " and 36-character ones like UUIDs. bytes_per_key: growth of the resident memory, divided by the keys;"
    " peak_bytes_per_key: the same at its highest. A write's time includes two readings of the clocks."
    " worst_ms and p99_99_us: wall clock; worst_cpu_ms and p99_99_cpu_us: CPU time of the thread, without"
    " the time slices that other processes took. Every figure is the median of the rounds."
    " writes_per_s: keys by the time inside of writes; to_1000_per_s and so on: the same of the keys up to"
    " that number, from the power of ten before it."
)


def measure_stores(stores: Sequence[str], *, ids: Sequence[str], keys: int, rounds: int) -> list[Row]:
    """The figures of each store with each kind of ids."""
    return [
        _figures([_in_a_process(store, kind, keys) for _ in range(rounds)], store=store, ids=kind, keys=keys)
        for store in stores
        for kind in ids
    ]


def _in_a_process(store: str, ids: str, keys: int) -> Creation:
    # Not forked: a fork would start with the memory, and the counts of the collector, of this process.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(create, store, ids, keys).result()
    except BrokenProcessPool as exc:
        raise BenchmarkError(f"the process with the store {store!r} died; was the memory enough?") from exc


def _figures(rounds: Sequence[Creation], *, store: str, ids: str, keys: int) -> Row:
    return {
        "store": store,
        "ids": ids,
        "keys": keys,
        "bytes_per_key": round(median(one.bytes_grown for one in rounds) / keys, 1),
        "peak_bytes_per_key": round(median(one.bytes_grown_at_peak for one in rounds) / keys, 1),
        "worst_ms": round(median(one.worst for one in rounds) / 1e6, 3),
        "worst_cpu_ms": round(median(one.worst_cpu for one in rounds) / 1e6, 3),
        "p99_99_us": median(one.p99_99 for one in rounds) / 1e3,
        "p99_99_cpu_us": median(one.p99_99_cpu for one in rounds) / 1e3,
        "writes_per_s": round(keys / median(one.seconds_in_writes for one in rounds)),
        **_rates(rounds),
        "rounds": [asdict(one) for one in rounds],
    }


def _rates(rounds: Sequence[Creation]) -> Row:
    by_mark = zip(*(one.rates for one in rounds), strict=True)
    return {f"to_{same[0][0]}_per_s": round(median(rate for _, rate in same)) for same in by_mark}


def _options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add_store(command)
    add("--keys", type=positive, default=10_000_000, help="inspectors to create (%(default)s)")
    add("--ids", action="append", choices=KINDS, help="kind of ids, may be repeated (all of them)")
    add("--rounds", type=positive, default=3, help="processes for each figure (%(default)s)")


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_stores(
        arguments.store or EMBEDDED,
        ids=arguments.ids or tuple(KINDS),
        keys=arguments.keys,
        rounds=arguments.rounds,
    )


COMMAND: Final = Command(
    name="stores",
    about="memory of a key, worst write",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--keys", "2000", "--rounds", "1"),
)
