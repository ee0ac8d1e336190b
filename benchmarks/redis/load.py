"""`POST /scores` on many connections at once: by wrk, or where it is not installed by our own client.

The rule: each connection sends its next request when the last one is answered. Both send the same bodies.
"""

import asyncio
import json
import shutil
import subprocess
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Final
from urllib.parse import urlsplit

from benchmarks.errors import BenchmarkError
from benchmarks.histogram import Histogram
from benchmarks.redis.turns import run

__all__ = ["CLIENTS", "Load", "default_client", "load"]

CLIENTS: Final = ("wrk", "own")

_SCRIPT: Final = Path(__file__).parent / "post.lua"
_PATH: Final = "/scores"
_UUIDS: Final = 1000
_MARKS: Final = 6
_OK: Final = b"HTTP/1.1 200"
_END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it; latencies in microseconds."""

    requests_per_s: float
    errors: int
    p50_us: float
    p99_us: float


def default_client() -> str:
    """wrk, unless it is not installed."""
    return "wrk" if shutil.which("wrk") else "own"


def load(client: str, address: str, *, connections: int, seconds: int) -> Load:
    """Loads the server at this address with one of the `CLIENTS`."""
    if client == "wrk":
        return _wrk(address, connections, seconds)
    return run(_own(address, connections, seconds))


def _wrk(address: str, connections: int, seconds: int) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT), address + _PATH]
    try:
        done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - ours
        kept = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as exc:
        raise BenchmarkError(f"wrk failed: {exc}") from exc
    rate = kept["requests"] / kept["microseconds"] * 1e6
    return Load(rate, kept["errors"], kept["p50_us"], kept["p99_us"])


async def _own(address: str, connections: int, seconds: int) -> Load:
    parts, times, errors = urlsplit(address), Histogram(), 0
    requests, end = cycle(_requests(parts.netloc)), perf_counter() + seconds

    async def connection() -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            while perf_counter() < end:
                start = perf_counter_ns()
                writer.write(next(requests))
                errors += not await _is_ok(reader)
                times.record(perf_counter_ns() - start)
        finally:
            writer.close()

    start = perf_counter()
    try:
        await asyncio.gather(*(connection() for _ in range(connections)))
    except (OSError, EOFError) as exc:
        raise BenchmarkError(f"the connection to {address} failed: {exc}") from exc
    rate = times.count / (perf_counter() - start)
    return Load(rate, errors, times.percentile(50) / 1000, times.percentile(99) / 1000)


def _requests(host: str) -> list[bytes]:
    return [_request(host, number) for number in range(_UUIDS)]


def _request(host: str, number: int) -> bytes:
    body = f'{{"UUID":"5ca1ab1e-0000-4000-8000-{number:012}","score":{number % _MARKS}}}'
    head = [f"POST {_PATH} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode()


async def _is_ok(reader: asyncio.StreamReader) -> bool:
    """Reads an answer to its end."""
    head = await reader.readuntil(_END_OF_HEAD)
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return head.startswith(_OK)
