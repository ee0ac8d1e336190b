"""What the application carries for its handlers, each under a typed key."""

from typing import Final

from aiohttp import web

from scores.config import Config
from scores.feed.status import FeedStatus
from scores.stores import Store

__all__ = ["CONFIG", "FEED", "IN_FLIGHT", "STORE"]

CONFIG: Final = web.AppKey("config", Config)
STORE: Final = web.AppKey("store", Store)
FEED: Final = web.AppKey("feed", FeedStatus)
IN_FLIGHT: Final = web.AppKey("in_flight", set[str])
"""The idempotency keys of the requests that are being answered."""
