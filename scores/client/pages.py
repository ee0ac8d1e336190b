"""Listings that come in pages, as one iteration.

Rule: a page is fetched when the one before it has been used up, and no connection is held in between. Of
`next` only the query is followed: the way to the server is our own, whatever a proxy makes of paths.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from yarl import URL

from scores.client.answers import read
from scores.client.errors import BadAnswer
from scores.client.exchange import Exchange

__all__ = ["fetch", "items"]

T = TypeVar("T")


async def fetch(exchange: Exchange, path: str, query: str) -> dict[str, Any]:
    """One page, as it came."""
    reply = await exchange.call("GET", path, query=query)
    if not isinstance(reply.document, dict):
        raise BadAnswer(f"{exchange.url}{path} answered with something that is no listing")
    return reply.document


async def items(
    exchange: Exchange,
    path: str,
    query: str,
    member: str,
    how: Callable[[dict[str, Any]], T],
    *,
    first: dict[str, Any] | None = None,
) -> AsyncIterator[T]:
    """What `how` makes of each item of the listing's pages, beginning with the one at hand, if one is."""
    page = await fetch(exchange, path, query) if first is None else first
    while True:
        found = page.get(member)
        if not isinstance(found, list):
            raise BadAnswer(f"{exchange.url}{path} answered with a page that has no {member!r}")
        for item in found:
            yield read(how, item)
        link = page.get("next")
        if link is None:
            return
        follow = URL(str(link), encoded=True).raw_query_string
        if follow == query:
            raise BadAnswer(f"{exchange.url}{path} answered with a page that is followed by itself")
        query = follow
        page = await fetch(exchange, path, query)
