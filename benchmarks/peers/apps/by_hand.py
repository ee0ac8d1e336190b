"""No framework: httptools parses, a protocol on uvloop answers, orjson reads and writes.

The rule: it does the job and nothing else, so it is about the least that the job takes in Python.
"""

import asyncio
import sys
from typing import Final, cast

import orjson
import uvloop
from httptools import HttpParserError, HttpRequestParser

from benchmarks.peers.apps.means import Means, check

means = Means()

_OK: Final = b"200 OK"
_BAD: Final = b"400 Bad Request"
_NOT_FOUND: Final = b"404 Not Found"
_INVALID: Final = b"422 Unprocessable Content"


class Connection(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins with the first request."""
        # uvloop's transports have asyncio's methods, but not its classes.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = HttpRequestParser(self)
        self._url, self._body = b"", b""

    def data_received(self, data: bytes) -> None:
        """Parses what came."""
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._answer(_BAD, b"{}")
            self._transport.close()

    def on_message_begin(self) -> None:
        """Forgets the last request."""
        self._url, self._body = b"", b""

    def on_url(self, url: bytes) -> None:
        """Takes the target, or a piece of it."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Takes the body, or a piece of it."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answers the request."""
        if (self._parser.get_method(), self._url) != (b"POST", b"/scores"):
            self._answer(_NOT_FOUND, b"{}")
            return
        try:
            uuid, score = check(orjson.loads(self._body))
        except ValueError as exc:
            self._answer(_INVALID, orjson.dumps({"title": str(exc)}))
        else:
            self._answer(_OK, orjson.dumps({"UUID": uuid, "mean": means.add(uuid, score)}))

    def _answer(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)


async def serve(port: int) -> None:
    """Serves until the process ends."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
