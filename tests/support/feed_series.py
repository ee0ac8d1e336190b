"""What a simulated feed has sent, and what a server has made of it."""

from itertools import islice

import orjson

from scores.feed.sequence import ExamSeries
from scores.models import parse_result
from scores.testing.oracle import exact_mean
from support.listings import listing

__all__ = ["OTHERS", "Averages", "averages_at", "averages_of", "stored_of_feed"]

Averages = dict[int, tuple[float, int]]
"""The average and the number of results of each exam."""

OTHERS = 1_000_000
"""Exams from this number on are none of the feed's."""


def averages_of(events: int) -> Averages:
    """What so many of its first events come to, by the oracle."""
    scores: dict[int, list[float]] = {}
    for event in islice(ExamSeries().since(0), events):
        result = parse_result(orjson.loads(event.data))
        scores.setdefault(result.exam, []).append(result.score)
    return {exam: (exact_mean(values), len(values)) for exam, values in scores.items()}


async def averages_at(address: str) -> Averages:
    """What a server has stored of it."""
    found = await listing(address, "exams")
    return {one["exam"]: (one["average"], one["count"]) for one in found if one["exam"] < OTHERS}


async def stored_of_feed(address: str) -> int:
    """How many results a server has stored of it."""
    return sum(count for _, count in (await averages_at(address)).values())
