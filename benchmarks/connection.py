"""One keep-alive connection to an HTTP server, from a plain blocking socket.

The rule: as little as possible between a request and its answer, so that what is timed is the server.
Requests come ready-made; of an answer the status is read, and as many bytes as its Content-Length says.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from benchmarks.errors import BenchmarkError

__all__ = ["Answer", "Connection", "open_connection"]

_CONNECT_TIMEOUT: Final = 10.0
_CHUNK: Final = 65_536
_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS: Final = slice(9, 12)
"""Where RFC 9112, section 4, puts the status."""

_length = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)


class Answer(NamedTuple):
    """What a server said to one request."""

    status: int
    body: bytes


class Connection:
    """A connection on which each request is answered before the next is sent."""

    def __init__(self, stream: socket.socket, *, host: str, path: str) -> None:
        self._stream = stream
        self._host = host
        self._path = path

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A request as it goes over the wire, to be sent any number of times."""
        lines = [f"{method} {self._path}{path} HTTP/1.1", f"Host: {self._host}", "Accept: application/json"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def ask(self, request: bytes) -> Answer:
        """Sends the request, and waits for the whole answer.

        Raises `BenchmarkError` when the connection ends, or for an answer without a Content-Length.
        """
        self._stream.sendall(request)
        data = self._receive()
        while (end := data.find(_END_OF_HEAD)) < 0:
            data += self._receive()
        length = _length.search(data, 0, end)
        if length is None:
            raise BenchmarkError("the server answered without a Content-Length")
        start = end + len(_END_OF_HEAD)
        while len(data) < start + int(length[1]):
            data += self._receive()
        return Answer(int(data[_STATUS]), data[start:])

    def _receive(self) -> bytes:
        data = self._stream.recv(_CHUNK)
        if not data:
            raise BenchmarkError("the server closed the connection")
        return data


@contextmanager
def open_connection(url: str) -> Iterator[Connection]:
    """Connects to the server at `http://host:port`, which may have a path before those of the API."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise BenchmarkError(f"the URL {url!r} is not allowed: it must be http://host:port")
    try:
        stream = socket.create_connection((parts.hostname, parts.port or 80), timeout=_CONNECT_TIMEOUT)
        with stream:
            # With a timeout, Python would ask poll() before each send and each receive.
            stream.settimeout(None)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Connection(stream, host=parts.netloc.rpartition("@")[2], path=parts.path.rstrip("/"))
    except OSError as exc:
        raise BenchmarkError(f"the connection to {url} failed: {exc.strerror or exc}") from exc
