"""What the server says of itself: `/livez`, `/readyz`, `/feed`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

import scores
from scores.errors import StoreError
from scores.web.bodies import respond
from scores.web.keys import CONFIG, DRAIN, FEED, STORE

__all__ = ["LINKS", "get_feed", "get_livez", "get_readyz"]

LINKS: Final = web.AppKey("links", Mapping[str, str])
"""The path of each resource."""


async def get_livez(_request: web.Request) -> web.Response:
    """Whether the process answers at all."""
    return respond({"status": "ok"})


async def get_readyz(request: web.Request) -> web.Response:
    """Whether clients should come: the store answers, and nobody has told the server to stop; with `verbose`,
    what it is, and each check.
    """
    request.app[DRAIN].check()
    try:
        await request.app[STORE].exams(limit=1)
    except StoreError as exc:
        raise StoreError(f"the store does not answer: {exc}") from exc
    # It may have taken its time.
    request.app[DRAIN].check()
    if "verbose" not in request.query:
        return respond({"status": "ok"})
    return respond(
        {
            "status": "ok",
            "version": scores.__version__,
            # Only of what kind it is: the rest of its URL may have a password in it.
            "store": request.app[CONFIG].store.partition(":")[0],
            "checks": {"store": "ok", "feed": request.app[FEED].state.value},
        }
    )


async def get_feed(request: web.Request) -> web.Response:
    """The feed's state, and what came of its events."""
    status = request.app[FEED]
    return respond(
        {
            "url": status.url,
            "state": status.state.value,
            "lastEventId": status.last_event_id or None,
            "lastEventAt": None if status.last_event_at is None else _timestamp(status.last_event_at),
            "received": status.received,
            "recorded": status.recorded,
            "rejected": status.rejected.total(),
            "reconnects": status.reconnects,
        }
    )


def _timestamp(moment: datetime) -> str:
    """RFC 3339, section 5.6, in UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
