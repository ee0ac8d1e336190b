"""One connection of our own client: where an answer begins and ends.

The rule: between an answer and what is made of it stands as little as Python allows: the head's end
and its length. Who derives from it decides what is sent, and when.
"""

import asyncio
import re
from typing import Final, cast
from urllib.parse import urlsplit

from benchmarks.errors import BenchmarkError

__all__ = ["Exchange", "endpoint", "is_error", "is_last"]

_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS_CLASS: Final = 9
"""Where RFC 9112, section 4, puts the first digit of the status."""
_ERROR: Final = ord("4")

_length = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)
_closing = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class Exchange(asyncio.Protocol):
    """A connection on which each request is answered before the next is sent."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection is; fails for an answer without a Content-Length."""
        self._received = b""
        self._transport: asyncio.Transport

    def opened(self) -> None:
        """The connection is there."""
        raise NotImplementedError

    def answered(self, data: bytes, head: int) -> None:
        """This is a whole answer, whose head ends there; called once for each request."""
        raise NotImplementedError

    def ended(self) -> None:
        """The connection is gone."""
        raise NotImplementedError

    def send(self, request: bytes) -> None:
        """Sends the request, when there is none under way."""
        self._transport.write(request)

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have asyncio's methods, but not its classes.
        self._transport = cast("asyncio.Transport", transport)
        self.opened()

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        head = data.find(_END_OF_HEAD)
        length = _length.search(data, 0, head) if head >= 0 else None
        if head >= 0 and length is None:
            self.over.set_exception(BenchmarkError("the server answered without a Content-Length"))
            self._transport.abort()
        elif length is None or len(data) < head + len(_END_OF_HEAD) + int(length[1]):
            self._received = data
        else:
            self._received = b""
            self.answered(data, head)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if not self.over.done():
            self.ended()
            self.over.set_result(None)


def endpoint(address: str) -> tuple[str, int]:
    """The host and the port of `http://host:port`."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or 80


def is_error(data: bytes) -> bool:
    """The answer has a status from 400 on."""
    return data[_STATUS_CLASS] >= _ERROR


def is_last(data: bytes, head: int) -> bool:
    """The server will end the connection after this answer."""
    return _closing.search(data, 0, head) is not None
