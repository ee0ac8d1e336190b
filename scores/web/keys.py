"""What the application carries for its handlers, each under a typed key."""

from typing import Final

from aiohttp import web

from scores.config import Config
from scores.feed.status import FeedStatus
from scores.live.hub import Hub
from scores.stores import Store
from scores.web.access import Guard
from scores.web.cors import Cors
from scores.web.drain import Drain
from scores.web.pending import Pending

__all__ = ["CONFIG", "CORS", "DRAIN", "FEED", "GUARD", "HUB", "IN_FLIGHT", "PENDING", "STORE"]

CONFIG: Final = web.AppKey("config", Config)
STORE: Final = web.AppKey("store", Store)
FEED: Final = web.AppKey("feed", FeedStatus)
IN_FLIGHT: Final = web.AppKey("in_flight", set[str])
"""The idempotency keys of the requests that are being answered."""
HUB: Final = web.AppKey("hub", Hub)
"""There unless `SCORES_LIVE` is off."""
GUARD: Final = web.AppKey("guard", Guard)
CORS: Final = web.AppKey("cors", Cors)
DRAIN: Final = web.AppKey("drain", Drain)
PENDING: Final = web.AppKey("pending", Pending)
