"""A bulk request as one client sends it: lines go out while answers come in.

The rule: sending and reading are two threads, so that a server which answers line by line is never
held up by a client that does not read.
"""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from benchmarks.cores import cores, on_core
from benchmarks.errors import BenchmarkError
from benchmarks.load.messages import UUIDS

__all__ = ["ANSWERS", "NDJSON", "Streamed", "stream_lines"]

NDJSON: Final = "application/x-ndjson"
ANSWERS: Final = {"lines": "", "minimal": "Prefer: return=minimal\r\n"}
"""What is asked for: an answer to each line, or one to all (RFC 7240, section 4.2)."""

_MARKS: Final = 6
_AT_ONCE: Final = 1000
_CHUNK: Final = 65_536
_HEAD: Final = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {type}\r\n{prefer}"
    "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of it."""

    status: int
    answers: int
    """Lines of the answer."""
    seconds: float = 0.0
    """From the first byte sent to the end of the answer."""


def stream_lines(address: str, lines: int, *, answers: str = "lines") -> Streamed:
    """Sends so many scores, of a thousand UUIDs in turn, as one request to `POST /scores`."""
    parts = urlsplit(address)
    head = _HEAD.format(path=parts.path + "/scores", host=parts.netloc, type=NDJSON, prefer=ANSWERS[answers])
    start = perf_counter()
    try:
        with on_core(cores().client), socket.create_connection((parts.hostname, parts.port)) as stream:
            stream.sendall(head.encode())
            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(_read, stream)
                _send(stream, lines)
                status, answered = reading.result()
    except (OSError, HTTPException) as exc:
        raise BenchmarkError(f"the request to {address} failed: {exc}") from exc
    return Streamed(status, answered, perf_counter() - start)


def _send(stream: socket.socket, lines: int) -> None:
    ready = [
        json.dumps({"UUID": uuid, "score": number % _MARKS}).encode() + b"\n"
        for number, uuid in enumerate(UUIDS)
    ]
    for first in range(0, lines, _AT_ONCE):
        chunk = b"".join(ready[: min(_AT_ONCE, lines - first)])
        stream.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    stream.sendall(b"0\r\n\r\n")


def _read(stream: socket.socket) -> tuple[int, int]:
    """The status, and how many lines there were."""
    answer, lines = HTTPResponse(stream), 0
    answer.begin()
    while data := answer.read1(_CHUNK):
        lines += data.count(b"\n")
    return answer.status, lines
