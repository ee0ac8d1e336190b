"""The time of one page, from listings of a thousand to a million items.

The rule: whole listings are walked, page by page, so that the figures are those of every page and not
of the first; small listings are walked as often as it takes to time as many pages.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from random import Random
from time import perf_counter_ns
from typing import Any, Final

from benchmarks.command import EMBEDDED, Command, add_store, positive
from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.ids import short
from benchmarks.progress import Progress
from benchmarks.results import Row
from scores.models import Page, Repeats, Result
from scores.stores import Store, open_store

__all__ = ["COMMAND", "measure_pages"]

_METHOD: Final = (
    "A store is filled with students, in no order, each with one result in the same exam. Then"
    " Store.students and the results of Store.exam are walked from the first page to the last, 100 items a"
    " page, as often as it takes to time as many pages as the longest listing has. Each page is asked for"
    " twice: p50_us, p99_us and max_us are of the first time, when a long listing comes from memory and a"
    " short one from the processor's caches; again_us is the p50 of the second time, when both are in the"
    " caches, which leaves the work done. growth and again_growth: those p50s divided by the shortest"
    " listing's."
)

_EXAM: Final = 1
_LIMIT: Final = 100
_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)

_Fetch = Callable[[Store, str | None], Awaitable[Page[Any]]]


def measure_pages(stores: Sequence[str], *, sizes: Sequence[int]) -> list[Row]:
    """The figures of each store, listing and size."""
    return [row for store in stores for row in asyncio.run(_measure(store, sorted(sizes)))]


async def _measure(url: str, sizes: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    results, filled, pages = _results(sizes[-1]), 0, max(sizes[-1] // _LIMIT, 1)
    shortest: dict[str, _Times] = {}
    async with open_store(url) as store:
        for size in sizes:
            await _fill(store, islice(results, size - filled))
            filled = size
            for listing, fetch in _LISTINGS.items():
                times = await _time(store, fetch, size, pages=pages, name=f"pages, {url}, {listing}")
                figures = _figures(times, shortest.setdefault(listing, times))
                rows.append({"store": url, "listing": listing, "stored": size, **figures})
    return rows


def _results(count: int) -> Iterator[Result]:
    seeded = Random(100)
    return (Result(student_id, _EXAM, seeded.random()) for student_id in short(count))


async def _fill(store: Store, results: Iterator[Result]) -> None:
    for result in results:
        await store.record([result], repeats=Repeats.LAST)


async def _students(store: Store, after: str | None) -> Page[Any]:
    return await store.students(after=after, limit=_LIMIT)


async def _exam(store: Store, after: str | None) -> Page[Any]:
    report = await store.exam(_EXAM, after=after, limit=_LIMIT)
    if report is None:
        raise BenchmarkError("the store has lost an exam")
    return report.results


_LISTINGS: Final[dict[str, _Fetch]] = {"students": _students, "results of an exam": _exam}


class _Times:
    """How long pages took, in nanoseconds."""

    def __init__(self) -> None:
        self.first = Histogram()
        self.again = Histogram()
        """When the same page has just been given."""


async def _time(store: Store, fetch: _Fetch, size: int, *, pages: int, name: str) -> _Times:
    """Walks the listing until at least so many pages have been timed."""
    times = _Times()
    with Progress(f"{name} of {size:,}", pages) as progress:
        while times.first.count < pages:
            await _walk(store, fetch, size, times)
            progress.reached(times.first.count)
    return times


async def _walk(store: Store, fetch: _Fetch, size: int, times: _Times) -> None:
    seen, after, more = 0, None, True
    while more:
        start = perf_counter_ns()
        page = await fetch(store, after)
        end = perf_counter_ns()
        await fetch(store, after)
        times.again.record(perf_counter_ns() - end)
        times.first.record(end - start)
        seen, after, more = seen + len(page.items), page.next, page.next is not None
    if seen != size:
        raise BenchmarkError(f"a walk over {size} items met {seen}")


def _figures(times: _Times, shortest: _Times) -> Row:
    p50, again = times.first.percentile(50), times.again.percentile(50)
    return {
        "pages": times.first.count,
        "p50_us": p50 / 1000,
        "p99_us": times.first.percentile(99) / 1000,
        "max_us": times.first.worst / 1000,
        "growth": round(p50 / shortest.first.percentile(50), 2),
        "again_us": again / 1000,
        "again_growth": round(again / shortest.again.percentile(50), 2),
    }


def _options(command: argparse.ArgumentParser) -> None:
    add_store(command)
    default = ", ".join(map(str, _SIZES))
    command.add_argument(
        "--size", action="append", type=positive, help=f"students stored, may be repeated ({default})"
    )


def _run(arguments: argparse.Namespace) -> list[Row]:
    return measure_pages(arguments.store or EMBEDDED, sizes=arguments.size or _SIZES)


COMMAND: Final = Command(
    name="pages",
    about="time of a page, by what is stored",
    method=_METHOD,
    options=_options,
    run=_run,
    tiny=("--size", "100", "--size", "1000"),
)
