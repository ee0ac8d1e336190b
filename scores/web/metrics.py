"""`GET /metrics`: what is counted of the server, for Prometheus.

Rule: a scrape never waits for long: a store that does not say in time what it holds is told of as away.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from scores.errors import StoreError
from scores.metrics.tally import Tally
from scores.stores import Store
from scores.web.keys import CONFIG, STORE

__all__ = ["METRICS", "Metrics", "get_metrics"]


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a process counts with, and what it tells."""

    tally: Tally
    expose: Callable[..., tuple[bytes, str]]
    """The text for a client that accepts these types, given how much is stored, and its media type."""


METRICS: Final = web.AppKey("metrics", Metrics)


async def get_metrics(request: web.Request) -> web.Response:
    """What is counted, in the format of Prometheus, or in OpenMetrics."""
    metrics = request.app[METRICS]
    totals = await _totals(request.app[STORE], request.app[CONFIG].metrics_timeout)
    accept = ",".join(request.headers.getall("Accept", ()))
    body, media_type = metrics.expose(totals, accept=accept)
    return web.Response(body=body, headers={"Content-Type": media_type})


async def _totals(store: Store, seconds: float) -> dict[str, int | None]:
    """How many of each kind are stored; None for all of them unless the store says so in time."""
    kinds: dict[str, Callable[..., Any]] = {
        "students": store.students,
        "exams": store.exams,
        "inspectors": store.inspectors,
    }
    try:
        async with asyncio.timeout(seconds):
            pages = await asyncio.gather(*(listing(limit=1) for listing in kinds.values()))
    except (StoreError, TimeoutError):
        return dict.fromkeys(kinds)
    return {kind: page.total for kind, page in zip(kinds, pages, strict=True)}
