"""`GET /scores`: what is recorded, republished to whoever listens (HTML standard, section 9.2)."""

import logging
from contextlib import aclosing
from typing import Final

from aiohttp import hdrs, web

from scores.errors import NotAcceptable, StoreError
from scores.web.accept import accepts
from scores.web.connection import Connection
from scores.web.fields import fields_of
from scores.web.finishing import begin_stream
from scores.web.keys import HUB
from scores.web.queries import starts_now

__all__ = ["get_scores"]

_EVENT_STREAM: Final = "text/event-stream"
# Proxies that gather answers would keep events from being told when they happen.
_UNGATHERED: Final = ("X-Accel-Buffering", "no")

log = logging.getLogger(__name__)


async def get_scores(request: web.Request) -> web.StreamResponse:
    """Results and means as they are recorded, as an event stream: first all results that are stored.

    After `Last-Event-ID` comes what the reader has missed; with `start=now`, nothing of the past.
    """
    if not accepts(request.headers.getall("Accept", ()), _EVENT_STREAM):
        raise NotAcceptable(f"this is an event stream: send the header Accept: {_EVENT_STREAM}")
    only_new = starts_now(request)
    if request.method == hdrs.METH_HEAD:
        return web.Response(headers=[*fields_of(_EVENT_STREAM).items(), _UNGATHERED])
    last_event_id = request.headers.get("Last-Event-ID", "")
    async with request.app[HUB].reading(_Client(request), last_event_id, only_new=only_new) as reader:
        response = begin_stream(request, _EVENT_STREAM)
        response.headers.extend([_UNGATHERED])
        if isinstance(request.protocol, Connection) and request.protocol.ending:
            response.force_close()
        await response.prepare(request)
        try:
            async with aclosing(reader.chunks()) as chunks:
                async for chunk in chunks:
                    await response.write(chunk)
                    # Until the reader has taken it: what comes next is decided then.
                    await request.writer.drain()
        except StoreError as exc:
            log.info("live: a reader is sent away: %s", exc)
        return response


class _Client:
    """The connection of a request, as the reader's other end."""

    def __init__(self, request: web.Request) -> None:
        self._request = request

    @property
    def gone(self) -> bool:
        transport, protocol = self._request.transport, self._request.protocol
        # To a stream that does not end, nobody listens who has nothing more to say.
        silent = isinstance(protocol, Connection) and protocol.said_all
        return silent or transport is None or transport.is_closing()

    def drop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()
