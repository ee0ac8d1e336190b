"""A client of a `scores` server, for asyncio, on aiohttp.

    async with Client("http://127.0.0.1:8000") as client:
        print(await client.post("a1-b1", 5))

Rule: these are its public names; `import scores` does not need them, and does not import aiohttp.
"""

from scores.client.answers import Feed, Mean, MeanEvent, Report, ScoreEvent
from scores.client.client import Client
from scores.client.errors import (
    ApiError,
    BadAnswer,
    BrokenOff,
    ClientError,
    Import,
    InDoubt,
    Problem,
    Unreachable,
)
from scores.client.following import Start

__all__ = [
    "ApiError",
    "BadAnswer",
    "BrokenOff",
    "Client",
    "ClientError",
    "Feed",
    "Import",
    "InDoubt",
    "Mean",
    "MeanEvent",
    "Problem",
    "Report",
    "ScoreEvent",
    "Start",
    "Unreachable",
]
