"""A drain of real processes, begun and ended by real signals."""

import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
from support.commands import Command
from support.requests import post, request
from support.sockets import connection

SHARED_STORE = str(Path(__file__).parent / "support" / "shared_store")
DRAIN = "draining for 600 s: /readyz is 503, requests are answered"
Start = Callable[..., Awaitable[Command]]


async def asked(address: str, data: bytes) -> tuple[int, bytes]:
    """The status and the body of the one answer on a connection of its own."""
    async with connection(address) as (reader, writer):
        writer.write(data)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    return int(head.split()[1]), body


async def drains(address: str) -> None:
    """Fails unless a server there says that it drains, and takes what it is sent all the same."""
    status, body = await asked(address, request("GET", "/readyz"))
    assert (status, orjson.loads(body)["type"]) == (503, "urn:problem-type:scores:draining")
    status, _ = await asked(address, post())
    assert status == 200


async def test_a_signal_begins_it_and_the_next_ends_it(command: Start) -> None:
    server = await command("serve", "--port", "0", "--feed", "off", "--drain", "600")
    async with connection(server.address) as (reader, writer):
        writer.write(request("GET", "/readyz"))
        await reader.readuntil(b'{"status":"ok"}')
        server.process.send_signal(signal.SIGTERM)
        await server.until(re.escape(DRAIN))
        for _ in range(3):
            await drains(server.address)
        # Who was connected before is served, and told to come again elsewhere.
        writer.write(request("GET", "/readyz"))
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nConnection: close" in head
        assert b":draining" in body
    assert await server.stop(signal.SIGINT) == 0


async def test_workers_drain_and_only_a_second_signal_ends_it(command: Start) -> None:
    path = os.pathsep.join(filter(None, [SHARED_STORE, os.environ.get("PYTHONPATH")]))
    server = await command(
        "serve", "--port", "0", "--feed", "off", "--drain", "600", "--workers", "2", "--store", "shared:",
        listening=False, PYTHONPATH=path,
    )  # fmt: skip
    workers, address = list[int](), ""
    while len(workers) < 2 or not address:
        found = await server.until(r"worker (\d+) is listening|listening: (http://\S+)")
        workers += [int(found[1])] if found[1] else []
        address = found[2] or address
    # Ctrl-C at a terminal: each of them hears of it, and the workers once more from the first process.
    for pid in (server.process.pid, *workers):
        os.kill(pid, signal.SIGINT)
    for _ in workers:
        await server.until(re.escape(DRAIN))
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for _ in range(10):
        await drains(address)
    server.process.send_signal(signal.SIGTERM)
    for _ in workers:
        await server.until("stopping: finishing what is in flight")
    assert await server.process.wait() == 0
