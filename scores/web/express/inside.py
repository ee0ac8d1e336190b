"""Whether the installed aiohttp is, inside, the one that the express lane knows.

Rule: on any doubt the lane stays off; the tests run on the oldest and the newest release of the range.
"""

import re
from typing import Final

import aiohttp
from aiohttp import web

__all__ = ["KNOWN", "unknown_inside"]

KNOWN: Final = (3, 14)
"""The releases of aiohttp whose inside has been read: all of this minor version."""

_NAMES: Final = (
    "_buffer_paused",
    "_loop",
    "_manager",
    "_messages",
    "_next_keepalive_close_time",
    "_paused",
    "_process_keepalive",
    "_reading_paused",
    "_keepalive_timeout",
    "_waiter",
    "log_access",
)


def unknown_inside() -> str | None:
    """What about the installed aiohttp is not known, as a sentence; None if all is."""
    major, minor = re.findall("[0-9]+", aiohttp.__version__)[:2]
    if (int(major), int(minor)) != KNOWN:
        return f"aiohttp {aiohttp.__version__} is not one of {KNOWN[0]}.{KNOWN[1]}"
    missing = [name for name in _NAMES if not hasattr(web.RequestHandler, name)]
    return f"aiohttp {aiohttp.__version__} has no RequestHandler.{missing[0]}" if missing else None
