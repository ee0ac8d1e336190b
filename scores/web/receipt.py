"""The answer to a score: a small JSON document in one piece, behind a head that is nearly always the same.

Rule: byte for byte what aiohttp makes of it, and aiohttp makes it whenever there is more to say than the
document: another field, the end of the connection, HTTP/1.0. Nothing that a client sends gets into the head.
"""

from functools import lru_cache
from typing import Final

import orjson
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

from scores.web.fields import fields_of

__all__ = ["Receipt"]

_FIELDS: Final = fields_of("application/json")
_START: Final = "".join(["HTTP/1.1 200 OK\r\n", *(f"{name}: {value}\r\n" for name, value in _FIELDS.items())])


class Receipt(web.Response):
    """The 200 with a JSON document that answers a write."""

    alone = False
    """Whether nobody else has a say in it: no signal, no middleware of whoever runs the application."""
    _last = False
    _size = 0
    """Bytes that were sent at once."""

    def __init__(self, data: object) -> None:
        super().__init__(body=orjson.dumps(data), headers=_FIELDS)

    @property
    def keep_alive(self) -> bool | None:
        return True if self._size else super().keep_alive

    @property
    def body_length(self) -> int:
        return self._size or super().body_length

    def force_close(self) -> None:
        self._last = True
        super().force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends all of it, or what aiohttp sends first."""
        body = self.body
        if (
            not self.alone
            or self._last
            or not request.keep_alive
            or request.version != HttpVersion11
            or self.headers != _FIELDS
            or not isinstance(body, bytes)
        ):
            return await super().prepare(request)
        writer = request.writer
        await writer.write_eof(_head(len(body), rfc822_formatted_time()) + body)
        self._size = writer.output_size
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Sends what `prepare` has left."""
        if not self._size:
            await super().write_eof(data)


@lru_cache(maxsize=256)
def _head(length: int, date: str) -> bytes:
    """What stands before a document of so many bytes, within the second that this date names."""
    return f"{_START}Content-Length: {length}\r\nDate: {date}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n".encode(
        "ascii"
    )
