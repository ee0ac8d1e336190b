"""Heads that have been understood before: what each means, and which are kept.

What a head means is a pure function of its bytes, so one that aiohttp's parser has accepted need not be
parsed again. Rule: a head is kept only if every line of it is a usual one, and whoever brings ever new
heads makes the memory forget its own.
"""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiohttp import HttpVersion11
from aiohttp.http import RawRequestMessage

from scores.metrics.layout import SUM, Place
from scores.web.express.framing import MAX_HEAD, body_length
from scores.web.head import is_host

__all__ = ["MAX_HEADS", "Answerer", "Head", "Heads", "Understand"]

MAX_HEADS: Final = 1024
"""How many are kept, of at most `MAX_HEAD` bytes each."""

_USUAL: Final = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "dnt",
        "forwarded",
        "host",
        "origin",
        "pragma",
        "priority",
        "referer",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "user-agent",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    }
)
"""Names of fields that no answer depends on, and of those that are looked at, here or by `Understand`."""

Answerer = Callable[[bytes], bytes | Coroutine[Any, Any, bytes] | None]
"""Gives the answer to a request with this body, now or later; None leaves the request to the usual way."""

Understand = Callable[[RawRequestMessage, int], Answerer | None]
"""Who answers requests with this head and a body of so many bytes; None if the usual way does."""


class Head:
    """A head that is known: who answers such a request, and how long its body is."""

    __slots__ = ("answer", "cells", "data", "length", "message", "route", "sum", "used")

    def __init__(
        self, data: bytes, message: RawRequestMessage, answer: Answerer, length: int, place: Place
    ) -> None:
        self.data = data
        self.message = message
        self.answer = answer
        self.length = length
        """Bytes of the body."""
        self.route, self.cells = place
        self.sum = place.cells + SUM
        self.used = False
        """Whether it has come again since it was last a candidate for being forgotten."""


class Heads:
    """The memory of one server.

    When it is full, the client (by its address, or its network) that taught it most has one head forgotten:
    the oldest that has not come again of late.
    """

    def __init__(self, understand: Understand, place: Callable[[str, str], Place]) -> None:
        """`place` says where a request to a path is counted, by its method."""
        self._understand = understand
        self._place = place
        self._known: dict[bytes, Head] = {}
        self._taught: dict[str, deque[bytes]] = {}
        self.get = self._known.get
        """The head with these bytes, if it is known."""

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, data: bytes, message: RawRequestMessage, *, client: str) -> None:
        """Keeps this head, of which the parser made this message, if it is a usual one."""
        if data in self._known or not _is_usual(data, message):
            return
        length = body_length(message) or 0
        answer = self._understand(message, length)
        if answer is None:
            return
        if len(self._known) == MAX_HEADS:
            self._forget()
        place = self._place(message.url.raw_path, message.method)
        self._known[data] = Head(data, message, answer, length, place)
        self._taught.setdefault(client, deque()).append(data)

    def _forget(self) -> None:
        client, taught = max(self._taught.items(), key=lambda item: len(item[1]))
        while self._known[taught[0]].used:
            self._known[taught[0]].used = False
            taught.rotate(-1)
        del self._known[taught.popleft()]
        if not taught:
            del self._taught[client]


def _is_usual(data: bytes, message: RawRequestMessage) -> bool:
    headers = message.headers
    return (
        len(data) <= MAX_HEAD
        and message.version == HttpVersion11
        and all(name.lower() in _USUAL for name in headers)
        and all(value.lower() == "keep-alive" for value in headers.getall("Connection", ()))
        and is_host(headers.get("Host", ""))
    )
