"""One connection to a feed, over aiohttp-sse-client's `EventSource`.

Used of the library (0.2.1): its request, its headers, its checks of status and content type. Not
used, for cause: its decoding (an event cut by a disconnect is glued onto the next, the first event
after a BOM is lost, CR-only streams never dispatch, all leading spaces are stripped), its reconnecting
(ends on a chunked abort or a refused reconnect, doubles its delay without a cap) and its session (leaks
on a failed connect, ends after 5 minutes). Rule: nothing else knows the library, or aiohttp's errors.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp_sse_client.client import EventSource

from scores.errors import FeedEnded, FeedError

__all__ = ["PIECE", "connect"]

PIECE: Final = 32_768
"""Most bytes given at once, so that what they take to decode and record keeps nobody waiting."""

_MAX_REDIRECTS = 5


@asynccontextmanager
async def connect(
    url: str, *, last_event_id: str, token: str | None, connect_timeout: float, idle_timeout: float
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The bytes of the event stream at the URL, as they come; with a token, it is asked with it (RFC 6750).

    Raises `FeedEnded` on 204, `FeedError` for all else that goes wrong: refused, reset, DNS, TLS, any
    other status, another content type, too many redirects, no answer within `connect_timeout` seconds,
    and from the iterator an aborted body or silence for `idle_timeout` seconds.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_read=idle_timeout)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        answers: list[aiohttp.ClientResponse] = []

        async def keep(answer: aiohttp.ClientResponse) -> None:
            # EventSource keeps the response to itself; this hook is aiohttp's, and public.
            answers.append(answer)

        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            source = EventSource(
                url, session=session, headers=headers, raise_for_status=keep, max_redirects=_MAX_REDIRECTS
            )
            async with asyncio.timeout(connect_timeout):
                await source.connect()
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise _refusal(answers, exc) from exc
        async with aclosing(_chunks(answers[-1].content, idle_timeout)) as chunks:
            try:
                yield chunks
            finally:
                await source.close()


async def _chunks(content: aiohttp.StreamReader, idle_timeout: float) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in content.iter_chunked(PIECE):
            yield piece
    except aiohttp.ServerTimeoutError as exc:
        raise FeedError(f"silent for {idle_timeout:g} s") from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise FeedError(f"connection lost: {_reason(exc)}") from exc


def _refusal(answers: list[aiohttp.ClientResponse], exc: Exception) -> FeedError:
    """Why there is no stream; the library's own messages repeat the URL, and so its password."""
    if not answers:
        return FeedError(f"cannot connect: {_reason(exc)}")
    status, content_type = answers[-1].status, answers[-1].content_type
    if status == HTTPStatus.NO_CONTENT:
        return FeedEnded("answered 204: there will be no more events")
    if status != HTTPStatus.OK:
        hint = ": it wants a token, or another" if status == HTTPStatus.UNAUTHORIZED else ""
        return FeedError(f"answered {status}{hint}")
    return FeedError(f"sent {content_type} where text/event-stream is expected")


def _reason(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    if isinstance(exc, aiohttp.ClientConnectorError):
        return exc.os_error.strerror or type(exc.os_error).__name__
    if isinstance(exc, aiohttp.ClientPayloadError):
        return "broken off in the middle"
    if isinstance(exc, aiohttp.ClientResponseError):
        # Its text holds the URL.
        return type(exc).__name__
    return str(exc) or type(exc).__name__
